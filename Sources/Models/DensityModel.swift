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
public protocol DensityModel: GenerativeModel {
    /// p(x), whose bijectors take their parameters from `scope`.
    func distribution(_ scope: Scope) throws -> Transformed
}

extension DensityModel {
    /// Where a flow of vectors starts: a standard normal, or with a condition a normal whose mean and variance are affine
    /// functions of it, standard at first.
    func gaussianBase(_ shape: [Int], _ scope: Scope) throws(GraphError) -> any BaseDistribution {
        guard let condition = scope.condition else { return StandardNormal(shape) }
        let size = shape.product
        let parameters = try matmul(
            condition, scope.parameter("weight", [2 * size, condition.shape[1]], .zeros).transposed())
        let split = try (parameters + scope.parameter("bias", [2 * size], .zeros)).split(2, axis: 1)
        return try Normal(mean: split[0].rowsReshaped(shape), logVariance: split[1].rowsReshaped(shape))
    }

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
}
