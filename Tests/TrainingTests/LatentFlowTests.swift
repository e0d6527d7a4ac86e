import Foundation
import Pushforward
import Testing

/// Autoencoders whose posterior or prior is a flow.
@Suite struct LatentFlowTests {
    static let flows: [LatentFlow] = [LatentFlow(PlanarLayers(layers: 3)), LatentFlow(AffineCouplings(hidden: [6]))]

    /// Smooth rows in 0...1.
    private func rows(_ count: Int, _ size: Int) -> HostArray {
        array((0..<count * size).map { 0.5 + 0.5 * Foundation.sin(Double($0) * 1.7) }, [count, size])
    }

    /// Runs what is traced of a model with parameters from `value`, by path; nil leaves the first value.
    private func evaluated(
        rows: Int, draws: [HostArray], _ value: (String) -> Double?, _ body: Tracing
    ) throws -> [HostArray] {
        let graph = Graph()
        let sample = try graph.constant((0..<rows).map(Double.init), shape: [rows], .uint32)
        let randomness = try Randomness(seed: 0, step: graph.constant(0, .uint32), sample: sample)
        let trace = Trace(graph, precision: .float64, randomness: randomness)
        let outputs = try body(trace)
        let states = DeviceStates(on: try Device.cpu(threads: 1).makeBackend())
        let initial = Graph()
        try CompiledProgram(
            Program(initial, updates: try trace.parameters.initialValues(in: initial, seed: 0)), states: states
        ).run()
        for parameter in trace.parameters {
            guard let value = value(parameter.path) else { continue }
            try states.write(
                parameter.path, array(.init(repeating: value, count: parameter.type.count), parameter.type.shape))
        }
        return try CompiledProgram(Program(graph, outputs: outputs), states: states)(draws)
    }

