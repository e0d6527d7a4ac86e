import Foundation
import Pushforward
import Testing

@Suite struct NonFiniteTests {
    /// What a training of a model of one parameter on these numbers, a row each, ends with.
    private func problem(
        _ values: [Float], device: Device = .cpu, steps: Int = 3,
        _ loss: @escaping @Sendable (_ x: Tensor, _ weight: Tensor) throws -> Tensor
    ) throws -> String {
        let model = OneWeight(loss: loss)
        let training = try Training(
            model, on: Dataset(rows: values, shape: [1]), device: device, optimizer: .sgd(learningRate: 1e-3))
        return message { try training.run(steps: steps, batchSize: values.count) }
    }

    private static let values: [Float] = [1, 2, 0, 1000, 3]

    @Test func theFirstOperationIsNamedWithItsPlace() throws {
        let text = try problem(Self.values) { x, weight in try log(exp(x * weight) * 2) }
        #expect(text.hasPrefix("step 0: exp in curve gives inf (row "), "\(text)")
        #expect(text.contains(" of the batch, 3 of the data); the parameters before it are kept; lower"), "\(text)")
        #expect(text.contains("gradient norm") && !text.contains("\n"))
    }

    @Test(.enabled(if: (try? Device.openCL().makeBackend()) != nil, "there is no OpenCL device"))
    func devicesSayTheSame() throws {
        let curve = { @Sendable (x: Tensor, weight: Tensor) throws in try log(exp(x * weight) * 2) }
        #expect(try problem(Self.values, device: .openCL(), curve) == problem(Self.values, curve))
    }

    @Test func whatDoesNoHarmIsNotBlamed() throws {
        // log(0) is -inf, and selected by no row.
        let text = try problem(Self.values) { x, weight in
            let safe = try select(x.less(than: 0.5 * x.onesLike()), x.zerosLike(), log(x))
            return try sqrt(-x * weight) + safe
        }
        #expect(text.contains("sqrt in curve gives NaN"), "\(text)")
        let none = try problem(Self.values) { x, weight in
            try select(x.less(than: 0.5 * x.onesLike()), x.zerosLike(), log(x)) + x * weight * 0
        }
        #expect(none.isEmpty, "\(none)")
    }

    @Test func whatHasNoScopeStandsAfterOneThatHas() throws {
        let data = try Dataset(rows: Self.values, shape: [1])
        let training = try Training(Unscoped(), on: data, device: .cpu)
        let text = message { try training.run(steps: 1, batchSize: 5) }
        #expect(text.hasPrefix("step 0: exp after inner gives inf (row "), "\(text)")
    }

    @Test func gradientsAreTold() throws {
        // sqrt has no slope at 0.
        let text = try problem(Self.values) { x, weight in try sqrt(x * weight) }
        #expect(text.contains(" in the gradient of curve gives inf (row "), "\(text)")
        #expect(text.contains(", 2 of the data)"), "\(text)")
        let squares = try problem([1e18, 1e18]) { x, weight in try x * (x * weight) * 1e-10 }
        #expect(squares.contains("in gradient_norm gives inf"), "\(squares)")
    }

    @Test func parametersThatOverflowAreNamed() throws {
        let model = OneWeight { x, weight in try x * weight }
        let training = try Training(
            model, on: Dataset(rows: [1e10, 1e10], shape: [1]), device: .cpu, optimizer: .sgd(learningRate: 1e30))
        let text = message { try training.run(steps: 3, batchSize: 2) }
        #expect(text.hasPrefix("step 1: weight has become -inf; the parameters"), "\(text)")
        // The same words the second time, without another search.
        #expect(message { try training.run(steps: 1, batchSize: 2) } == text)
    }
}

/// A layer in a scope, and an exponential in none.
private struct Unscoped: Model {
    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        var objective = Objective()
        let y = try Dense(1)(x * 1e4, scope["inner"])
        objective.add("exp", try exp(y * y).rowSum())
        return objective
    }
}

/// Its loss is a function of the rows and of one number, 1 at first.
private struct OneWeight: Model {
    var loss: @Sendable (Tensor, Tensor) throws -> Tensor = { x, _ in x }

    init(loss: @escaping @Sendable (Tensor, Tensor) throws -> Tensor) { self.loss = loss }
    init(from decoder: any Decoder) throws {}
    func encode(to encoder: any Encoder) throws {}

    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective {
        let weight = try scope.parameter("weight", [1], .ones)
        var objective = Objective()
        let value = try x.graph.located(scope: "curve", file: #fileID, line: #line) { () throws(GraphError) -> Tensor in
            do { return try loss(x, weight) } catch { throw GraphError("loss", "\(error)") }
        }
        objective.add("curve", try value.rowSum())
        return objective
    }
}
