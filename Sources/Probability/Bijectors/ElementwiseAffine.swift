import Graph
import Networks

/// x = scale * z + shift for every element, the same for all rows.
public struct ElementwiseAffine: Bijector {
    public let name: String
    private let shift: Tensor
    private let scale: Tensor
    private let logScale: Tensor

    /// Both broadcast to the shape of a row.
    public init(shift: Tensor, logScale: Tensor, name: String = "affine") throws(GraphError) {
        self.name = name
        self.shift = shift
        self.logScale = logScale
        scale = try exp(logScale)
    }

    /// Both broadcast to the shape of a row; `scale` is positive.
    public init(shift: Tensor, scale: Tensor, name: String = "affine") throws(GraphError) {
        self.name = name
        self.shift = shift
        self.scale = scale
        logScale = try log(scale)
    }

    /// Learned, for rows of `shape`: parameters `log_scale` and `shift`, zeros at first, which is the identity.
    ///
    /// - Throws: Where another bijector of the trace has the scope.
    public static func learned(_ shape: [Int], _ scope: Scope) throws(GraphError) -> ElementwiseAffine {
        let scope = try scope.claimed()
        let logScale = try scope.parameter("log_scale", shape, .zeros)
        return try ElementwiseAffine(
            shift: scope.parameter("shift", shape, .zeros), logScale: logScale, name: scope.path)
    }

    /// Standardization of the data: z has mean 0 and deviation 1 over the training rows in every element, but mean 0
    /// alone where an element is the same in all of them. The states `mean` and `deviation` of `scope` have `shape`, a
    /// row's.
    public static func standardizing(_ shape: [Int], _ scope: Scope) throws(GraphError) -> ElementwiseAffine {
        try ElementwiseAffine(
            shift: scope.state("mean", shape, .dataMean), scale: scope.state("deviation", shape, .dataDeviation),
            name: scope.path)
    }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        try Mapped(z * scale + shift, logDet: logDet(z, logScale))
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        try Mapped((x - shift) / scale, logDet: logDet(x, -logScale))
    }

    private func logDet(_ x: Tensor, _ logScale: Tensor) throws(GraphError) -> Tensor {
        try logScale.broadcast(to: [1] + x.shape.dropFirst()).total(forRowsOf: x)
    }
}

extension Tensor {
    /// The sum of all elements, compensated, for each row of `x`: [rows]. The log-det of what treats all rows alike.
    func total(forRowsOf x: Tensor) throws(GraphError) -> Tensor {
        try sum(compensated: true).broadcast(to: [try x.size(0)])
    }
}
