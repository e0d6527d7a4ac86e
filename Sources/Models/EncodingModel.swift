import Graph
import Networks
import Probability

/// A model in which every row has a code z, and every code stands for a row: a latent variable, or the base values of a
/// flow.
public protocol EncodingModel: Model {
    associatedtype Code: DistributionWithMean

    /// The codes of x [rows, ...], traced where training traces them.
    func encode(_ x: Tensor, _ root: Scope) throws -> Code

    /// What takes values of `encode`'s distribution to codes, for rows x: nothing, unless there is a flow. `root` is the
    /// model's root.
    func latentFlow(_ x: Tensor, _ root: Scope) throws -> Chain

    /// The rows that codes z [rows, ...] stand for.
    ///
    /// - Parameter output: Of latent-variable models; a flow's code stands for one row.
    func decoded(_ z: Tensor, _ output: DecoderOutput, _ root: Scope) throws -> Tensor
}

/// What of p(x | z) is given back.
public enum DecoderOutput: String, Codable, Sendable, CaseIterable {
    case mean
    /// x ~ p(x | z)
    case draw
}

extension EncodingModel {
    public func latentFlow(_ x: Tensor, _ root: Scope) throws -> Chain { Chain([]) }

    /// The shape of one row's code, for rows of `rowShape`.
    public func latentShape(_ rowShape: [Int], _ precision: ScalarType = .float32) throws -> [Int] {
        let graph = Graph()
        let x = graph.input("x", TensorType([1] + rowShape, precision))
        return Array(try encode(x, Trace(graph, precision: precision).root).mean.shape.dropFirst())
    }
}
