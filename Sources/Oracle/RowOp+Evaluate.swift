import Graph

extension RowOp {
    func evaluate(_ x: [Value], _ type: TensorType) -> Value {
        switch self {
        case .gather:
            let (table, index) = (x[0], x[1].elements)
            return Value(type) { position in
                let row = Int(index[position[0]])
                return 0..<table.shape[0] ~= row ? table[[row] + position.dropFirst()] : 0
            }
        case .scatterAdd:
            let (index, updates) = (x[0].elements, x[1])
            return Value(type) { position in
                index.indices.filter { Int(index[$0]) == position[0] }.reduce(0) { total, row in
                    sum(total, updates[[row] + position.dropFirst()], type.scalar)
                }
            }
        case .argsort(let descending):
            return rowwise(x[0], type) { row in
                let order = row.indices.sorted { a, b in
                    if row[a].isNaN || row[b].isNaN { return row[a].isNaN == row[b].isNaN ? a < b : row[b].isNaN }
                    if row[a] == row[b] { return a < b }
                    return (row[a] < row[b]) != descending
                }
                return order.map { Double($0) }
            }
        case .argmax(let smallest):
            return rowwise(x[0], type) { row in
                if let nan = row.firstIndex(where: \.isNaN) { return [Double(nan)] }
                let extreme = smallest ? row.min() : row.max()
                return [Double(row.firstIndex { $0 == extreme } ?? -1)]
            }
        case .cumulativeSum(let reverse, let exclusive):
            return rowwise(x[0], type) { row in
                var sums = row
                var total = 0.0
                for position in reverse ? row.indices.reversed() : Array(row.indices) {
                    let next = sum(total, row[position], type.scalar)
                    sums[position] = exclusive ? total : next
                    total = next
                }
                return sums
            }
        }
    }

    /// Maps each row along the last axis.
    private func rowwise(_ x: Value, _ type: TensorType, _ body: ([Double]) -> [Double]) -> Value {
        let length = x.shape[x.shape.count - 1]
        let count = x.shape.dropLast().reduce(1, *)
        return Value(type, (0..<count).flatMap { body(Array(x.elements[($0 * length)..<(($0 + 1) * length)])) })
    }
}
