import Autodiff
import Execution
import Foundation
import Pushforward

/// Kernels at the shapes of real models, on the CPU and on a device side by side.
enum BenchKernels {
    /// A kernel as a program, and how much it does.
    struct Case {
        enum Work {
            /// Multiplications and additions.
            case operations(Int)
            /// Bytes that must be moved: each operand once, each result once.
            case bytes
        }

        let name: String
        let shape: String
        let work: Work
        /// Whether composites run by kernels of their own, or as the loops of their subgraphs.
        var composites = true
        let build: (Graph) throws -> [Tensor]
    }

    static func run(_ arguments: Arguments, _ console: Console) throws {
        let device = try arguments.device().makeBackend()
        var backends: [any Backend] = [device]
        if device.name != "cpu" { backends.insert(try CPUBackend(threads: arguments[Common.threads]), at: 0) }
        let options = arguments.compileOptions
        let cases = Self.cases
        let progress = ProgressBar("bench", total: cases.count * backends.count, unit: "kernels", console: console)
        var rows: [JSONTree] = []
        var table: [(name: String, text: String)] = []
        for item in cases {
            var rates: [String] = []
            for backend in backends {
                try Interrupt.check()
                let (seconds, processorSeconds, byteCount) = try measure(item, on: backend, options)
                let (amount, unit) = item.work.amount(byteCount)
                rows.append([
                    "kernel": .string(item.name), "shape": .string(item.shape), "device": .string(backend.name),
                    "microseconds": .double(seconds * 1e6),
                    "processor_microseconds": .double(processorSeconds * 1e6), "rate": .double(amount / seconds / 1e9),
                    "unit": .string(unit),
                ])
                rates.append(
                    String(format: "%@ %9.1f us %7.1f %@", backend.name, seconds * 1e6, amount / seconds / 1e9, unit))
                progress.update(rows.count)
            }
            table.append(("\(item.name) \(item.shape)", rates.joined(separator: "    ")))
        }
        progress.finish()
        let result: JSONTree = [
            "what": "kernels", "device": .string(device.name), "device_description": .string(device.description),
            "math": .string(options.math.rawValue), "gemm_provider": .string(device.matmulProvider(options.math)),
            "rows": .array(rows),
        ]
        try console.report(result) { _ in columns(table) }
    }

    /// Seconds of one run (median of five batches of runs), the processor's on all cores (least of the five), which tell
    /// more where others use the machine, and the bytes of inputs and outputs.
    private static func measure(
        _ item: Case, on backend: any Backend, _ options: CompileOptions
    ) throws -> (seconds: Double, processorSeconds: Double, byteCount: Int) {
        let graph = Graph()
        let outputs = try item.build(graph)
        var options = options
        options.composites = item.composites
        let states = DeviceStates(on: backend)
        let program = try CompiledProgram(Execution.Program(graph, outputs: outputs), states: states, options: options)
        for (index, input) in program.inputTypes.enumerated() {
            guard let values = numbers(input.type) else { continue }
            try program.setInput(index, values)
        }
        func time(_ runs: Int) throws -> (seconds: Double, processorSeconds: Double) {
            let (start, processorStart) = (DispatchTime.now().uptimeNanoseconds, clock())
            for _ in 0..<runs { try program.run() }
            try backend.synchronize()
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
            let processorSeconds = Double(clock() - processorStart) / 1e6  // the unit of POSIX
            return (seconds / Double(runs), processorSeconds / Double(runs))
        }
        _ = try time(2)
        let runs = max(1, min(1000, Int(0.02 / max(try time(2).seconds, 1e-7))))
        let times = try (0..<5).map { _ in try time(runs) }
        let bytes = (program.inputTypes.map(\.type) + program.outputTypes).reduce(0) { $0 + $1.byteCount }
        return (times.map(\.seconds).sorted()[2], times.map(\.processorSeconds).min() ?? .nan, bytes)
    }

    /// Numbers between -1 and 1, and small indices.
    private static func numbers(_ type: TensorType) -> HostArray? {
        let values = (0..<type.count).map { index in
            let hash = UInt32(truncatingIfNeeded: index) &* 2_654_435_761
            return type.scalar.isFloating ? Double(hash) * 0x1p-31 - 1 : Double(hash >> 23)
        }
        return HostArray(values, shape: type.shape, type.scalar)
    }
}

