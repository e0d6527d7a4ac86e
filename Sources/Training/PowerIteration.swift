import Execution
import Graph

/// The largest singular value of a linear map for each row, by power iteration on J^T J (Golub and Van Loan, section
/// 8.2): what is found is never larger than the singular value, by more than rounding, and rises towards it.
///
/// A row is done when two values in a row agree to `tolerance`, or after `limit` turns, and then stays as it is: so its
/// result does not depend on what other rows there are.
struct PowerIteration {
    var limit: Int
    var tolerance: Double

    struct Result {
        /// Of each row; NaN where a product is not finite.
        var values: [Double]
        /// J v / |J v| at the end, [rows, ...].
        var left: HostArray
        /// By how much a row's value last changed, relative to it: the most of all rows that are numbers.
        var lastChange: Double
        /// Turns until the last row was done.
        var turns: Int
    }

    /// - Parameters:
    ///   - left: A direction for each row to start from, [rows, ...].
    ///   - push: J v for each row.
    ///   - pull: J^T u for each row.
    func largest(
        from left: HostArray, push: (HostArray) throws -> HostArray, pull: (HostArray) throws -> HostArray
    ) throws -> Result {
        let rows = left.shape[0]
        var result = Result(
            values: [Double](repeating: 0, count: rows), left: left, lastChange: 0, turns: 0)
        var changes = [Double](repeating: .infinity, count: rows)
        var isDone = [Bool](repeating: false, count: rows)
        while result.turns < limit, isDone.contains(false) {
            result.turns += 1
            let right = try pull(result.left).normalized().rows
            let (left, lengths) = try push(right).normalized()
            for row in 0..<rows where !isDone[row] {
                result.left.replaceRows(from: row, 1, with: left.rows([row]))
                let value = lengths[row]
                changes[row] = value.isFinite && value > 0 ? abs(value - result.values[row]) / value : 0
                result.values[row] = value.isFinite ? value : .nan
                isDone[row] = changes[row] <= tolerance
            }
        }
        result.lastChange = changes.filter(\.isFinite).max() ?? 0
        return result
    }
}

extension HostArray {
    /// Each row by its Euclidean length, and the lengths. A row of zeros stays.
    func normalized() throws -> (rows: HostArray, lengths: [Double]) {
        var values = doubles
        let lengths = rowLengths()
        let size = values.count / max(lengths.count, 1)
        for (row, length) in lengths.enumerated() where length > 0 {
            for index in row * size..<(row + 1) * size { values[index] /= length }
        }
        guard let rows = HostArray(values, shape: shape, type.scalar) else {
            throw GraphError("normalized", "\(values.count) numbers do not fill \(type)")
        }
        return (rows, lengths)
    }

    /// The Euclidean length of each row; of numbers that are not finite, no number.
    func rowLengths() -> [Double] {
        let (values, rows) = (doubles, shape[0])
        let size = values.count / max(rows, 1)
        return (0..<rows).map { row in
            let own = values[row * size..<(row + 1) * size]
            let largest = own.reduce(0) { max($0, abs($1)) }
            guard own.allSatisfy(\.isFinite), largest > 0 else { return own.allSatisfy(\.isFinite) ? 0 : .nan }
            return largest * own.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot()
        }
    }
}
