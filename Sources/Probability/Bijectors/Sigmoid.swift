import Foundation
import Graph

/// x = (sigmoid(z) - lambda) / (1 - 2 lambda): real numbers onto an interval a little wider than 0...1. Its inverse
/// z = logit(lambda + (1 - 2 lambda) x) takes all of 0...1 to finite numbers (Dinh, Sohl-Dickstein and Bengio 2017,
/// section 4.1, where lambda is called alpha).
public struct Sigmoid: Bijector {
    public let name: String
    /// Between 0 and 1/2.
    public let lambda: Double

    public init(lambda: Double, name: String = "sigmoid") {
        self.lambda = lambda
        self.name = name
    }

    private var width: Double { 1 - 2 * lambda }

    public func forwardAndLogDet(_ z: Tensor) throws(GraphError) -> Mapped {
        // log s(z) + log s(-z) - log(width) with s the sigmoid.
        let slope = try -(softplus(z) + softplus(-z) + Foundation.log(width))
        return try Mapped((sigmoid(z) - lambda) / width, logDet: slope.rowSum())
    }

    public func inverseAndLogDet(_ x: Tensor) throws(GraphError) -> Mapped {
        // 1 - p is not taken of p, which may have rounded to 1.
        let (low, high) = (try log(x * width + lambda), try log((1 - x) * width + lambda))
        return try Mapped(low - high, logDet: (Foundation.log(width) - low - high).rowSum())
    }
}
