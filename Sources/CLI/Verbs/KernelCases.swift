import Autodiff
import Pushforward

/// The kernels that are measured.
extension BenchKernels {
    static var cases: [Case] {
        products + productsOfTransposed + convolutions + elementwise + reductions + composites + elementMaps + rows
            + linearAlgebra
    }

    private static func float(_ graph: Graph, _ name: String, _ shape: [Int]) -> Tensor {
        graph.input(name, TensorType(shape, .float32))
    }

    private static func randomBits(_ graph: Graph, _ shape: [Int]) throws -> Tensor {
        try graph.randomBits(
            shape, stream: 1, sample: graph.iota([shape[0]], axis: 0).cast(to: .uint32),
            step: graph.input("step", TensorType([], .uint32)), seed: graph.input("seed", TensorType([2], .uint32)))
    }

    private static var products: [Case] {
        let shapes = [(1024, 1024, 1024), (128, 256, 3136), (128, 3136, 256), (6272, 64, 512), (128, 400, 784)]
        return shapes.map { m, n, k in
            Case(name: "matmul", shape: "\(m)x\(n)x\(k)") { graph in
                [try matmul(float(graph, "a", [m, k]), float(graph, "b", [k, n]))]
            }
        }
    }

    /// The gradients of dense layers of the conv VAE and of the MLP: with respect to weights and to inputs.
    private static var productsOfTransposed: [Case] {
        [(3136, 256, 128), (784, 400, 128)].map { m, n, k in
            Case(name: "matmul of transposed a", shape: "\(m)x\(n)x\(k)") { graph in
                [try matmul(float(graph, "a", [k, m]).transposed(), float(graph, "b", [k, n]))]
            }
        }
            + [(128, 3136, 256), (128, 784, 400)].map { m, n, k in
                Case(name: "matmul of transposed b", shape: "\(m)x\(n)x\(k)") { graph in
                    [try matmul(float(graph, "a", [m, k]), float(graph, "b", [n, k]).transposed())]
                }
            }
    }

    /// The three directions of the conv VAE's layers, which are its transposed convolutions, too, of a 3 x 3 one, and of
    /// 3 x 3 ones that halve colour images.
    private static var convolutions: [Case] {
        let layers = [
            (channels: [1, 32], size: 28, kernel: 4, stride: 2), (channels: [32, 64], size: 14, kernel: 4, stride: 2),
            (channels: [64, 64], size: 14, kernel: 3, stride: 1),
            (channels: [3, 64], size: 32, kernel: 3, stride: 2),
            (channels: [64, 128], size: 16, kernel: 3, stride: 2),
        ]
        return layers.flatMap { layer -> [Case] in
            let (input, output, side) = (layer.channels[0], layer.channels[1], layer.size / layer.stride)
            let x = [128, input, layer.size, layer.size], y = [128, output, side, side]
            let w = [output, input, layer.kernel, layer.kernel]
            let shape =
                "128x\(input)x\(layer.size)x\(layer.size) to \(output), \(layer.kernel)x\(layer.kernel) stride \(layer.stride)"
            let strides = [layer.stride, layer.stride], padding = [1, 1]
            func gradient(_ graph: Graph, at index: Int) throws -> [Tensor] {
                let operands = [float(graph, "x", x), float(graph, "w", w)]
                let result = try operands[0].convolved(with: operands[1], stride: strides, padding: padding)
                return try Autodiff.gradient(of: (result * float(graph, "y", y)).sum(), at: [operands[index]])
            }
            return [
                Case(name: "convolution", shape: shape) { graph in
                    [try float(graph, "x", x).convolved(with: float(graph, "w", w), stride: strides, padding: padding)]
                },
                Case(name: "convolution, data gradient", shape: shape) {
                    try gradient($0, at: 0)
                },
                Case(name: "convolution, weight gradient", shape: shape) {
                    try gradient($0, at: 1)
                },
            ]
        }
    }

