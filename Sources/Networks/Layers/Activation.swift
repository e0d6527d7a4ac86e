import Graph

/// An elementwise nonlinearity by its name.
public enum Activation: String, Codable, Sendable, CaseIterable {
    case relu, gelu, tanh, softplus, sigmoid, silu, identity
    case leakyRelu = "leaky_relu"

    public func callAsFunction(_ x: Tensor) throws(GraphError) -> Tensor { try apply(self, x) }
}

/// Outside the enum, whose cases would hide the functions of the same names.
private func apply(_ activation: Activation, _ x: Tensor) throws(GraphError) -> Tensor {
    switch activation {
    case .relu: try relu(x)
    case .gelu: try gelu(x)
    case .tanh: try tanh(x)
    case .softplus: try softplus(x)
    case .sigmoid: try sigmoid(x)
    case .silu: try silu(x)
    case .leakyRelu: try leakyRelu(x)
    case .identity: x
    }
}

/// x * sigmoid(x), also called swish.
public func silu(_ x: Tensor) throws(GraphError) -> Tensor { try x * sigmoid(x) }

/// x where positive, else `slope` * x.
public func leakyRelu(_ x: Tensor, slope: Double = 0.01) throws(GraphError) -> Tensor {
    try select(x.zerosLike().less(than: x), x, x * slope)
}
