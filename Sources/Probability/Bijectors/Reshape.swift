import Graph

/// Vectors as rows of another shape.
public struct Reshape: Bijector {
    /// Of a row of data.
    public let shape: [Int]

    public init(_ shape: [Int]) { self.shape = shape }

    public var name: String { "reshape" }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        Mapped(try z.rowsReshaped(shape), logDet: try z.rowZeros())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        Mapped(try x.flattened(), logDet: try x.rowZeros())
    }
}
