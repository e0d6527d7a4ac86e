import Graph
import Networks
import Probability

/// A model that knows the density of every row: a normalizing flow.
///
/// One's own needs only `distribution`:
///
///     struct Moons: DensityModel {
///         func distribution(_ scope: Scope) throws -> Transformed {
///             try Transformed(base: StandardNormal([2]), by: (0..<8).map {
///                 try Coupling(.half($0 % 2), AffineTransformer(), MLP([128, 128]), scope["layer\($0)"])
///             })
///         }
///     }
///
/// Where rows are gray levels (`takesLevels`) the density is that of dequantized ones: what is trained and evaluated is
/// then a lower bound on the log-probability of the levels, and samples are levels again.
public protocol DensityModel: GenerativeModel, EncodingModel where Code == Deterministic {
    /// p(x), whose bijectors take their parameters from `scope`.
    func distribution(_ scope: Scope) throws -> Transformed
}

extension DensityModel {
    /// The negative log-likelihood, or its bound, as base and log-det parts.
    public func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let parts = try distribution(scope).itemisedLogProb(continuous(x, scope))
        var objective = Objective()
        objective.add("base", try -parts.base)
        objective.add("log_det", try -parts.logDet())
        if takesLevels { objective.add("dequantization", try Dequantization.negativeLogVolumes(x)) }
        return objective
    }

    /// What the density is one of: rows x themselves, or gray levels with the noise that training adds to them.
    public func continuous(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard takesLevels else { return x }
        return try Dequantization.dequantized(x, scope["dequantization"].uniform(x.shape))
    }

    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        guard takesLevels else {
            let parts = try distribution(scope).itemisedLogProb(x)
            return Assessment(
                terms: try parts.all.map { .init($0.name, try -$0.value.expanded(1), isDrawn: false) },
                likelihood: .exact, support: .real)
        }
        let (rows, event) = (try x.size(0), Array(x.shape.dropFirst()))
        // Draw d of a row is element d of that row's noise: it does not depend on how many draws there are.
        let noise = try scope["dequantization"].uniform([rows, draws] + event)
        let y = try Dequantization.dequantized(x.expanded(1).broadcast(to: noise.shape), noise)
        let parts = try distribution(scope.repeatingCondition(draws)).itemisedLogProb(
            y.reshaped([rows * draws] + event))
        var terms = try parts.all.map {
            Assessment.Term($0.name, try -$0.value.reshaped([rows, draws]), isDrawn: true)
        }
        let logVolumes = try Dequantization.negativeLogVolumes(x).expanded(1)
        terms.append(.init("dequantization", logVolumes, isDrawn: false))
        return Assessment(
            terms: terms, likelihood: .bound(logWeights: try parts.total().reshaped([rows, draws]) - logVolumes),
            support: .levels)
    }

    public func sample(
        _ rowShape: [Int], temperature: Double, output: DecoderOutput, _ root: Scope
    ) throws -> Tensor {
        let y = try distribution(root).sample(root["base"], temperature: temperature)
        return takesLevels ? try Dequantization.levels(y) : y
    }

    /// The base values that rows come from; of gray levels those of the middle of each level.
    public func encode(_ x: Tensor, _ root: Scope) throws -> Deterministic {
        let y = takesLevels ? try Dequantization.dequantized(x, x.graph.constant(0.5, x.type)) : x
        return Deterministic(try distribution(root).itemisedLogProb(y).z)
    }

    public func decoded(_ z: Tensor, _ output: DecoderOutput, _ root: Scope) throws -> Tensor {
        let y = try distribution(root).forward(z)
        return takesLevels ? try Dequantization.levels(y) : y
    }
}

extension ItemisedLogProb {
    /// The parts in the order of the ledger.
    fileprivate var all: [(name: String, value: Tensor)] { [("base", base)] + logDets }
}
