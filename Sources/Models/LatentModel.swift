import Graph
import Networks
import Probability

/// A model with a code z for each row: an encoder, traced in the scope `encoder`, and a decoder in `decoder`.
public protocol LatentModel: Model {
    associatedtype Posterior: DistributionWithMean
    associatedtype Likelihood: DistributionWithMean

    /// q(z | x) for x [rows, ...].
    func posterior(_ x: Tensor, _ scope: Scope) throws -> Posterior
    /// p(x | z) for z [rows, ...].
    func likelihood(_ z: Tensor, _ scope: Scope) throws -> Likelihood
    /// What takes values of `encode`'s distribution to codes, for rows x: nothing, unless there is a flow. `root` is the
    /// model's root.
    func latentFlow(_ x: Tensor, _ root: Scope) throws -> Chain
}

/// What of p(x | z) is given back.
public enum DecoderOutput: String, Codable, Sendable, CaseIterable {
    case mean
    /// x ~ p(x | z)
    case draw
}

extension LatentModel {
    public func latentFlow(_ x: Tensor, _ root: Scope) throws -> Chain { Chain([]) }

    /// q(z | x), traced where training traces it.
    public func encode(_ x: Tensor, _ root: Scope) throws -> Posterior { try posterior(x, root["encoder"]) }

    /// p(x | z), traced where training traces it.
    public func decode(_ z: Tensor, _ root: Scope) throws -> Likelihood { try likelihood(z, root["decoder"]) }

    /// The shape of one row's code, for rows of `rowShape`.
    public func latentShape(_ rowShape: [Int], _ precision: ScalarType = .float32) throws -> [Int] {
        let graph = Graph()
        let x = graph.input("x", TensorType([1] + rowShape, precision))
        return Array(try encode(x, Trace(graph, precision: precision).root).mean.shape.dropFirst())
    }

    /// The rows that codes z [rows, ...] stand for.
    public func decoded(_ z: Tensor, _ output: DecoderOutput, _ root: Scope) throws -> Tensor {
        let likelihood = try decode(z, root)
        switch output {
        case .mean: return try likelihood.mean
        case .draw: return try likelihood.sample(root["likelihood"])
        }
    }
}
