import Graph
import Networks
import Probability

/// A model with a code z for each row: an encoder, traced in the scope `encoder`, and a decoder in `decoder`.
public protocol LatentModel: EncodingModel where Code == Posterior {
    associatedtype Posterior: DistributionWithMean
    associatedtype Likelihood: DistributionWithMean

    /// q(z | x) for x [rows, ...].
    func posterior(_ x: Tensor, _ scope: Scope) throws -> Posterior
    /// p(x | z) for z [rows, ...].
    func likelihood(_ z: Tensor, _ scope: Scope) throws -> Likelihood
}

extension LatentModel {
    /// q(z | x), traced where training traces it.
    public func encode(_ x: Tensor, _ root: Scope) throws -> Posterior { try posterior(x, root["encoder"]) }

    /// p(x | z), traced where training traces it.
    public func decode(_ z: Tensor, _ root: Scope) throws -> Likelihood { try likelihood(z, root["decoder"]) }

    /// The rows that codes z [rows, ...] stand for.
    public func decoded(_ z: Tensor, _ output: DecoderOutput, _ root: Scope) throws -> Tensor {
        let likelihood = try decode(z, root)
        switch output {
        case .mean: return try likelihood.mean
        case .draw: return try likelihood.sample(root["likelihood"])
        }
    }
}
