import Foundation
import Pushforward
import Testing

@Suite struct ModelsTests {
    /// The parameters that a model declares for rows of its shape.
    private func parameters(_ model: some Model, _ shape: [Int]) throws -> [(path: String, shape: [Int])] {
        let graph = Graph()
        let zero = graph.constant(0, TensorType([1], .uint32))
        let trace = Trace(graph, randomness: try Randomness(seed: 0, step: graph.constant(0, .uint32), sample: zero))
        _ = try model.objective(graph.input("x", TensorType([1] + shape, .float32)), trace.root)
        return trace.parameters.map { ($0.path, $0.type.shape) }
    }

    /// Smooth stand-ins for images, in 0...1.
    private func rows(_ shape: [Int]) -> HostArray {
        array((0..<shape.product).map { 0.5 + 0.5 * Foundation.sin(Double($0) * 1.7) }, shape)
    }

    @Test func convVAEHasTheLayersOfTheBenchmark() throws {
        let found = try parameters(ConvVAE(), [1, 28, 28])
        let expected: [(String, [Int])] = [
            ("encoder/conv1", [32, 1, 4, 4]), ("encoder/conv2", [64, 32, 4, 4]), ("encoder/hidden", [256, 3136]),
            ("encoder/posterior", [64, 256]), ("decoder/hidden", [256, 32]), ("decoder/features", [3136, 256]),
            ("decoder/conv1", [64, 32, 4, 4]), ("decoder/conv2", [32, 1, 4, 4]),
        ]
        #expect(found.filter { $0.path.hasSuffix("weight") }.map(\.path) == expected.map { $0.0 + "/weight" })
        #expect(found.filter { $0.path.hasSuffix("weight") }.map(\.shape) == expected.map(\.1))
        #expect(
            found.filter { $0.path.hasSuffix("bias") }.map(\.shape) == [
                [32], [64], [256], [64], [256], [3136], [32], [1],
            ])
    }

    @Test func vaeHasTheLayersOfThePaper() throws {
        let weights = try parameters(VAE(), [1, 28, 28]).filter { $0.path.hasSuffix("weight") }
        #expect(weights.map(\.shape) == [[400, 784], [40, 400], [400, 20], [784, 400]])
    }

    @Test(
        arguments: [[3, 32, 32], [1, 28, 20], [2, 64, 8]],
        [(kernel: 4, stride: 2), (kernel: 3, stride: 2), (kernel: 2, stride: 2), (kernel: 3, stride: 1)])
    func convVAETakesWhateverTheStridesDivide(_ shape: [Int], _ window: (kernel: Int, stride: Int)) throws {
        let model = try ConvVAE(
            latent: 3, channels: [4, 5], kernel: window.kernel, stride: window.stride, hidden: 6
        ).adapted(to: shape)
        let y = try evaluated(rows: 2, arguments: [rows([2] + shape)]) { trace in
            let x = trace.graph.input("x", TensorType([2] + shape, .float64))
            let q = try model.encode(x, trace.root)
            return [q.mean, try model.decode(q.mean, trace.root).mean]
        }
        #expect(y[0].shape == [2, 3] && y[1].shape == [2] + shape)
    }

    @Test func whatCannotWorkSaysSo() {
        #expect(message { _ = try ConvVAE().adapted(to: [1, 30, 30]) }.contains("30 x 30"))
        #expect(message { _ = try ConvVAE().adapted(to: [784]) }.contains("[784]"))
        #expect(message { _ = try ConvVAE(kernel: 1).adapted(to: [1, 28, 28]) }.contains("model.kernel"))
        #expect(message { _ = try ConvVAE(kernel: 4, stride: 1).adapted(to: [1, 28, 28]) }.contains("odd number"))
        #expect(message { _ = try ConvVAE(latent: 0).adapted(to: [1, 28, 28]) }.contains("model.latent"))
        #expect(message { _ = try VAE(hidden: [10, 0]).adapted(to: [4]) }.contains("model.hidden"))
        #expect(message { _ = try VAE(sigma: -1).adapted(to: [4]) }.contains("model.sigma"))
        #expect(message { _ = try Autoencoder(architecture: .conv).adapted(to: [4]) }.contains("[4]"))
        #expect(
            message { _ = try Autoencoder(corruption: .masking, corruptionLevel: 2).adapted(to: [4]) }.contains(
                "probability"))
        #expect(message { _ = try Autoencoder(sparsity: -1).adapted(to: [4]) }.contains("model.sparsity"))
    }

    @Test(arguments: [PixelLikelihood.bernoulli, .gaussian, .learnedGaussian])
    func theObjectiveIsTheNegativeELBO(_ likelihood: PixelLikelihood) throws {
        let x = rows([3, 2, 2])
        let model = try VAE(latent: 2, hidden: [5], likelihood: likelihood, sigma: 0.7, beta: 0.25).adapted(to: [2, 2])
        let y = try evaluated(rows: 3, arguments: [x]) { trace in
            let input = trace.graph.input("x", x.type)
            let objective = try model.objective(input, trace.root)
            let q = try model.encode(input, trace.root.shared)
            // The same draw again, from the counter's own definition.
            let bits = try trace.graph.randomBits(
                [3, 2], stream: Randomness.stream("posterior", 0),
                sample: trace.graph.constant([0, 1, 2], shape: [3], .uint32),
                step: trace.graph.constant(0, .uint32), seed: trace.graph.constant([0, 0], shape: [2], .uint32))
            let z = try q.mean + exp(q.logVariance * 0.5) * bits.normal(.float64)
            return [
                try objective.loss(), objective.terms[0].value, objective.terms[1].value, q.mean, q.logVariance,
                try model.decode(z, trace.root.shared).mean,
            ]
        }.map(\.doubles)
        var (reconstruction, kl) = ([0.0, 0, 0], [0.0, 0, 0])
        let variance: Double = likelihood == .gaussian ? 0.49 : 1
        for row in 0..<3 {
            for k in row * 2..<row * 2 + 2 {
                kl[row] += 0.5 * (Foundation.exp(y[4][k]) + y[3][k] * y[3][k] - 1 - y[4][k])
            }
            for k in row * 4..<row * 4 + 4 {
                let (t, p): (Double, Double) = (x.doubles[k], y[5][k])
                if likelihood == .bernoulli {
                    reconstruction[row] -= t * Foundation.log(p) + (1 - t) * Foundation.log(1 - p)
                } else {
                    reconstruction[row] +=
                        0.5 * ((t - p) * (t - p) / variance + Foundation.log(2 * Double.pi * variance))
                }
            }
        }
        #expect(areClose(y[1], reconstruction, 1e-9) && areClose(y[2], kl, 1e-9))
        let total: Double = reconstruction.reduce(0, +) + 0.25 * kl.reduce(0, +)
        #expect(isClose(y[0][0], total / 3, 1e-9))
    }

    @Test func monteCarloKLHasTheAnalyticMean() throws {
        let count = 4000
        func kl(_ estimator: KLEstimator) throws -> [Double] {
            let model = try VAE(latent: 2, hidden: [4], klEstimator: estimator).adapted(to: [3])
            return try evaluated(rows: count) { trace in
                let x = trace.graph.constant(0.5, TensorType([count, 3], .float64))
                return [try model.objective(x, trace.root).terms[1].value]
            }[0].doubles
        }
        let (analytic, drawn) = (try kl(.analytic), try kl(.monteCarlo))
        #expect(Set(analytic).count == 1 && Set(drawn).count == count)
        let mean = drawn.reduce(0, +) / Double(count)
        let spread = (drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)).squareRoot()
        #expect(spread > 1e-3 && abs(mean - analytic[0]) < 4 * spread / Double(count).squareRoot())
    }

    @Test func logWeightsAreTheLogOfTheRatio() throws {
        let x = rows([2, 4])
        let model = try VAE(latent: 3, hidden: [5]).adapted(to: [4])
        let y = try evaluated(rows: 2, arguments: [x]) { trace in
            let input = trace.graph.input("x", x.type)
            let assessment = try model.assessment(input, draws: 2, trace.root)
            let q = try model.encode(input, trace.root.shared)
            let bits = try trace.graph.randomBits(
                [2, 6], stream: Randomness.stream("posterior", 0),
                sample: trace.graph.constant([0, 1], shape: [2], .uint32),
                step: trace.graph.constant(0, .uint32), seed: trace.graph.constant([0, 0], shape: [2], .uint32))
            var ratios: [Tensor] = []
            for draw in 0..<2 {
                let noise = try bits.normal(.float64).slice(1, draw * 3..<draw * 3 + 3)
                let z = try q.mean + q.standardDeviation * noise
                let likelihood = try model.decode(z, trace.root.shared).logProb(input)
                ratios.append(try likelihood + Normal.standard(like: z).logProb(z) - q.logProb(z))
            }
            guard case .bound(let weights) = assessment.likelihood else { return [] }
            return [weights, try stacked(ratios, axis: 1)]
        }
        #expect(y.count == 2 && y[0].shape == [2, 2] && areClose(y[0].doubles, y[1].doubles, 1e-9))
    }

    @Test(arguments: [Autoencoder.Architecture.linear, .mlp, .conv])
    func theContractionPenaltyIsTheJacobiansNorm(_ architecture: Autoencoder.Architecture) throws {
        let shape = [1, 4, 4]
        let model = try Autoencoder(
            architecture: architecture, latent: 3, hidden: [6], channels: [2], activation: .tanh, contraction: 0.5
        ).adapted(to: shape)
        let x = rows([1] + shape)
        func code(_ x: HostArray) throws -> [Double] {
            try evaluated(arguments: [x]) { trace in
                // The mean of the data is a state; zero stands for it here.
                let input = trace.graph.input("x", x.type)
                if architecture == .linear {
                    let weight = try trace.root["encoder"].parameter("weight", [3, 16], .uniform(fanIn: 16))
                    return [try matmul(input.flattened(), weight.transposed())]
                }
                return [try model.encode(input, trace.root).mean]
            }[0].doubles
        }
        var expected = 0.0
        for index in 0..<16 {
            var (low, high) = (x.doubles, x.doubles)
            low[index] -= 1e-5
            high[index] += 1e-5
            let slopes = zip(try code(array(high, [1] + shape)), try code(array(low, [1] + shape))).map {
                ($0 - $1) / 2e-5
            }
            expected += slopes.reduce(0) { $0 + $1 * $1 }
        }
        let graph = Graph()
        let zero = graph.constant(0, TensorType([1], .uint32))
        let trace = Trace(
            graph, precision: .float64,
            randomness: try Randomness(seed: 0, step: graph.constant(0, .uint32), sample: zero))
        let objective = try model.objective(graph.input("x", x.type), trace.root)
        let term = objective.terms.first { $0.name == "contraction" }
        #expect(term?.weight == 0.5)
        let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
        let initial = Graph()
        let data = initial.constant(0, TensorType([2] + shape, .float64))
        try CompiledProgram(
            Program(initial, updates: try trace.parameters.initialValues(in: initial, seed: 0, data: data)),
            states: states
        ).run()
        let outputs = try CompiledProgram(Program(graph, outputs: term.map { [$0.value] } ?? []), states: states)([x])
        #expect(outputs.count == 1 && isClose(outputs[0].doubles[0], expected, 1e-6))
        #expect(expected > 1e-3)
    }

    @Test(arguments: [Corruption.masking, .saltAndPepper, .gaussian, .none])
    func corruptionHasItsLevel(_ corruption: Corruption) throws {
        let count = 20_000
        let y = try evaluated { trace in
            let x = trace.graph.constant(0.5, TensorType([1, count], .float64))
            return [try corruption(x, level: 0.2, trace.root)]
        }[0].doubles
        let changed = Double(y.filter { $0 != 0.5 }.count) / Double(count)
        switch corruption {
        case .none: #expect(changed == 0)
        case .masking: #expect(abs(changed - 0.2) < 0.015 && Set(y) == [0, 0.5])
        case .saltAndPepper:
            let ones = Double(y.filter { $0 == 1 }.count) / Double(count)
            #expect(abs(changed - 0.2) < 0.015 && abs(ones - 0.1) < 0.01 && Set(y) == [0, 0.5, 1])
        case .gaussian:
            let spread = (y.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / Double(count)).squareRoot()
            #expect(abs(spread - 0.2) < 0.005)
        }
    }

    @Test func anAutoencoderHasNoPrior() {
        func isGenerative(_ model: any Model) -> Bool { model is any GenerativeModel }
        #expect(!isGenerative(Autoencoder()) && isGenerative(VAE()) && isGenerative(ConvVAE()))
    }

    @Test(arguments: ModelCatalog.entries.map(\.name)) func theCatalogueDescribesEveryOption(_ name: String) throws {
        let entry = try #require(ModelCatalog.entry(name))
        guard case .object(let options) = try JSONTree(encoding: entry.model) else {
            Issue.record("\(name) does not encode as an object")
            return
        }
        #expect(entry.options.map(\.key) == options.keys)
        #expect(entry.options.allSatisfy { !$0.meaning.isEmpty } && !entry.summary.isEmpty)
    }

    @Test func modelsReadBackFromTheirConfiguration() throws {
        let model = ConvVAE(latent: 7, channels: [3], likelihood: .learnedGaussian, klEstimator: .monteCarlo)
        let configuration = try RunConfiguration(
            model: model, data: DataConfiguration(source: "shapes"), optimizer: .sgd(learningRate: 0.3, momentum: 0.5))
        let tree = try JSONTree(parsing: JSONTree(encoding: configuration).pretty, source: "test")
        #expect(tree.value(at: "model.kind")?.string == "conv-vae" && tree.value(at: "model.latent")?.int == 7)
        #expect(tree.value(at: "optimizer.kind")?.string == "sgd")
        let again = try tree.decoded(as: RunConfiguration.self)
        #expect(try JSONTree(encoding: again) == JSONTree(encoding: configuration))
        let read = try #require(try again.catalogModel() as? ConvVAE)
        #expect(try JSONTree(encoding: read) == JSONTree(encoding: model))
        #expect(again.optimizer == .sgd(SGD(learningRate: 0.3, momentum: 0.5)))
        var unknown = again
        unknown.model = ["kind": "conv-vea"]
        #expect(message { _ = try unknown.catalogModel() }.contains("conv-vae"))
    }
}
