import Foundation
import Pushforward
import Testing

/// x = M z, with numbers for M and its inverse.
private struct Fixed: Bijector {
    let name: String
    /// Row by row.
    let matrix: [Double], inverse: [Double]

    /// Of two elements: the inverse is computed.
    init(_ name: String, _ a: Double, _ b: Double, _ c: Double, _ d: Double) {
        let determinant = a * d - b * c
        self.init(name, [a, b, c, d], [d, -b, -c, a].map { $0 / determinant })
    }

    init(_ name: String, _ matrix: [Double], _ inverse: [Double]) {
        (self.name, self.matrix, self.inverse) = (name, matrix, inverse)
    }

    private func applied(_ x: Tensor, _ values: [Double]) throws(GraphError) -> Mapped {
        let size = try x.size(1)
        let m = try x.graph.constant(values, shape: [size, size], x.scalar)
        return Mapped(try matmul(x, m.transposed()), logDet: try slogdet(m).logAbsDet.broadcast(to: [x.size(0)]))
    }

    func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped { try applied(z, matrix) }
    func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped { try applied(x, inverse) }
}

/// x = z but for elements above 1, which are no numbers.
private struct Cut: Bijector {
    var name: String { "cut" }
    func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped { Mapped(z, logDet: try z.sum(axes: [1]) * 0) }
    func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        try forwardAndLogDet(select(x.greater(than: x.onesLike()), x.onesLike() * .nan, x))
    }
}

/// Layers that are not trained, over standard normals.
private struct Layers: DensityModel {
    enum Kind: String, Codable { case linear, amplifying, volume, illConditioned, wrong, cut, scaled, none }

    var kind: Kind

    func distribution(_ scope: Scope) throws -> Transformed {
        let turn = Fixed("turn", 0.6, -0.8, 0.8, 0.6)
        let layers: [any Bijector] =
            switch kind {
            case .linear: [Fixed("linear", 3, 0, 4, 5)]
            case .amplifying: [Fixed("first", 2, 0, 0, 2), turn, Fixed("last", 0, 5, 5, 0)]
            case .volume:
                [
                    try OrthogonalLinear(scope["orthogonal"]),
                    try Coupling(.half(0), AdditiveTransformer(), MLP([16]), scope["additive"]),
                ]
            case .illConditioned: [turn, Fixed("flat", 1, 1, 1, 1.001), turn]
            // Its inverse is that of another matrix.
            case .wrong: [turn, Fixed("flat", 1, 1, 1, 1.001), Fixed("wrong", [2, 0, 0, 1], [0.5001, 0, 0, 1])]
            case .cut: [turn, Cut()]
            case .scaled: [Fixed("linear", 3, 0, 4, 5), try scaling(scope)]
            case .none: []
            }
        return Transformed(base: StandardNormal([2]), by: layers)
    }

    private func scaling(_ scope: Scope) throws -> ElementwiseAffine {
        let scale = try scope.graph.constant([1e6, 1e-3], shape: [2], scope.precision)
        return try ElementwiseAffine(shift: scale, scale: scale, name: "units")
    }

    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        _ = try distribution(scope).itemisedLogProb(x)
        var objective = Objective()
        objective.add("weight", try scope.parameter("weight", [1], .ones))
        return objective
    }
}

@Suite struct AuditTests {
    private func points(_ count: Int, spread: Double = 1) throws -> Dataset {
        var numbers = Numbers(seed: 5)
        return try Dataset(rows: (0..<2 * count).map { _ in Float(numbers.normal() * spread) }, shape: [2])
    }

    private func audit(_ kind: Layers.Kind, _ precision: ScalarType = .float64) throws -> Audit {
        let data = try points(20)
        return try Training(Layers(kind: kind), on: data, device: .cpu(threads: 1), precision: precision).trained()
            .audit(data.train)
    }

    @Test(arguments: [ScalarType.float32, .float64]) func singularValuesOfAMatrix(_ precision: ScalarType) throws {
        let audit = try audit(.linear, precision)
        #expect(audit.passages.map(\.place) == [.heldOut, .prior, .far(10), .far(1e4)])
        for passage in audit.passages {
            let layer = passage.layers[0]
            // M^T M = [[25, 20], [20, 25]].
            #expect(isClose(layer.largestSingularValue, 45.0.squareRoot(), 1e-5))
            #expect(isClose(layer.smallestSingularValue, 5.0.squareRoot(), 1e-5))
            #expect(isClose(layer.conditionNumber.largest, 3, 2e-5) && isClose(layer.conditionNumber.median, 3, 2e-5))
            // The way back is the inverse from data, the matrix itself from samples.
            let back = passage.place == .prior ? 1 / 5.0.squareRoot() : 45.0.squareRoot()
            #expect(isClose(layer.amplification.largest, back, 2e-3))
            #expect(layer.kind == "Fixed" && layer.nonFinite == 0 && passage.nonFinite == 0)
            #expect(layer.roundings.largest < 4 && passage.roundings.largest < 4)
            #expect(passage.relativeError.largest < 16 * audit.epsilon && layer.logDetGap.largest < 1e-5)
        }
        #expect(audit.isInvertible && audit.lastChange <= 1e-4)
        #expect(try #require(audit[.heldOut]).roundTripError.largest < (precision == .float64 ? 1e-14 : 1e-5))
    }

