import Graph

/// Stochastic gradient descent with momentum (Sutskever et al. 2013, as PyTorch writes it): v' = momentum * v + g, and
/// p' = p - rate * v', or with Nesterov's p' = p - rate * (g + momentum * v'). Weight decay is an L2 term of the
/// gradient.
public struct SGD: Codable, Hashable, Sendable {
    public var learningRate: Double
    public var momentum: Double
    public var nesterov: Bool
    public var weightDecay: Double

    public init(
        learningRate: Double = 1e-2, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0
    ) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay
    }

    func updates(
        _ parameter: Parameter, _ gradient: Tensor, _ rate: Tensor, _ count: Tensor
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        let p = parameter.tensor
        let g = weightDecay == 0 ? gradient : try gradient + p * weightDecay
        guard momentum != 0 else { return [(p, try p - rate * g)] }
        let velocity = parameter.moment("velocity")
        let next = try velocity * momentum + g
        let direction = nesterov ? try g + next * momentum : next
        return [(velocity, next), (p, try p - rate * direction)]
    }
}
