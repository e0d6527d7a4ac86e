import Graph
import Networks

/// Noise that a denoising autoencoder learns to remove (Vincent et al. 2010, section 3.1).
public enum Corruption: String, Codable, Sendable, CaseIterable {
    case none
    /// x + level * a standard normal
    case gaussian
    /// Each element is 0 with probability `level`.
    case masking
    /// Each element is 0 or 1, with probability level / 2 each.
    case saltAndPepper = "salt_and_pepper"

    /// The corrupted rows; `level` as said for each kind.
    public func callAsFunction(_ x: Tensor, level: Double, _ scope: Scope) throws(GraphError) -> Tensor {
        switch self {
        case .none: return x
        case .gaussian: return try x + scope.normal(x.shape) * level
        case .masking: return try select(scope.uniform(x.shape).less(than: level), x.zerosLike(), x)
        case .saltAndPepper:
            let u = try scope.uniform(x.shape)
            let noise = try select(u.less(than: level / 2), x.zerosLike(), x.onesLike())
            return try select(u.less(than: level), noise, x)
        }
    }
}