extension BenchKernels.Case.Work {
    fileprivate func amount(_ byteCount: Int) -> (Double, unit: String) {
        switch self {
        case .operations(let count): (Double(count), "GFLOP/s")
        case .bytes: (Double(byteCount), "GB/s")
        }
    }
}

// MARK: the kernels

extension BenchKernels {
    static var cases: [Case] { products + convolutions + elementwise + reductions + composites + rows + linearAlgebra }

    private static func float(_ graph: Graph, _ name: String, _ shape: [Int]) -> Tensor {
        graph.input(name, TensorType(shape, .float32))
    }

    private static var products: [Case] {
        let shapes = [(1024, 1024, 1024), (128, 256, 3136), (128, 3136, 256), (6272, 64, 512), (128, 400, 784)]
        return shapes.map { m, n, k in
            Case(name: "matmul", shape: "\(m)x\(n)x\(k)", work: .operations(2 * m * n * k)) { graph in
                [try matmul(float(graph, "a", [m, k]), float(graph, "b", [k, n]))]
            }
        } + [
            Case(name: "matmul of transposed a", shape: "3136x256x128", work: .operations(2 * 3136 * 256 * 128)) {
                graph in
                [try matmul(float(graph, "a", [128, 3136]).transposed(), float(graph, "b", [128, 256]))]
            },
            Case(name: "matmul of transposed b", shape: "128x3136x256", work: .operations(2 * 128 * 3136 * 256)) {
                graph in
                [try matmul(float(graph, "a", [128, 256]), float(graph, "b", [3136, 256]).transposed())]
            },
        ]
    }

    /// The three directions of the conv VAE's layers and of a 3 x 3 one.
    private static var convolutions: [Case] {
        let layers = [
            (channels: [1, 32], size: 28, kernel: 4, stride: 2), (channels: [32, 64], size: 14, kernel: 4, stride: 2),
            (channels: [64, 64], size: 14, kernel: 3, stride: 1),
        ]
        return layers.flatMap { layer -> [Case] in
            let (input, output, side) = (layer.channels[0], layer.channels[1], layer.size / layer.stride)
            let x = [128, input, layer.size, layer.size], y = [128, output, side, side]
            let w = [output, input, layer.kernel, layer.kernel]
            let work = Case.Work.operations(2 * y.product * w.dropFirst().reduce(1, *))
            let shape =
                "128x\(input)x\(layer.size)x\(layer.size) to \(output), \(layer.kernel)x\(layer.kernel) stride \(layer.stride)"
            let strides = [layer.stride, layer.stride], padding = [1, 1]
            func gradient(_ graph: Graph, at index: Int) throws -> [Tensor] {
                let operands = [float(graph, "x", x), float(graph, "w", w)]
                let result = try operands[0].convolved(with: operands[1], stride: strides, padding: padding)
                return try Autodiff.gradient(of: (result * float(graph, "y", y)).sum(), at: [operands[index]])
            }
            return [
                Case(name: "convolution", shape: shape, work: work) { graph in
                    [try float(graph, "x", x).convolved(with: float(graph, "w", w), stride: strides, padding: padding)]
                },
                Case(name: "convolution, data gradient", shape: shape, work: work) { try gradient($0, at: 0) },
                Case(name: "convolution, weight gradient", shape: shape, work: work) { try gradient($0, at: 1) },
            ]
        }
    }

