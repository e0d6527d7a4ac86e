import Graph
import Networks
import Probability

/// A model with a code z for each row: an encoder, traced in the scope `encoder`, and a decoder in `decoder`.
public protocol LatentModel: Model {
    associatedtype Posterior: Distribution
    associatedtype Likelihood: Distribution

    /// q(z | x) for x [rows, ...].
    func posterior(_ x: Tensor, _ scope: Scope) throws -> Posterior
    /// p(x | z) for z [rows, ...].
    func likelihood(_ z: Tensor, _ scope: Scope) throws -> Likelihood
    /// Whether there is a prior to draw samples from.
    static var hasPrior: Bool { get }
    /// One draw of the prior per row, of `shape` [rows, ...]; `temperature` multiplies the standard deviation of the
    /// noise that it is made of. Throws where the model has no prior.
    func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor
}

extension LatentModel {
    /// q(z | x), traced where training traces it.
    public func encode(_ x: Tensor, _ root: Scope) throws -> Posterior { try posterior(x, root["encoder"]) }

    /// p(x | z), traced where training traces it.
    public func decode(_ z: Tensor, _ root: Scope) throws -> Likelihood { try likelihood(z, root["decoder"]) }

    public static var hasPrior: Bool { false }

    public func priorSample(_ shape: [Int], temperature: Double, _ scope: Scope) throws -> Tensor {
        throw GraphError("sample", "\(Self.name) has no prior to sample from; train a VAE for samples")
    }
}
