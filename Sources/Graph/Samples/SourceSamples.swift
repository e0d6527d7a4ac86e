extension OpSample {
    /// Constants, coordinates, states and random numbers.
    static var sources: [OpSample] {
        var list = SampleList("source")
        list.add("constants", .float([2, 3])) { x in
            let numbers = try x[0].graph.constant([1, -2, 0.1, 4, 5, 6], shape: [2, 3], x[0].scalar)
            return try x[0] * numbers + 0.1
        }
        for scalar in ScalarType.allCases {
            list.addAll("constant \(scalar.rawValue)", [.float([])], order: 0) { x in
                let graph = x[0].graph
                return [
                    graph.constant(1, TensorType([2, 2], scalar)), graph.constant(0, TensorType([0], scalar)),
                    try graph.constant([0, 1, 1, 0, 1], shape: [5], scalar),
                ]
            }
        }
        list.addAll("iota", [.float([])], order: 0) { x in
            let graph = x[0].graph
            return [
                try graph.iota([5], axis: 0), try graph.iota([3, 4, 2], axis: 1), try graph.iota([3, 0], axis: 0),
                try graph.iota([1200, 3], axis: 0),
            ]
        }
        list.add("iota in a view", .float([3, 4])) { x in
            let rows = try x[0].graph.iota([4, 3], axis: 0).transposed().flipped(1).cast(to: x[0].scalar)
            return try x[0] * rows
        }
        list.add("states", Input(shape: [3, 4], scalar: nil, domain: .uniform(-1...1), isState: true), .float([4])) {
            try $0[0] * $0[1]
        }
        list.addAll("inputs passed through", [.float([3]), .of(.int32, [2], .integers(0...9))], order: 0) { $0 }

        let random: [Input] = [.of(.uint32, [3], .bits), .of(.uint32, [], .bits), .of(.uint32, [2], .bits)]
        for shape in [[3], [3, 1], [3, 5], [3, 4, 7], [3, 0], [3, 701]] {
            list.addAll("random bits \(shape)", random, order: 0) { x in
                [try x[0].graph.randomBits(shape, stream: 7, sample: x[0], step: x[1], seed: x[2])]
            }
        }
        list.addAll("random bits of no rows", [.of(.uint32, [0], .bits)] + random.dropFirst(), order: 0) { x in
            [try x[0].graph.randomBits([0, 3], stream: 7, sample: x[0], step: x[1], seed: x[2])]
        }
        list.addAll("two streams", random, order: 0) { x in
            [
                try x[0].graph.randomBits([3, 6], stream: 1, sample: x[0], step: x[1], seed: x[2]),
                try x[0].graph.randomBits([3, 6], stream: 2, sample: x[0], step: x[1], seed: x[2]),
            ]
        }
        list.addAll("reparameterized normal", random + [.float([3, 5]), .float([3, 5])]) { x in
            let noise = try x[0].graph.randomBits([3, 5], stream: 3, sample: x[0], step: x[1], seed: x[2])
            return [try x[3] + exp(x[4]) * noise.normal(x[3].scalar)]
        }
        list.addAll("transposed noise", random + [.float([5, 3])]) { x in
            let noise = try x[0].graph.randomBits([3, 5], stream: 3, sample: x[0], step: x[1], seed: x[2])
            return [try x[3] * noise.uniform(x[3].scalar).transposed()]
        }
        list.add("uniform", .of(.uint32, [40], .bits), .float([])) { try $0[0].uniform($0[1].scalar) * $0[1] }
        list.add("normal", .of(.uint32, [400], .bits), .float([])) { try $0[0].normal($0[1].scalar) * $0[1] }
        let ends = SampleDomain.values([
            0, 1, 2, 255, 65_535, 2_147_483_646, 2_147_483_647, 2_147_483_648, 2_147_483_649, 4_294_967_294,
            4_294_967_295,
        ])
        list.add("uniform at edges", .of(.uint32, [11], ends), .float([], .values([1]))) {
            try $0[0].uniform($0[1].scalar) * $0[1]
        }
        list.add("normal at edges", .of(.uint32, [11], ends), .float([], .values([1]))) {
            try $0[0].normal($0[1].scalar) * $0[1]
        }
        return list.samples
    }
}
