import Autodiff
import Compiler
import Execution
import Graph
import Oracle

/// Examines a device: every sample of the op table, forward and gradient, against the bits of another device and against
/// the float64 oracle.
public struct Doctor {
    private let device: any Backend
    private let reference: any Backend
    private let options: CompileOptions

    /// - Parameters:
    ///   - reference: whose bits the device must have under exact mathematics; the CPU.
    ///   - options: those of the examined device.
    public init(_ device: any Backend, reference: any Backend, options: CompileOptions = CompileOptions()) {
        self.device = device
        self.reference = reference
        self.options = options
    }

    /// Something that a device must be able to compute.
    public struct Case {
        public let name: String
        let graph: Graph
        let outputs: [Tensor]
        let inputs: [[Double]]
        let states: [[Double]]
        let tolerance: Double
        let magnitude: Double

        /// - Parameters:
        ///   - inputs: one list of numbers for each input of the graph.
        ///   - tolerance: see `HostArray.worstError`.
        public init(
            _ name: String, _ graph: Graph, outputs: [Tensor], inputs: [[Double]], states: [[Double]] = [],
            tolerance: Double, magnitude: Double = 0
        ) {
            self.name = name
            self.graph = graph
            self.outputs = outputs
            self.inputs = inputs
            self.states = states
            self.tolerance = tolerance
            self.magnitude = magnitude
        }

        var program: Program { Program(graph, outputs: outputs) }

        /// A sample for one float type, and its gradient where it has one.
        public static func all(of sample: OpSample, _ float: ScalarType) throws -> [Case] {
            let trace = try sample.trace(float)
            let values = zip(sample.inputs, sample.values(float))
            let inputs = values.filter { !$0.0.isState }.map(\.1)
            let states = values.filter(\.0.isState).map(\.1)
            var cases = [
                Case(
                    "\(sample.name), \(float)", trace.graph, outputs: trace.outputs, inputs: inputs, states: states,
                    tolerance: sample.tolerance)
            ]
            if sample.order > 0, let loss = try trace.outputs.randomProjection(seed: sample.name) {
                cases.append(
                    Case(
                        "\(sample.name), \(float), gradient", trace.graph,
                        outputs: try gradient(of: loss, at: trace.differentiable), inputs: inputs, states: states,
                        tolerance: 10 * sample.tolerance))
            }
            return cases
        }
    }

    /// What was found for one case.
    public struct Finding: Sendable {
        public let name: String
        /// Where the device's bits are not the reference's; nil where all are.
        public let bitDifference: String?
        /// The largest error, as a multiple of the allowed one.
        public let worstError: Double
        /// Where that is; empty without any error.
        public let worstPlace: String
        /// Names of buffers beyond whose ends something was written.
        public let brokenGuards: [String]
        /// Of the second run on the device.
        public let seconds: Double

        public var isSound: Bool { bitDifference == nil && worstError <= 1 && brokenGuards.isEmpty }
        /// All that is wrong, in one line.
        public var complaint: String {
            var parts = [bitDifference.map { "other bits than the reference: \($0)" }].compactMap { $0 }
            if worstError > 1 { parts.append("wrong: \(worstPlace)") }
            if !brokenGuards.isEmpty {
                parts.append("written beyond the end of \(brokenGuards.joined(separator: ", "))")
            }
            return "\(name): " + parts.joined(separator: "; ")
        }
    }

    /// Has the device build the kernels of all cases together, which is much quicker than one by one.
    public func prepare(_ cases: [Case]) throws {
        try device.prepare(
            try cases.map { item in
                try Schedule(
                    item.graph, outputs: item.outputs.map(\.id), options: options,
                    allocationLimit: device.allocationLimit, device: device.kernels(options))
            }, options: options)
    }

    public func examine(_ item: Case) throws -> Finding {
        let expected = try Oracle(item.graph)(inputs: item.inputs, states: item.states, outputs: item.outputs)
        let sound = try run(item, on: reference, CompileOptions(math: options.math)).first
        let found = try run(item, on: device, options)
        var bitDifference: String?
        var worst = (ratio: 0.0, text: "")
        for (index, result) in found.first.enumerated() {
            bitDifference = bitDifference ?? result.bitDifference(from: sound[index])
            bitDifference =
                bitDifference ?? found.second[index].bitDifference(from: sound[index]).map { "second run, \($0)" }
            let error = result.worstError(from: expected[index], tolerance: item.tolerance, magnitude: item.magnitude)
            if error.ratio > worst.ratio { worst = error }
        }
        return Finding(
            name: item.name, bitDifference: bitDifference, worstError: worst.ratio, worstPlace: worst.text,
            brokenGuards: found.brokenGuards, seconds: found.seconds)
    }

    private func run(
        _ item: Case, on backend: any Backend, _ options: CompileOptions
    ) throws -> (first: [HostArray], second: [HostArray], seconds: Double, brokenGuards: [String]) {
        let memory = DeviceStates(on: backend)
        for (slot, values) in zip(item.graph.states, item.states) {
            try memory.write(slot.name, try array(values, slot.type))
        }
        let inputs = try zip(item.inputs, item.graph.inputs).map { try array($0, $1.type) }
        let program = try CompiledProgram(item.program, states: memory, options: options)
        let first = try program(inputs)
        let start = ContinuousClock.now
        let second = try program(inputs)
        let time = (ContinuousClock.now - start).components
        return (
            first, second, Double(time.seconds) + Double(time.attoseconds) * 1e-18, program.executable.brokenGuards()
        )
    }

    private func array(_ values: [Double], _ type: TensorType) throws -> HostArray {
        guard let array = HostArray(values, shape: type.shape, type.scalar) else {
            throw GraphError("doctor", "\(values.count) numbers do not fill \(type)")
        }
        return array
    }
}
