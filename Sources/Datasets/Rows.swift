import Glibc

/// Rows of equal shape in memory, such as the images of one split; a slice shares the storage.
public struct Rows: Sendable {
    /// How the elements are stored, row after row in C order.
    public enum Elements: Sendable, Equatable {
        /// Levels 0...255, each meaning level / 255.
        case gray8([UInt8])
        case float([Float])

        var count: Int {
            switch self {
            case .gray8(let levels): levels.count
            case .float(let values): values.count
            }
        }
    }

    /// What is known of how each row was made, one value per name.
    public struct Factors: Sendable, Equatable {
        public let names: [String]
        /// Row-major, [rows, names].
        public let values: [Float]

        public init(names: [String], values: [Float]) {
            self.names = names
            self.values = values
        }
    }

    /// The whole storage, of which this value shows the rows `range`.
    public let elements: Elements
    public let range: Range<Int>
    /// The shape of one row; an image's is [channels, height, width].
    public let shape: [Int]
    private let allLabels: [Int32]?
    private let allFactors: Factors?

    /// Rows that are stored in `elements`, one after another.
    ///
    /// Throws where there are no rows, where the sizes disagree, or where a float is not finite; `place` names the
    /// source in these errors.
    public init(
        _ elements: Elements, shape: [Int], labels: [Int32]? = nil, factors: Factors? = nil, place: String = "rows"
    ) throws(DatasetError) {
        let rowSize = try Self.rowSize(shape, place)
        guard elements.count > 0 else { throw DatasetError(place, "holds no rows", "give at least one") }
        let (count, rest) = elements.count.quotientAndRemainder(dividingBy: rowSize)
        guard rest == 0 else {
            throw DatasetError(
                place, "\(elements.count) values do not divide into rows of shape \(shape) (\(rowSize) values each)",
                "give whole rows or another shape")
        }
        if let labels, labels.count != count {
            throw DatasetError(place, "has \(count) rows but \(labels.count) labels", "give one label per row")
        }
        if let factors, factors.values.count != count * factors.names.count {
            throw DatasetError(
                place, "has \(count) rows of \(factors.names.count) factors but \(factors.values.count) values",
                "give one value per row and factor")
        }
        if case .float(let values) = elements, let index = firstNonFinite(values) {
            let (row, column) = index.quotientAndRemainder(dividingBy: rowSize)
            throw .nonFinite(place, values[index], row: row, column: column)
        }
        self.init(elements: elements, range: 0..<count, shape: shape, labels: labels, factors: factors)
    }

    private init(elements: Elements, range: Range<Int>, shape: [Int], labels: [Int32]?, factors: Factors?) {
        self.elements = elements
        self.range = range
        self.shape = shape
        allLabels = labels
        allFactors = factors
    }

    private static func rowSize(_ shape: [Int], _ place: String) throws(DatasetError) -> Int {
        var size = 1
        for extent in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            guard extent > 0, !overflow else {
                throw DatasetError(place, "\(shape) is no shape of a row", "every axis needs at least one element")
            }
            size = product
        }
        return size
    }
}

extension Rows {
    public var count: Int { range.count }

    /// Elements in one row.
    public var rowSize: Int { shape.reduce(1, *) }

    /// One class per row, where the source has labels.
    public var labels: [Int32]? { allLabels.map { Array($0[range]) } }

    /// The known factors of these rows, where the source has them.
    public var factors: Factors? {
        allFactors.map { all in
            let width = all.names.count
            return Factors(
                names: all.names, values: Array(all.values[range.lowerBound * width..<range.upperBound * width]))
        }
    }

    /// Rows `bounds`, counted from 0; no element is copied. Throws where they are not all there.
    public subscript(bounds: some RangeExpression<Int>) -> Rows {
        get throws(DatasetError) {
            // Resolved against all of Int, so that bounds beyond `count` are an error below, not a trap here.
            let asked = bounds.relative(to: 0..<Int.max)
            let wanted = asked.lowerBound..<(asked.upperBound == .max ? max(count, asked.lowerBound) : asked.upperBound)
            guard wanted.lowerBound >= 0, wanted.upperBound <= count else {
                throw DatasetError("rows \(wanted)", "there are \(count) rows", "choose within 0..<\(count)")
            }
            let shifted = range.lowerBound + wanted.lowerBound..<range.lowerBound + wanted.upperBound
            return Rows(elements: elements, range: shifted, shape: shape, labels: allLabels, factors: allFactors)
        }
    }

