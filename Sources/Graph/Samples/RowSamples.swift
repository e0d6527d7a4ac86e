extension OpSample {
    /// Moving rows by an index, order along an axis, running sums.
    static var rows: [OpSample] {
        var list = SampleList("rows")
        // Some repeated, some outside.
        let index = Input.of(.int32, [6], .values([2, 0, -1, 2, 5, 1]))
        list.addLayouts("gather", .float([4, 3]), index) { try $0[0].rows($0[1]) }
        list.add("gather numbers", .float([4]), index) { try $0[0].rows($0[1]) }
        list.add("gather matrices", .float([4, 3, 5]), index) { try $0[0].rows($0[1]) }
        list.add("gather from one row", .float([1, 3]), index) { try $0[0].rows($0[1]) }
        list.add("gather from nothing", .float([0, 3]), index) { try $0[0].rows($0[1]) }
        list.add("gather nothing", .float([4, 3]), .of(.int32, [0], .bits)) { try $0[0].rows($0[1]) }
        list.add("gather empty rows", .float([4, 0]), index) { try $0[0].rows($0[1]) }
        for scalar in [ScalarType.int32, .uint32, .uint8, .bool] {
            list.add("gather \(scalar.rawValue)", .of(scalar, [4, 3], .edges(scalar)), index, order: 0) {
                try $0[0].rows($0[1])
            }
        }
        list.add("gather by a computed index", .float([4, 3]), .of(.int32, [5], .integers(0...3))) { x in
            try exp(x[0]).rows(try x[1] * x[1].constant(-1) + x[1].constant(3)) * 2
        }
        list.addLayouts("scatterAdd", .float([6, 3]), index) { try $0[0].scatterAdded(at: $0[1], count: 4) }
        list.add("scatterAdd of numbers", .float([6]), index) { try $0[0].scatterAdded(at: $0[1], count: 3) }
        list.add("scatterAdd into many rows", .float([6, 2]), index) { try $0[0].scatterAdded(at: $0[1], count: 9) }
        list.add("scatterAdd into nothing", .float([6, 2]), index) { try $0[0].scatterAdded(at: $0[1], count: 0) }
        list.add("scatterAdd of nothing", .float([0, 2]), .of(.int32, [0], .bits)) {
            try $0[0].scatterAdded(at: $0[1], count: 3)
        }
        list.add("scatterAdd int32", .of(.int32, [6, 2], .edges(.int32)), index, order: 0) {
            try $0[0].scatterAdded(at: $0[1], count: 4)
        }
        list.add("scatterAdd of squares", .float([6, 3]), index) {
            try ($0[0] * $0[0]).scatterAdded(at: $0[1], count: 4) + 1
        }

        let ties = SampleDomain.values([3, 1, 2, 1, 3, .nan, -.infinity, 1, .infinity, 0, -0.0])
        for descending in [false, true] {
            let name = descending ? "argsort, descending" : "argsort"
            list.addLayouts(
                name, .float([3, 7], .apart(-1...1)), layouts: [.contiguous, .transposed, .strided], order: 0
            ) {
                try $0[0].argsorted(descending: descending)
            }
            list.add("\(name), ties and NaN", .float([2, 11], ties), order: 0) {
                try $0[0].argsorted(descending: descending)
            }
            for length in [1500, 2500] {
                list.add("\(name) of rows of \(length)", .float([2, length]), order: 0) {
                    try $0[0].argsorted(descending: descending)
                }
            }
            list.add("\(name) of columns", .float([5, 3], .apart(-1...1)), order: 0) {
                try $0[0].argsorted(axis: 0, descending: descending)
            }
            list.add("\(name) of one", .float([3, 1]), order: 0) { try $0[0].argsorted(descending: descending) }
            list.add("\(name) of nothing", .float([3, 0]), order: 0) { try $0[0].argsorted(descending: descending) }
            for scalar in [ScalarType.int32, .uint32, .uint8] {
                list.add("\(name) \(scalar.rawValue)", .of(scalar, [2, 15], .edges(scalar)), order: 0) {
                    try $0[0].argsorted(descending: descending)
                }
            }
            list.add("sorted, descending \(descending)", .float([3, 7], .apart(-1...1))) {
                try $0[0].sorted(descending: descending)
            }
        }
        list.addLayouts(
            "argmax", .float([3, 7], .apart(-1...1)), layouts: [.contiguous, .transposed, .strided], order: 0
        ) { try $0[0].argmax() }
        list.add("argmax, ties and NaN", .float([4, 5], .values([1, 2, 2, 1, 0, 3, .nan, 9, .nan, 1])), order: 0) {
            try $0[0].argmax()
        }
        list.add("argmin, ties and NaN", .float([4, 5], .values([1, 0, 2, 0, 0, 3, .nan, -9, .nan, 1])), order: 0) {
            try $0[0].argmin()
        }
        list.add("argmax of columns", .float([5, 3], .apart(-1...1)), order: 0) { try $0[0].argmax(axis: 0) }
        list.add("argmin of columns", .float([2, 5, 3], .apart(-1...1)), order: 0) { try $0[0].argmin(axis: 1) }
        list.add("argmax of one", .float([3, 1]), order: 0) { try $0[0].argmax() }
        list.add("argmax of no rows", .float([0, 3]), order: 0) { try $0[0].argmax() }
        for scalar in [ScalarType.int32, .uint32, .uint8] {
            list.add("argmax \(scalar.rawValue)", .of(scalar, [2, 15], .edges(scalar)), order: 0) { try $0[0].argmax() }
        }
        for reverse in [false, true] {
            for exclusive in [false, true] {
                let name = "cumulativeSum\(reverse ? ", reverse" : "")\(exclusive ? ", exclusive" : "")"
                list.addLayouts(
                    name, .float([3, 7]), layouts: reverse || exclusive ? [.contiguous] : SampleLayout.allCases
                ) {
                    try $0[0].cumulativeSum(reverse: reverse, exclusive: exclusive)
                }
                list.add("\(name) of columns", .float([5, 2])) {
                    try $0[0].cumulativeSum(axis: 0, reverse: reverse, exclusive: exclusive)
                }
                list.add("\(name) of nothing", .float([2, 0])) {
                    try $0[0].cumulativeSum(reverse: reverse, exclusive: exclusive)
                }
                list.add("\(name) int32", .of(.int32, [2, 12], .edges(.int32)), order: 0) {
                    try $0[0].cumulativeSum(reverse: reverse, exclusive: exclusive)
                }
            }
        }
        list.add("taken along rows", .float([3, 5]), .of(.int32, [3, 2], .integers(0...4))) {
            try $0[0].taken(along: $0[1])
        }
        list.add("taken along columns", .float([3, 5]), .of(.int32, [4, 5], .integers(0...2))) {
            try $0[0].taken(along: $0[1], axis: 0)
        }
        list.add("sorted columns", .float([5, 2, 3], .apart(-1...1))) { try $0[0].sorted(axis: 0) }
        list.addAll("topK", [.float([3, 7], .apart(-1...1))]) { x in
            let (values, indices) = try x[0].topK(3)
            return [values, indices]
        }
        return list.samples
    }
}
