import Graph

/// Depth to space: z [4 channels, height / 2, width / 2] to x [channels, height, width]. The inverse makes each
/// 2 x 2 block of a channel into four channels, so that couplings of channels see a checkerboard's neighbours (Dinh,
/// Sohl-Dickstein and Bengio 2017, section 3.6).
public struct Squeeze: Bijector {
    public init() {}

    public var name: String { "squeeze" }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        guard z.rank == 4, z.shape[1] % 4 == 0 else {
            throw z.graph.error("squeeze", "needs a multiple of four channels [4 c, h, w] to undo it, not \(z.type)")
        }
        let (channels, height, width) = (z.shape[1] / 4, z.shape[2], z.shape[3])
        let x = try z.rowsReshaped([channels, 2, 2, height, width]).transposed([0, 1, 4, 2, 5, 3])
        return Mapped(try x.rowsReshaped([channels, 2 * height, 2 * width]), logDet: try z.rowZeros())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        guard x.rank == 4, x.shape[2] % 2 == 0, x.shape[3] % 2 == 0 else {
            throw x.graph.error("squeeze", "needs images of even height and width, not \(x.type)")
        }
        let (channels, height, width) = (x.shape[1], x.shape[2] / 2, x.shape[3] / 2)
        let z = try x.rowsReshaped([channels, height, 2, width, 2]).transposed([0, 1, 3, 5, 2, 4])
        return Mapped(try z.rowsReshaped([4 * channels, height, width]), logDet: try x.rowZeros())
    }
}