    /// The rows at `indices`, in that order, copied.
    public func rows(at indices: [Int]) throws(DatasetError) -> Rows {
        if let outside = indices.first(where: { $0 < 0 || $0 >= count }) {
            throw DatasetError("row \(outside)", "there are \(count) rows", "choose within 0..<\(count)")
        }
        let sources = indices.map { range.lowerBound + $0 }
        func gathered<Element>(_ values: [Element], _ width: Int) -> [Element] {
            var result: [Element] = []
            result.reserveCapacity(sources.count * width)
            for source in sources { result.append(contentsOf: values[source * width..<(source + 1) * width]) }
            return result
        }
        let copy: Elements =
            switch elements {
            case .gray8(let levels): .gray8(gathered(levels, rowSize))
            case .float(let values): .float(gathered(values, rowSize))
            }
        return Rows(
            elements: copy, range: 0..<indices.count, shape: shape, labels: allLabels.map { gathered($0, 1) },
            factors: allFactors.map { Factors(names: $0.names, values: gathered($0.values, $0.names.count)) })
    }

    /// The same values as rows of another shape with as many elements, without a copy.
    public func reshaped(_ shape: [Int]) throws(DatasetError) -> Rows {
        guard try Self.rowSize(shape, "rows") == rowSize else {
            throw DatasetError(
                "rows", "a row of shape \(self.shape) has \(rowSize) elements and cannot take the shape \(shape)",
                "give a shape with \(rowSize) elements")
        }
        return Rows(elements: elements, range: range, shape: shape, labels: allLabels, factors: allFactors)
    }

    private var elementRange: Range<Int> { range.lowerBound * rowSize..<range.upperBound * rowSize }

    /// All values, row after row; gray levels as level / 255 (correctly rounded).
    public var floats: [Float] {
        switch elements {
        case .gray8(let levels): levels[elementRange].map { Float($0) / 255 }
        case .float(let values): Array(values[elementRange])
        }
    }

    /// The values of rows `bounds`, row after row; gray levels as level / 255 (correctly rounded).
    public func floats(_ bounds: some RangeExpression<Int>) throws(DatasetError) -> [Float] {
        try self[bounds].floats
    }

    /// The stored bytes of these rows (`UInt8` or `Float` as `elements` says), without a copy.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let shown = elementRange
        switch elements {
        case .gray8(let levels):
            return try levels.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[shown])) }
        case .float(let values):
            return try values[shown].withUnsafeBytes(body)
        }
    }

    /// The mean of all elements.
    public var mean: Double {
        switch elements {
        case .gray8(let levels):
            Double(levels[elementRange].reduce(0) { $0 &+ Int($1) }) / 255 / Double(elementRange.count)
        case .float(let values):
            values[elementRange].reduce(0) { $0 + Double($1) } / Double(elementRange.count)
        }
    }

    /// The least and the greatest element; `nil` of no rows.
    public var extent: ClosedRange<Float>? {
        func extent<Element: Comparable>(_ values: ArraySlice<Element>) -> (Element, Element)? {
            guard let first = values.first else { return nil }
            return values.reduce((first, first)) { ($1 < $0.0 ? $1 : $0.0, $1 > $0.1 ? $1 : $0.1) }
        }
        return switch elements {
        case .gray8(let levels): extent(levels[elementRange]).map { Float($0) / 255...Float($1) / 255 }
        case .float(let values): extent(values[elementRange]).map { $0...$1 }
        }
    }
}

extension DatasetError {
    /// A value that is NaN or infinite; rows and columns count from 0.
    static func nonFinite(_ place: String, _ value: some BinaryFloatingPoint, row: Int, column: Int) -> DatasetError {
        DatasetError(
            place, "row \(row), column \(column) is \(value.isNaN ? "NaN" : "infinite")",
            "replace or drop such values (rows and columns count from 0)")
    }
}

/// The index of the first NaN or infinity.
func firstNonFinite(_ values: [Float]) -> Int? {
    // x * 0 is 0 for every finite x and NaN otherwise, so a block's sum tells; only a bad block is searched.
    let block = 4096
    for start in stride(from: 0, to: values.count, by: block) {
        let part = values[start..<min(start + block, values.count)]
        var allFinite = true
        for value in part { allFinite = allFinite && value.isFinite }
        if !allFinite { return part.firstIndex { !$0.isFinite } }
    }
    return nil
}
