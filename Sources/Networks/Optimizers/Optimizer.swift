import Graph

/// A rule that turns gradients into new parameters, as graph nodes.
public enum Optimizer: Hashable, Sendable {
    case adam(Adam)
    case adamW(AdamW)
    case sgd(SGD)

    public static func adam(learningRate: Double = 1e-3) -> Optimizer { .adam(Adam(learningRate: learningRate)) }
    public static func adamW(learningRate: Double = 1e-3, weightDecay: Double = 1e-2) -> Optimizer {
        .adamW(AdamW(learningRate: learningRate, weightDecay: weightDecay))
    }
    public static func sgd(learningRate: Double = 1e-2, momentum: Double = 0) -> Optimizer {
        .sgd(SGD(learningRate: learningRate, momentum: momentum))
    }

    /// What a schedule's factor is applied to.
    public var learningRate: Double {
        get {
            switch self {
            case .adam(let rule): rule.learningRate
            case .adamW(let rule): rule.learningRate
            case .sgd(let rule): rule.learningRate
            }
        }
        set {
            switch self {
            case .adam(var rule):
                rule.learningRate = newValue
                self = .adam(rule)
            case .adamW(var rule):
                rule.learningRate = newValue
                self = .adamW(rule)
            case .sgd(var rule):
                rule.learningRate = newValue
                self = .sgd(rule)
            }
        }
    }

    public var weightDecay: Double {
        switch self {
        case .adam(let rule): rule.weightDecay
        case .adamW(let rule): rule.weightDecay
        case .sgd(let rule): rule.weightDecay
        }
    }

    /// New values of a parameter and of the optimizer's own states for it, "optimizer/<path>/...".
    ///
    /// - Parameters:
    ///   - rate: The learning rate of this step, [].
    ///   - count: How many steps there will have been with this one, as a float [].
    public func updates(
        _ parameter: Parameter, gradient: Tensor, rate: Tensor, count: Tensor
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        switch self {
        case .adam(let rule): try rule.updates(parameter, gradient, rate, count)
        case .adamW(let rule): try rule.updates(parameter, gradient, rate, count)
        case .sgd(let rule): try rule.updates(parameter, gradient, rate, count)
        }
    }
}

extension Parameter {
    /// A state of the optimizer for this parameter, of its type, zero at first.
    func moment(_ name: String) -> Tensor { tensor.graph.state("optimizer/\(path)/\(name)", type) }
}
