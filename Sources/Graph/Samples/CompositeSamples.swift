extension OpSample {
    /// Gradient tricks, several families at once, and small models.
    static var composites: [OpSample] {
        var list = SampleList("composite")
        // Their gradients differ from finite differences on purpose; a test of their own states them.
        list.add("stopGradient", .float([3, 4]), order: 0) { try $0[0] * stopGradient($0[0]) }
        list.add("surrogate", .float([3, 4], .fraction(0.1...0.4)), order: 0) { x in
            try surrogate(value: round(x[0]), gradient: x[0]) * x[0]
        }
        list.add("Bernoulli likelihood", .float([3, 6], .uniform(-4...4)), .float([3, 6], .uniform(0...1))) { x in
            try (softplus(x[0]) - x[1] * x[0]).sum(axes: [1])
        }
        list.add("Gaussian KL", .float([3, 4]), .float([3, 4]), tolerance: 5e-6) { x in
            try 0.5 * (exp(x[1]) + x[0] * x[0] - 1 - x[1]).sum(axes: [1])
        }
        list.add("two layers", .float([4, 5]), .float([5, 6]), .float([6]), .float([6, 2]), tolerance: 1e-5) { x in
            try matmul(tanh(matmul(x[0], x[1]) + x[2]), x[3]).mean()
        }
        list.add("layer norm", .float([4, 7]), .float([7]), tolerance: 2e-5) { x in
            let centred = try x[0] - x[0].mean(axes: [1], keepAxes: true)
            let variance = try (centred * centred).mean(axes: [1], keepAxes: true)
            return try centred * rsqrt(variance + 1e-5) * x[1]
        }
        list.add("attention", .float([2, 3, 4]), .float([2, 5, 4]), .float([2, 5, 3]), tolerance: 1e-5) { x in
            try matmul(softmax(matmul(x[0], x[1].transposed()) * 0.5), x[2])
        }
        list.add(
            "small convolutional net", .float([2, 1, 8, 8]), .float([3, 1, 3, 3]), .float([3, 2]), tolerance: 2e-5
        ) { x in
            let features = try softplus(x[0].convolved(with: x[1], stride: [2, 2], padding: [1, 1]))
            return try matmul(features.mean(axes: [2, 3]), x[2])
        }
        list.add("distances", .float([4, 3]), .float([5, 3]), tolerance: 1e-5) { x in
            let difference = try x[0].expanded(1) - x[1].expanded(0)
            return try sqrt((difference * difference).sum(axes: [-1]) + 0.1)
        }
        list.addAll("one value used in many ways", [.float([4, 4])], tolerance: 1e-5) { x in
            let y = try exp(x[0])
            return [
                try y.sum(axes: [0]), try y.sum(axes: [1]), y, try matmul(y, y.transposed()), try y.transposed() + y,
            ]
        }
        return list.samples
    }

    /// Counted loops: none, one and many turns, captures, the turn's number, several carries, loops in loops.
    static var loops: [OpSample] {
        var list = SampleList("loop")
        for count in [0, 1, 2, 5] {
            list.add("\(count) turns", .float([3])) { x in
                try loop(count: count, carry: [x[0]]) { (_, carry) throws(GraphError) in [try sin(carry[0]) + 0.1] }[0]
            }
        }
        list.add("captures", .float([3]), .float([3])) { x in
            let weight = try exp(x[1])
            return try loop(count: 4, carry: [x[0]]) { (_, carry) throws(GraphError) in
                [try tanh(carry[0] * weight + x[1])]
            }[0]
        }
        list.add("turn", .float([3])) { x in
            try loop(count: 4, carry: [x[0]]) { (turn, carry) throws(GraphError) in
                [try carry[0] * (1 + turn.cast(to: carry[0].scalar) * 0.25)]
            }[0]
        }
        list.addAll("swapped carries", [.float([3]), .float([3])]) { x in
            try loop(count: 3, carry: [x[0], x[1]]) { (_, carry) throws(GraphError) in
                [carry[1], try carry[0] * carry[1]]
            }
        }
        list.addAll("carries exchanged", [.float([3]), .float([3])]) { x in
            try loop(count: 3, carry: [x[0], x[1]]) { (_, carry) throws(GraphError) in [carry[1], carry[0]] }
        }
        list.addAll("carries rotated", [.float([3]), .float([3]), .float([3])]) { x in
            try loop(count: 4, carry: x) { (_, carry) throws(GraphError) in
                [carry[1], carry[2], try carry[0] + carry[1]]
            }
        }
        list.addAll("carries passed on", [.float([3]), .float([2])]) { x in
            try loop(count: 3, carry: [x[0], x[1]]) { (_, carry) throws(GraphError) in [carry[0], try carry[1] * 0.5] }
        }
        list.addAll("integer carry", [.float([3]), .of(.int32, [], .values([1]))]) { x in
            try loop(count: 3, carry: [x[0], x[1]]) { (turn, carry) throws(GraphError) in
                [try carry[0] * carry[1].cast(to: carry[0].scalar), try carry[1] + turn]
            }
        }
        list.add("carry replaced by a constant", .float([2])) { x in
            try loop(count: 2, carry: [x[0]]) { (_, carry) throws(GraphError) in [try carry[0].onesLike()] }[0]
        }
        list.add(
            "recurrent net", .float([2, 3]), .float([5, 2, 4]), .float([3, 3]), .float([4, 3]), tolerance: 1e-5
        ) { x in
            try loop(count: 5, carry: [x[0]]) { (turn, carry) throws(GraphError) in
                let step = try x[1].rows(turn.reshaped([1])).reshaped([2, 4])
                return [try tanh(matmul(carry[0], x[2]) + matmul(step, x[3]))]
            }[0]
        }
        list.add("loop in a loop", .float([3]), .float([]), tolerance: 1e-5) { x in
            try loop(count: 2, carry: [x[0]]) { (turn, outer) throws(GraphError) in
                let inner = try loop(count: 3, carry: [outer[0]]) { (_, carry) throws(GraphError) in
                    [try sin(carry[0]) + x[1] * outer[0]]
                }
                return [try inner[0] + turn.cast(to: inner[0].scalar)]
            }[0]
        }
        list.add("two loops in sequence", .float([3])) { x in
            let first = try loop(count: 2, carry: [x[0]]) { (_, carry) throws(GraphError) in [try exp(carry[0] * 0.5)] }
            let second = try loop(count: 3, carry: first) { (_, carry) throws(GraphError) in [try carry[0] * x[0]] }
            return try second[0] + first[0]
        }
        list.add("reduction in the body", .float([2, 5]), tolerance: 1e-5) { x in
            try loop(count: 3, carry: [x[0]]) { (_, carry) throws(GraphError) in [try softmax(carry[0]) * 2] }[0]
        }
        list.addAll("random body", [.of(.uint32, [2], .bits), .of(.uint32, [2], .bits), .float([2, 3])]) { x in
            try loop(count: 3, carry: [x[2]]) { (turn, carry) throws(GraphError) in
                let bits = try turn.graph.randomBits(
                    [2, 3], stream: 5, sample: x[0], step: try turn.cast(to: .uint32), seed: x[1])
                return [try carry[0] * 0.5 + bits.normal(carry[0].scalar)]
            }
        }
        list.addAll("history", [.float([3])]) { x in
            let (body, captures) = try x[0].graph.traceBody([x[0].type]) { (_, carry) throws(GraphError) in
                [try sin(carry[0])]
            }
            let op = Loop(body: body, count: 4, carryCount: 1, keepsHistory: true)
            return try x[0].graph.apply(.loop(op), x + captures).results()
        }
        return list.samples
    }
}
