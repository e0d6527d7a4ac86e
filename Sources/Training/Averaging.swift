import Graph
import Networks

/// Which of a training's weights a model has.
public enum Weights: String, Codable, Sendable, CaseIterable {
    /// Their exponential moving average.
    case ema
    /// As the optimizer left them.
    case raw
}

/// An exponential moving average of the trained parameters (Polyak and Juditsky 1992, in the form that generative
/// models use), beside them on the device.
///
/// After step t, counted from 1, a' = a + (p' - a) (1 - d) with d = min(decay, t / (t + 9)): at first the average is
/// over fewer steps, so that it soon forgets the initial values (as TensorFlow's ExponentialMovingAverage does).
struct Averaging {
    let decay: Double

    static func state(_ path: String) -> String { "ema/" + path }

    /// New values of the averages.
    ///
    /// - Parameters:
    ///   - updates: The optimizer's, which hold the parameters' new values.
    ///   - count: How many steps there will have been with this one, as a float [].
    func updates(
        _ parameters: [Parameter], after updates: [(state: Tensor, value: Tensor)], count: Tensor
    ) throws(GraphError) -> [(state: Tensor, value: Tensor)] {
        let share = try maximum(count.constant(1 - decay), 9 / (count + 9))
        var result: [(state: Tensor, value: Tensor)] = []
        for parameter in parameters {
            guard let value = updates.first(where: { $0.state.id == parameter.tensor.id })?.value else { continue }
            let average = value.graph.state(Self.state(parameter.path), parameter.type)
            result.append((average, try average + (value - average) * share))
        }
        return result
    }
}
