/// How an operand reaches an op: as it lies in memory, or through a view of something that lies otherwise.
enum SampleLayout: String, CaseIterable, Sendable {
    case contiguous, transposed, strided, broadcast, padded

    /// What must be stored so that `restored` gives an operand like `input`.
    func stored(_ input: OpSample.Input) -> OpSample.Input {
        var stored = input
        switch self {
        case .contiguous: break
        case .transposed: stored.shape.reverse()
        case .strided: stored.shape = input.shape.map { 2 * $0 + 1 }
        case .broadcast:
            if let axis = broadcastAxis(input.shape) { stored.shape[axis] = 1 }
        case .padded: stored.shape = input.shape.map { $0 - padding($0) }
        }
        return stored
    }

    /// The operand of the given shape.
    func restored(_ stored: Tensor, _ shape: [Int]) throws(GraphError) -> Tensor {
        switch self {
        case .contiguous: return stored
        case .transposed: return shape.count < 2 ? stored : try stored.transposed(Array(shape.indices.reversed()))
        case .strided:
            // Backwards, every second one, from the last but one.
            return try stored.graph.apply(
                .view(.slice(start: shape.map { 2 * $0 }, size: shape, step: shape.map { _ in -2 })), [stored])
        case .broadcast: return try stored.broadcast(to: shape)
        case .padded:
            let low = shape.indices.map { $0 % 2 == 0 ? padding(shape[$0]) : 0 }
            let high = shape.indices.map { $0 % 2 == 1 ? padding(shape[$0]) : 0 }
            return try stored.padded(low: low, high: high)
        }
    }

    private func broadcastAxis(_ shape: [Int]) -> Int? { shape.firstIndex { $0 > 1 } }
    private func padding(_ size: Int) -> Int { size > 1 ? 1 : 0 }
}
