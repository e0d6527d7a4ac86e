import Graph

extension Loop {
    /// Reverse mode through a counted loop: the forward loop is asked for the carries before every turn; a second loop
    /// runs the turns backwards, recomputes the body from those carries and pulls the cotangents through it.
    func gradient(_ context: GradientContext) throws(GraphError) -> [Tensor?] {
        let graph = context.graph
        let carries = Array(context.inputs.prefix(carryCount))
        let captures = Array(context.inputs.dropFirst(carryCount))
        // Only floats carry gradients; indices of the others are skipped below.
        let floatCarries = carries.indices.filter { carries[$0].scalar.isFloating }
        let floatCaptures = captures.indices.filter { captures[$0].scalar.isFloating }

        var recorded = self
        recorded.keepsHistory = true
        let outputs = try graph.apply(.loop(recorded), context.inputs).results()
        let histories = Array(outputs.dropFirst(carryCount))

        var initial: [Tensor] = []
        for index in floatCarries {
            if let cotangent = context.cotangents[index] {
                initial.append(cotangent)
            } else {
                initial.append(try carries[index].zerosLike())
            }
        }
        for index in floatCaptures { initial.append(try captures[index].zerosLike()) }
        guard !initial.isEmpty else { return context.inputs.map { _ in nil } }

        let turns = count
        let reversed = try loop(count: turns, carry: initial) { (turn, carry) throws(GraphError) -> [Tensor] in
            let inner = turn.graph
            let forwardTurn = try inner.constant(Double(turns - 1), .int32) - turn
            let index = try forwardTurn.reshaped([1])
            var arguments = [forwardTurn]
            for (position, history) in histories.enumerated() {
                arguments.append(try history.rows(index).reshaped(carries[position].shape))
            }
            let inputs = try (arguments + captures).map { (tensor) throws(GraphError) in try inner.visible(tensor) }
            let results = try inner.inline(body, inputs)
            let targets = floatCarries.map { inputs[1 + $0] } + floatCaptures.map { inputs[1 + carryCount + $0] }
            let pulled = try vectorJacobianProduct(
                of: floatCarries.map { results[$0] }, cotangents: Array(carry.prefix(floatCarries.count)), at: targets)
            var next: [Tensor] = []
            for (position, which) in floatCarries.enumerated() {
                var cotangent = pulled[position]
                // The history that was itself an output brings its own cotangent into each turn.
                if keepsHistory, let outer = context.cotangents[carryCount + which] {
                    cotangent = try cotangent + outer.rows(index).reshaped(carries[which].shape)
                }
                next.append(cotangent)
            }
            for position in floatCaptures.indices {
                next.append(try carry[floatCarries.count + position] + pulled[floatCarries.count + position])
            }
            return next
        }

        var result = [Tensor?](repeating: nil, count: context.inputs.count)
        for (position, index) in floatCarries.enumerated() { result[index] = reversed[position] }
        for (position, index) in floatCaptures.enumerated() {
            result[carryCount + index] = reversed[floatCarries.count + position]
        }
        return result
    }
}