    private static var elementwise: [Case] {
        [
            Case(name: "a * b + c", shape: "4194304", work: .bytes) { graph in
                let n = [4_194_304]
                return [try float(graph, "a", n) * float(graph, "b", n) + float(graph, "c", n)]
            },
            Case(name: "bias and ReLU", shape: "128x32x14x14", work: .bytes) { graph in
                [try relu(float(graph, "x", [128, 32, 14, 14]) + float(graph, "b", [32, 1, 1]))]
            },
            Case(name: "noise, reparameterized sample and KL", shape: "4096x64", work: .bytes) { graph in
                let (mean, logVariance) = (float(graph, "mean", [4096, 64]), float(graph, "log variance", [4096, 64]))
                let bits = try graph.randomBits(
                    [4096, 64], stream: 1, sample: graph.iota([4096], axis: 0).cast(to: .uint32),
                    step: graph.input("step", TensorType([], .uint32)),
                    seed: graph.input("seed", TensorType([2], .uint32)))
                let z = try mean + exp(logVariance * 0.5) * bits.normal()
                let kl = try 0.5 * (mean * mean + exp(logVariance) - 1 - logVariance).sum(axes: [1])
                return [z, kl]
            },
            Case(name: "Adam", shape: "1700609", work: .bytes) { graph in
                let n = [1_700_609]
                let (p, g) = (float(graph, "p", n), float(graph, "g", n))
                let m = try float(graph, "m", n) * 0.9 + g * 0.1
                let v = try float(graph, "v", n) * 0.999 + g * g * 0.001
                return [m, v, try p - 0.001 * (m / (sqrt(v * v) + 1e-8))]
            },
            Case(name: "transpose", shape: "128x196x32", work: .bytes) { graph in
                [try float(graph, "x", [128, 196, 32]).transposed() + 1]
            },
        ]
    }

    private static var reductions: [Case] {
        [false, true].flatMap { isCompensated in
            let sum = isCompensated ? "compensated sum" : "sum"
            return [
                Case(name: "\(sum) of rows", shape: "4096x784", work: .bytes) {
                    [try float($0, "x", [4096, 784]).sum(axes: [1], compensated: isCompensated)]
                },
                Case(name: "\(sum) of columns", shape: "4096x784", work: .bytes) {
                    [try float($0, "x", [4096, 784]).sum(axes: [0], compensated: isCompensated)]
                },
                Case(name: "\(sum) of all", shape: "4194304", work: .bytes) {
                    [try float($0, "x", [4_194_304]).sum(compensated: isCompensated)]
                },
                Case(name: "\(sum) of log-likelihoods of bits", shape: "128x784", work: .bytes) { graph in
                    let (x, logits) = (float(graph, "x", [128, 784]), float(graph, "logits", [128, 784]))
                    return [try (x * logits - softplus(logits)).sum(axes: [1], compensated: isCompensated)]
                },
            ]
        } + [
            Case(name: "sum per channel", shape: "128x32x14x14", work: .bytes) {
                [try float($0, "x", [128, 32, 14, 14]).sum(axes: [0, 2, 3])]
            }
        ]
    }

    private static var composites: [Case] {
        [true, false].flatMap { composites in
            [Composite.softmax, .logSoftmax, .softmaxGradient, .logSoftmaxGradient].flatMap { composite in
                [[4096, 512], [16384, 128], [32768, 64]].map { shape in
                    Case(
                        name: "\(composite)" + (composites ? "" : ", as loops"), shape: "\(shape[0])x\(shape[1])",
                        work: .bytes, composites: composites
                    ) { graph in
                        let operands = ["x", "g"].prefix(composite.arity).map { float(graph, $0, shape) }
                        return try graph.apply(.composite(composite), operands).results()
                    }
                }
            }
        }
    }

    private static var rows: [Case] {
        [
            Case(name: "gather", shape: "512x64 to 6272", work: .bytes) { graph in
                [try float(graph, "table", [512, 64]).rows(graph.input("index", TensorType([6272], .int32)))]
            },
            Case(name: "scatter-add", shape: "6272x64 to 512", work: .bytes) { graph in
                let table = float(graph, "table", [512, 64])
                let rows = try table.rows(graph.input("index", TensorType([6272], .int32)))
                return try gradient(of: (rows * float(graph, "g", [6272, 64])).sum(), at: [table])
            },
        ]
    }

    private static var linearAlgebra: [Case] {
        [
            Case(name: "Cholesky", shape: "1000 of 8x8", work: .operations(1000 * 8 * 8 * 8 / 3)) { graph in
                [
                    try cholesky(
                        graph.constant(identity(8, times: 8, copies: 1000), shape: [1000, 8, 8], .float32)
                            + float(graph, "a", [1000, 8, 8]) * 0.01)
                ]
            }
        ]
    }

    private static func identity(_ n: Int, times value: Double, copies: Int) -> [Double] {
        (0..<(copies * n * n)).map { $0 % (n * n) / n == $0 % n ? value : 0 }
    }
}