    private static var elementwise: [Case] {
        [
            Case(name: "a * b + c", shape: "4194304") { graph in
                let n = [4_194_304]
                return [try float(graph, "a", n) * float(graph, "b", n) + float(graph, "c", n)]
            },
            Case(name: "bias and ReLU", shape: "128x32x14x14") { graph in
                [try relu(float(graph, "x", [128, 32, 14, 14]) + float(graph, "b", [32, 1, 1]))]
            },
            Case(name: "noise, reparameterized sample and KL", shape: "4096x64") { graph in
                let (mean, logVariance) = (float(graph, "mean", [4096, 64]), float(graph, "log variance", [4096, 64]))
                let bits = try randomBits(graph, [4096, 64])
                let z = try mean + exp(logVariance * 0.5) * bits.normal()
                let kl = try 0.5 * (mean * mean + exp(logVariance) - 1 - logVariance).sum(axes: [1])
                return [z, kl]
            },
            Case(name: "exp and log of noise", shape: "4096x1024") { graph in
                [try log(exp(randomBits(graph, [4096, 1024]).normal()) + 1)]
            },
            Case(name: "Adam", shape: "1700609") { graph in
                let n = [1_700_609]
                let (p, g) = (float(graph, "p", n), float(graph, "g", n))
                let m = try float(graph, "m", n) * 0.9 + g * 0.1
                let v = try float(graph, "v", n) * 0.999 + g * g * 0.001
                return [m, v, try p - 0.001 * (m / (sqrt(v * v) + 1e-8))]
            },
            Case(name: "transpose", shape: "128x196x32") { graph in
                [try float(graph, "x", [128, 196, 32]).transposed() + 1]
            },
        ]
    }

    private static var reductions: [Case] {
        [false, true].flatMap { isCompensated in
            let sum = isCompensated ? "compensated sum" : "sum"
            return [
                Case(name: "\(sum) of rows", shape: "4096x784") {
                    [try float($0, "x", [4096, 784]).sum(axes: [1], compensated: isCompensated)]
                },
                Case(name: "\(sum) of columns", shape: "4096x784") {
                    [try float($0, "x", [4096, 784]).sum(axes: [0], compensated: isCompensated)]
                },
                Case(name: "\(sum) of all", shape: "4194304") {
                    [try float($0, "x", [4_194_304]).sum(compensated: isCompensated)]
                },
                Case(name: "\(sum) of log-likelihoods of bits", shape: "128x784") { graph in
                    let (x, logits) = (float(graph, "x", [128, 784]), float(graph, "logits", [128, 784]))
                    return [try (x * logits - softplus(logits)).sum(axes: [1], compensated: isCompensated)]
                },
            ]
        } + [
            Case(name: "sum per channel", shape: "128x32x14x14") {
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
                        composites: composites
                    ) { graph in
                        let operands = ["x", "g"].prefix(composite.arity).map { float(graph, $0, shape) }
                        return try graph.apply(.composite(composite), operands).results()
                    }
                }
            }
        }
    }

    /// Couplings of half of 2 and of 64 features, and of 12 channels of 16 x 16.
    private static var elementMaps: [Case] {
        let maps: [(ElementMap, [[Int]])] = [
            (.affine(AffineMap(bound: 2)), [[8192, 1], [4096, 32], [128, 1536]]),
            (
                .spline(SplineMap(bins: 8, bound: 5, minimumBin: 1e-3, minimumSlope: 1e-3)),
                [[8192, 1], [4096, 32]]
            ),
        ]
        return [true, false].flatMap { composites in
            maps.flatMap { map, shapes in
                [false, true].flatMap { inverse in
                    [Composite.map(map, inverse: inverse), .mapGradient(map, inverse: inverse)].flatMap { composite in
                        shapes.map { shape in
                            Case(
                                name: "\(composite)" + (composites ? "" : ", as loops"),
                                shape: "\(shape[0])x\(shape[1])", composites: composites
                            ) { graph in
                                let parameters = [shape[0], map.parameterCount, shape[1]]
                                let all = [shape, parameters, shape, [shape[0]]].prefix(composite.arity)
                                let operands = zip(["x", "parameters", "g", "h"], all).map { float(graph, $0, $1) }
                                return try graph.apply(.composite(composite), operands).results()
                            }
                        }
                    }
                }
            }
        }
    }

    private static var rows: [Case] {
        [
            Case(name: "gather", shape: "512x64 to 6272") { graph in
                [try float(graph, "table", [512, 64]).rows(graph.input("index", TensorType([6272], .int32)))]
            },
            Case(name: "scatter-add", shape: "6272x64 to 512") { graph in
                let table = float(graph, "table", [512, 64])
                let rows = try table.rows(graph.input("index", TensorType([6272], .int32)))
                return try gradient(of: (rows * float(graph, "g", [6272, 64])).sum(), at: [table])
            },
        ]
    }

    private static var linearAlgebra: [Case] {
        [
            Case(name: "Cholesky", shape: "1000 of 8x8") { graph in
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