    @Test func errorsGrowThroughAllLayersOfTheWayBack() throws {
        let audit = try audit(.amplifying)
        let (data, base) = (try #require(audit[.heldOut]), try #require(audit[.prior]))
        #expect(data.layers.map(\.name) == ["last", "turn", "first"])
        #expect(areClose(data.layers.map(\.amplification.largest), [5, 5, 10], 1e-6))
        #expect(base.layers.map(\.name) == ["first", "turn", "last"])
        #expect(areClose(base.layers.map(\.amplification.largest), [0.5, 0.5, 0.1], 1e-6))
        // Every layer only turns and stretches all alike: each of the four values weighs as much as the row itself.
        #expect(isClose(data.conditioning.median, 4, 1e-6) && isClose(base.conditioning.median, 4, 1e-6))
    }

    @Test func singularValuesOfWhatKeepsVolumeAreInverse() throws {
        let data = try points(40)
        let trained = try Training(Layers(kind: .volume), on: data, device: .cpu, precision: .float64).trained()
        for passage in try trained.audit(data.train).passages {
            let orthogonal = try #require(passage.layers.first { $0.name == "orthogonal" })
            #expect(isClose(orthogonal.largestSingularValue, 1, 1e-9))
            #expect(isClose(orthogonal.smallestSingularValue, 1, 1e-9))
            let additive = try #require(passage.layers.first { $0.name == "additive" })
            #expect(additive.largestSingularValue > 1.05)
            #expect(isClose(additive.largestSingularValue * additive.smallestSingularValue, 1, 1e-3))
            #expect(passage.logDetGap.largest == 0)
        }
    }

    @Test func theWorstLayerIsNamed() throws {
        let flat = try #require(try audit(.illConditioned).worst)
        #expect(flat.layer.name == "flat" && flat.reason == .conditionNumber)
        #expect(isClose(flat.layer.conditionNumber.largest, 4002, 1e-3))

        // Worse than any conditioning: what does not come back.
        let other = try audit(.wrong)
        let wrong = try #require(other.worst)
        #expect(wrong.layer.name == "wrong" && wrong.reason == .inverseError && !other.isInvertible)
        #expect(wrong.layer.roundings.largest > 1e9)
        #expect(other[.heldOut]?.layers.filter { $0.roundings.largest > 32 }.map(\.name) == ["wrong"])

        let third = try audit(.cut)
        let cut = try #require(third.worst)
        #expect(cut.layer.name == "cut" && cut.reason == .nonFinite && !third.isInvertible)
        let rows = try points(20).train.floats
        let above = (0..<20).count { rows[2 * $0] > 1 || rows[2 * $0 + 1] > 1 }
        let held = try #require(third[.heldOut])
        #expect(above > 0 && held.nonFinite == above && held.rows == 20)
        // It is lost where it is lost, not in every layer after that; the rest is still judged.
        #expect(held.layers.map(\.nonFinite) == [above, 0])
        #expect(held.layers[1].largestSingularValue.isFinite && held.relativeError.largest < 1e-14)
    }

    /// Elements in units of their own do not spoil the figures of the layers.
    @Test func preprocessingStandsApart() throws {
        let data = try points(20)
        let trained = try Training(Layers(kind: .scaled), on: data, device: .cpu, precision: .float64).trained()
        let audit = try trained.audit(data.train)
        let held = try #require(audit[.heldOut])
        #expect(held.layers.map(\.isPreprocessing) == [true, false])
        #expect(isClose(held.layers[0].conditionNumber.largest, 1e9, 1e-6))
        #expect(held.layers[0].amplification.largest.isNaN)
        #expect(audit.worst?.layer.name == "linear" && audit.isInvertible)
        for place in [Audit.Place.heldOut, .prior] {
            #expect(try #require(audit[place]).conditioning.largest < 100)
        }
        #expect(audit[.far(10)]?.layers.map(\.name) == ["linear"])
    }

    @Test func figuresDependOnRowsAlone() throws {
        let data = try points(13)
        let training = try Training(RealNVP(layers: 2, hidden: [8]), on: data, device: .cpu(threads: 1))
        try training.run(steps: 5, batchSize: 8)
        let trained = try training.finish()
        let whole = try trained.audit(data.train, seed: 3)
        #expect("\(try trained.audit(data.train, seed: 3, batchSize: 4))" == "\(whole)")
        #expect("\(try trained.audit(data.train, seed: 4))" != "\(whole)")
        // Its start is what the model makes of data and of its noise.
        let codes = try trained.encode(data.train).mean.doubles
        let held = try #require(whole[.heldOut])
        let back = try trained.decode(array(codes, [13, 2], .float32)).doubles
        let error = zip(data.train.floats, back).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(held.roundTripError.largest == error)
        guard (try? Device.openCL().makeBackend()) != nil else { return }
        let folder = try TemporaryFolder()
        try trained.save(to: folder.path + "/run")
        let other = try Trained<RealNVP>(contentsOf: folder.path + "/run", device: .openCL())
        #expect("\(try other.audit(data.train, seed: 3))" == "\(whole)")
    }

    /// A model of p(x | c) is judged at the conditions of its rows.
    @Test func conditionsAreThoseOfTheRows() throws {
        let points = try points(12).train.floats
        func rows(_ labels: [Int32]) throws -> Dataset { try Dataset(rows: points, shape: [2], labels: labels) }
        let labels = (0..<12).map { Int32($0 % 3) }
        let training = try Training(
            RealNVP(layers: 2, hidden: [8], condition: .label(LabelCondition())), on: rows(labels), device: .cpu,
            optimizer: .adam(learningRate: 0.05))
        try training.run(steps: 20, batchSize: 6)
        let trained = try training.finish()
        let own = try trained.audit(rows(labels).train)
        #expect(own.isInvertible && own.passages.allSatisfy { $0.nonFinite == 0 && $0.roundings.largest <= 32 })
        #expect("\(try trained.audit(rows(labels).train, batchSize: 5))" == "\(own)")
        let others = try trained.audit(rows(labels.reversed()).train)
        #expect(others[.heldOut]?.conditioning.largest != own[.heldOut]?.conditioning.largest)
        #expect(others[.prior]?.conditioning.largest != own[.prior]?.conditioning.largest)
    }

    @Test func whatCannotBeAuditedSaysSo() throws {
        let data = try points(20)
        func trying(_ model: some DensityModel, iterations: Int = 5, batchSize: Int? = nil) -> String {
            message {
                _ = try Training(model, on: data, device: .cpu).trained()
                    .audit(data.train, iterations: iterations, batchSize: batchSize)
            }
        }
        #expect(trying(Layers(kind: .none)).contains("Layers: has no layers to audit"))
        #expect(trying(Gaussian()).contains("gaussian: has no layers to audit"))
        #expect(trying(Layers(kind: .linear), iterations: 0).contains("iterations"))
        #expect(trying(Layers(kind: .linear), batchSize: 0).contains("batch_size"))
    }

    /// A multi-scale flow's layers, one after another, are the flow.
    @Test func unrolledLayersAreTheFlow() throws {
        let model = try Glow(levels: 2, depth: 1, width: 4).adapted(to: [1, 8, 8])
        let x = array((0..<192).map { Foundation.sin(Double($0) * 0.7) }, [3, 1, 8, 8])
        let found = try evaluated(arguments: [x]) { trace in
            let layers = try model.distribution(trace.root).bijectors
            let unrolled = try Chain(layers).unrolled()
            #expect(
                unrolled.map(\.name).filter { !["reshape", "squeeze"].contains($0) } == [
                    "level1/step0/coupling", "level1/step0/mixing", "level1/step0/norm", "level0/split",
                    "level0/step0/coupling", "level0/step0/mixing", "level0/step0/norm",
                ])
            #expect(Set(unrolled.map(\.kind)).isSuperset(of: ["ActNorm", "FactorOut", "Invertible1x1Convolution"]))
            let x = trace.graph.input("x", x.type)
            let (whole, apart) = (try Chain(layers).inverseAndLogDet(x), try Chain(unrolled).inverseAndLogDet(x))
            let back = try Chain(unrolled).forwardAndLogDet(whole.value)
            let inverted = try Inverted(Inverted(Chain(layers))).unrolled()
            return [
                whole.value, apart.value, whole.logDet, apart.logDet, try back.value.reshaped(x.shape), x,
                try Chain(inverted).inverseAndLogDet(x).value,
            ]
        }.map(\.doubles)
        #expect(found[0] == found[1] && found[0] == found[6] && areClose(found[2], found[3], 1e-13))
        #expect(areClose(found[4], found[5], 1e-12))
    }
}