    /// Zero parameters make every flow the identity: all that remains is that the KL term is drawn.
    @Test(arguments: [0, 1], [true, false]) func anIdentityFlowChangesNothing(_ index: Int, _ isPosterior: Bool) throws
    {
        let x = rows(3, 4)
        let flow = Self.flows[index]
        func results(_ model: VAE) throws -> [[Double]] {
            let zero = { (path: String) -> Double? in
                path.hasPrefix("posterior_flow") || path.hasPrefix("prior") ? 0 : nil
            }
            let model = try model.adapted(to: [4])
            let objective = try self.evaluated(rows: 3, draws: [x], zero) { trace in
                try model.objective(trace.graph.input("x", x.type), trace.root).terms.map(\.value)
            }
            let assessment = try self.evaluated(rows: 3, draws: [x], zero) { trace in
                let assessment = try model.assessment(trace.graph.input("x", x.type), draws: 5, trace.root)
                guard case .bound(let weights) = assessment.likelihood else { return [] }
                #expect(assessment.terms[1].isDrawn == (model.posterior.layers != nil || model.prior.layers != nil))
                return [weights]
            }
            return (objective + assessment).map(\.doubles)
        }
        let plain = try results(VAE(latent: 3, hidden: [5], klEstimator: .monteCarlo))
        var model = VAE(latent: 3, hidden: [5])
        if isPosterior { model.posterior = flow } else { model.prior = flow }
        let flowed = try results(model)
        #expect(plain.count == 3 && plain[2].count == 15)
        for (a, b) in zip(plain, flowed) { #expect(areClose(a, b, 1e-12)) }
    }

    /// The log-weights are log p(x | z) + log p(z) - log q(z | x), with both densities taken of z alone, by the inverses
    /// of the flows: nothing that the forward pass computed comes into it.
    @Test(arguments: [0, 1]) func logWeightsAreTheLogOfTheRatio(_ index: Int) throws {
        let x = rows(2, 4)
        let model = try VAE(latent: 3, hidden: [5], posterior: Self.flows[index], prior: Self.flows[1 - index])
            .adapted(to: [4])
        let y = try self.evaluated(rows: 2, draws: [x], { _ in nil }) { trace in
            let input = trace.graph.input("x", x.type)
            let assessment = try model.assessment(input, draws: 2, trace.root)
            let other = Trace(trace.graph, precision: .float64)
            let q = try model.encode(input, other.root)
            let flow = try model.latentFlow(input, other.root)
            let third = Trace(trace.graph, precision: .float64)
            let prior = Transformed(
                base: StandardNormal([3]),
                by: try model.prior.layers?.bijectors(for: [3], context: nil, third.root["prior"]) ?? [])
            let bits = try trace.graph.randomBits(
                [2, 6], stream: Randomness.stream("posterior", 0),
                sample: trace.graph.constant([0, 1], shape: [2], .uint32),
                step: trace.graph.constant(0, .uint32), seed: trace.graph.constant([0, 0], shape: [2], .uint32))
            var ratios: [Tensor] = []
            for draw in 0..<2 {
                let noise = try bits.normal(.float64).slice(1, draw * 3..<draw * 3 + 3)
                let z = try flow.forwardAndLogDet(q.mean + q.standardDeviation * noise).value
                let back = try flow.inverseAndLogDet(z)
                let logQ = try q.logProb(back.value) + back.logDet
                ratios.append(
                    try model.decode(z, other.root.shared).logProb(input) + prior.logProb(z) - logQ)
            }
            guard case .bound(let weights) = assessment.likelihood else { return [] }
            let sum = try -(assessment.terms[0].value + assessment.terms[1].value)
            return [weights, try stacked(ratios, axis: 1), sum]
        }
        #expect(y.count == 3 && y[0].shape == [2, 2] && areClose(y[0].doubles, y[1].doubles, 1e-9))
        #expect(areClose(y[0].doubles, y[2].doubles, 1e-9))
        // Training takes the first of these draws.
        let objective = try self.evaluated(rows: 2, draws: [x], { _ in nil }) { trace in
            try model.objective(trace.graph.input("x", x.type), trace.root).terms.map(\.value)
        }
        let sum = (0..<2).map { -objective[0].doubles[$0] - objective[1].doubles[$0] }
        #expect(areClose(sum, [y[0].doubles[0], y[0].doubles[2]], 1e-9))
    }

    /// p(x) of a linear-Gaussian model is known, and no posterior, flow or not, changes it: the importance-sampled
    /// estimate of log p(x) must be right with any.
    @Test(arguments: [0, 1]) func importanceWeightsGiveTheExactLikelihood(_ index: Int) throws {
        struct Linear: VariationalAutoencoder {
            var posterior: LatentFlow
            func adapted(to rowShape: [Int]) throws -> Linear { self }
            // The posterior of z given x has this mean and a variance of 0.6. This one is wider, so that weights stay small
            // where the flow, which deforms it, narrows it.
            func posterior(_ x: Tensor, _ scope: Scope) throws -> Normal {
                let hidden = try scope.parameter("unused", [1], .zeros)
                return try Normal(mean: x * 0.4 + hidden * 0, logVariance: x.constant(0.2))
            }
            func likelihood(_ z: Tensor, _ scope: Scope) throws -> Normal {
                try Normal(mean: z * 0.8, standardDeviation: 1)
            }
            init(_ posterior: LatentFlow) { self.posterior = posterior }
        }
        let x = array([0.3, -1, 2, 0.5, 0, 0], [3, 2])
        let draws = 20_000
        let y = try self.evaluated(rows: 3, draws: [x], { _ in nil }) { trace in
            let model = Linear(Self.flows[index])
            let assessment = try model.assessment(trace.graph.input("x", x.type), draws: draws, trace.root)
            guard case .bound(let weights) = assessment.likelihood else { return [] }
            return [try weights.logSumExp(axes: [1]) - Foundation.log(Double(draws)), try weights.mean(axes: [1])]
        }
        for row in 0..<3 {
            let (a, b): (Double, Double) = (x.doubles[2 * row], x.doubles[2 * row + 1])
            let square: Double = a * a + b * b
            let exact: Double = -Foundation.log(2 * Double.pi * 1.64) - 0.5 * square / 1.64
            #expect(abs(y[0].doubles[row] - exact) < 0.03)
            // The bound is one, and not tight: the flow does deform.
            #expect(y[1].doubles[row] < exact - 0.005)
        }
    }

    @Test func posteriorsAndPriorsTrainAndAreUsed() throws {
        let model = VAE(
            latent: 2, hidden: [8], posterior: LatentFlow(PlanarLayers(layers: 2)),
            prior: LatentFlow(AffineCouplings(layers: 2, hidden: [8])))
        let training = try Training(model, on: blobs(), device: .cpu, optimizer: .adam(learningRate: 1e-2))
        var losses: [Double] = []
        try training.run(epochs: 40, batchSize: 10) { losses.append(try $0.loss()) }
        let (first, last): (Double, Double) = (losses.prefix(20).reduce(0, +), losses.suffix(20).reduce(0, +))
        #expect(last < 0.97 * first)
        let trained = try training.finish()
        #expect(trained.parameterCount > 0)
        let test = try blobs().test
        let evaluation = try trained.evaluate(test, importanceSamples: 20)
        #expect(evaluation.nonFinite == 0)
        // Codes are what the decoder takes: reconstructions are decoded codes.
        let codes = try trained.encode(test)
        #expect(codes.standardDeviation == nil)
        let again = try trained.decode(codes.mean).doubles
        #expect(areClose(try trained.reconstruct(test).doubles, again, 1e-6))
        #expect(try trained.sample(count: 3).shape == [3, 1, 4, 4])
        let (warm, cold) = (try trained.sample(count: 3), try trained.sample(count: 3, temperature: 0.5))
        #expect(warm.doubles != cold.doubles)
    }

    @Test func optionsAreRead() throws {
        let set = { (text: String) throws -> VAE in
            try Configuration.resolve(
                VAE(), assignments: text.split(separator: " ").compactMap { Assignment(String($0)) })
        }
        #expect(try set("posterior=planar").posterior.layers is PlanarLayers)
        let prior = try set("prior=realnvp prior.layers=3 prior.hidden=[7]").prior.layers as? AffineCouplings
        #expect(prior?.layers == 3 && prior?.hidden == [7])
        #expect(try set("beta=1").posterior.layers == nil)
        #expect(message { _ = try set("posterior=planer") }.contains("planar"))
        #expect(
            message { _ = try set("posterior=planar posterior.layers=0").adapted(to: [4]) }.contains(
                "model.posterior.layers"))
        #expect(
            message { _ = try VAE(prior: LatentFlow(AffineCouplings(hidden: [0]))).adapted(to: [4]) }.contains(
                "model.prior.hidden"))
    }
}
