import Graph
import Networks
import Probability

/// One normal distribution with a full covariance: the likelihood that any flow has to beat.
///
/// Its parameters start as the maximum-likelihood estimate, the mean and the covariance of the training rows, so that it
/// needs no training. Where an element of the rows depends linearly on those before it there is no density, and training
/// says which elements do.
public struct Gaussian: DensityModel {
    public static let name = "gaussian"

    /// The shape of a row: training sets it to the data's.
    public var shape: [Int]

    public init(shape: [Int] = [2]) { self.shape = shape }

    public func adapted(to rowShape: [Int]) throws -> Gaussian { Gaussian(shape: rowShape) }

    public func distribution(_ scope: Scope) throws -> Transformed {
        let size = shape.product
        let mean = try scope.parameter("mean", [size], .dataMean)
        let factor = try scope.parameter("factor", [size, size], .dataCovarianceFactor)
        return Transformed(
            base: try MultivariateNormal(mean: mean.expanded(0), factor: factor.expanded(0)),
            by: shape.count == 1 ? [] : [Reshape(shape)])
    }
}
