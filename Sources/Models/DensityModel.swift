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
public protocol DensityModel: GenerativeModel, EncodingModel where Code == Deterministic {
    /// p(x), whose bijectors take their parameters from `scope`.
    func distribution(_ scope: Scope) throws -> Transformed
}

extension DensityModel {
    /// The negative log-likelihood, as its base and log-det parts.
    public func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let parts = try distribution(scope).itemisedLogProb(x)
        var objective = Objective()
        objective.add("base", try -parts.base)
        objective.add("log_det", try -parts.logDet())
        return objective
    }

    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        let parts = try distribution(scope).itemisedLogProb(x)
        var terms: [Assessment.Term] = [.init("base", try -parts.base.expanded(1), isDrawn: false)]
        for logDet in parts.logDets {
            terms.append(.init(logDet.name, try -logDet.value.expanded(1), isDrawn: false))
        }
        return Assessment(terms: terms, likelihood: .exact, support: .real)
    }

    public func sample(
        _ rowShape: [Int], temperature: Double, output: DecoderOutput, _ root: Scope
    ) throws -> Tensor {
        try distribution(root).sample(root["base"], temperature: temperature)
    }

    /// The base values that rows come from.
    public func encode(_ x: Tensor, _ root: Scope) throws -> Deterministic {
        Deterministic(try distribution(root).itemisedLogProb(x).z)
    }

    public func decoded(_ z: Tensor, _ output: DecoderOutput, _ root: Scope) throws -> Tensor {
        try distribution(root).forward(z)
    }
}
