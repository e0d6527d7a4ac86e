import Graph

#if canImport(Glibc)
    import Glibc
#endif

/// Adam (Kingma and Ba 2015, algorithm 1); `epsilon` is added after the bias correction, as in PyTorch. Weight decay,
/// if any, is an L2 term of the gradient.
public struct Adam: Codable, Hashable, Sendable {
    public var learningRate: Double
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var weightDecay: Double

    public init(
        learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    func updates(
        _ parameter: Parameter, _ gradient: Tensor, _ rate: Tensor, _ count: Tensor
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        let p = parameter.tensor
        let g = weightDecay == 0 ? gradient : try gradient + p * weightDecay
        let (m, v) = (parameter.moment("m"), parameter.moment("v"))
        let nextM = try m + (g - m) * (1 - beta1)
        let nextV = try v * beta2 + g * g * (1 - beta2)
        // 1 - beta^count without cancellation while the count is small.
        let correction1 = try -expm1(count * log(beta1))
        let correction2 = try sqrt(-expm1(count * log(beta2)))
        let denominator = try sqrt(nextV) / correction2 + epsilon
        return [
            (m, nextM), (v, nextV), (p, try p - (rate / correction1) * (nextM / denominator)),
        ]
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): parameters shrink by rate * weightDecay.
public struct AdamW: Codable, Hashable, Sendable {
    public var learningRate: Double
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var weightDecay: Double

    public init(
        learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 1e-2
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }

    func updates(
        _ parameter: Parameter, _ gradient: Tensor, _ rate: Tensor, _ count: Tensor
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        let adam = Adam(learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon)
        return try adam.updates(parameter, gradient, rate, count).map { (update) throws(GraphError) in
            guard update.state.id == parameter.tensor.id else { return update }
            return (update.state, try update.value - parameter.tensor * (rate * weightDecay))
        }
    }
}
