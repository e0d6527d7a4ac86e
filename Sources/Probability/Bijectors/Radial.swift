import Graph
import Networks

/// x = z + beta h(r) (z - c) with r = |z - c| and h(r) = 1 / (alpha + r) (Rezende and Mohamed 2015, eq. 14 and appendix
/// A.2): it draws rows to a point or pushes them away. Rows of other shapes are taken as vectors.
///
/// alpha > 0 and beta > -alpha are made of free parameters, of which zeros make the identity, so that it can be inverted:
/// the equation for r is a quadratic one, which makes both directions closed forms.
///
/// Parameters: `center` [size], `alpha` and `beta` [1]; or numbers of each row, from a network.
public struct Radial: Bijector {
    public let name: String
    private let source: ParameterSource

    /// With parameters of its own.
    ///
    /// - Throws: Where another bijector of the trace has the scope.
    public init(_ scope: Scope) throws(GraphError) {
        name = scope.path
        source = .own(try scope.claimed())
    }

    /// With `parameters` [rows, parameterCount(size)] for every row: center, alpha and beta. Zeros make the identity.
    public init(parameters: Tensor, name: String) {
        self.name = name
        source = .given(parameters)
    }

    /// Numbers that a row of `size` elements needs.
    public static func parameterCount(_ size: Int) -> Int { size + 2 }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        let flat = try z.flattened()
        let layer = try Layer(source, flat)
        let d = try flat - layer.center
        let r = try d.length()
        let x = try layer.center + d * layer.stretch(r)
        return Mapped(try x.reshaped(z.shape), logDet: try layer.logDet(r, size: flat.size(1)))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        let flat = try x.flattened()
        let layer = try Layer(source, flat)
        let d = try flat - layer.center
        let length = try d.length()
        // |x - c| = r (r + alpha + beta) / (r + alpha): r^2 - 2 p r - alpha |x - c| = 0. Of its positive root, the form in
        // which nothing cancels.
        let p = try (length - layer.total) * 0.5
        let product = try layer.alpha * length
        let root = try sqrt(p * p + product)
        let isLarge = try p.greater(than: p.zerosLike())
        // What is not selected must not divide by 0 either.
        let other = try root + abs(p)
        let r = try select(isLarge, other, product / other)
        let z = try layer.center + d / layer.stretch(r)
        return Mapped(try z.reshaped(x.shape), logDet: try -layer.logDet(r, size: flat.size(1)))
    }

    /// Parameters [1 or rows, ...] that can be inverted.
    private struct Layer {
        let center: Tensor
        let alpha: Tensor
        /// alpha + beta, which is positive.
        let total: Tensor

        init(_ source: ParameterSource, _ x: Tensor) throws(GraphError) {
            let size = try x.size(1)
            let parts = try source.parts(
                [("center", size, .normal(standardDeviation: 1)), ("alpha", 1, .zeros), ("beta", 1, .zeros)], rowsOf: x)
            center = parts[0]
            alpha = try PositiveParameter.value(parts[1])
            total = try alpha * PositiveParameter.value(parts[2])
        }

        /// 1 + beta h(r)
        func stretch(_ r: Tensor) throws(GraphError) -> Tensor { try (r + total) / (r + alpha) }

        /// (size - 1) log(1 + beta h) + log(1 + beta h + beta h' r), of sums of what is positive.
        func logDet(_ r: Tensor, size: Int) throws(GraphError) -> Tensor {
            let outer = try r + alpha
            let slope = try (r * r + 2 * alpha * r + alpha * total) / (outer * outer)
            return try (log(stretch(r)) * Double(size - 1) + log(slope)).rowSum()
        }
    }
}

extension Tensor {
    /// The Euclidean length of each row of a matrix [rows, size], as [rows, 1]; 1e-15 at least, to have a gradient.
    fileprivate func length() throws(GraphError) -> Tensor {
        try sqrt(maximum((self * self).rowDot(), constant(1e-30)))
    }
}
