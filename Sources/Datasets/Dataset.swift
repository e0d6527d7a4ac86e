/// Data to train on, with the rows held out for validation and test where there are any.
///
///     let images = try Dataset.fashionMNIST()      // 60,000 rows of shape [1, 28, 28], 10,000 more in .test
///     let mine = try Dataset(rows: values, shape: [2])
///
/// Used as rows (`count`, `shape`, `images[0..<8]`) it means the training split.
public struct Dataset: Sendable {
    public enum Split: String, Sendable, CaseIterable {
        case train, validation, test
    }

    public let name: String
    public let train: Rows
    private let validationRows: Rows?
    private let testRows: Rows?

    /// Splits whose rows have one shape; throws where they have not.
    public init(name: String, train: Rows, validation: Rows? = nil, test: Rows? = nil) throws(DatasetError) {
        for (split, rows) in [(Split.validation, validation), (.test, test)] {
            guard let rows, rows.shape != train.shape else { continue }
            throw DatasetError(
                name, "its \(split) rows have shape \(rows.shape), its training rows \(train.shape)",
                "give rows of one shape")
        }
        self.name = name
        self.train = train
        validationRows = validation
        testRows = test
    }

    /// One's own values, row after row in C order; `test` likewise.
    ///
    /// Throws where there are none, where they do not divide into rows of `shape`, or where one is NaN or infinite.
    public init(
        rows: [Float], shape: [Int], labels: [Int32]? = nil, test: [Float]? = nil, name: String = "rows"
    ) throws(DatasetError) {
        let train = try Rows(.float(rows), shape: shape, labels: labels, place: name)
        var held: Rows?
        if let test { held = try Rows(.float(test), shape: shape, place: "\(name) (test)") }
        try self.init(name: name, train: train, test: held)
    }

    /// One's own gray levels 0...255 (each meaning level / 255), row after row in C order; `test` likewise.
    public init(
        levels: [UInt8], shape: [Int], labels: [Int32]? = nil, test: [UInt8]? = nil, name: String = "rows"
    ) throws(DatasetError) {
        let train = try Rows(.gray8(levels), shape: shape, labels: labels, place: name)
        var held: Rows?
        if let test { held = try Rows(.gray8(test), shape: shape, place: "\(name) (test)") }
        try self.init(name: name, train: train, test: held)
    }
}

extension Dataset {
    /// Training rows.
    public var count: Int { train.count }

    /// The shape of one row; an image's is [channels, height, width].
    public var shape: [Int] { train.shape }

    /// Training rows `bounds`, counted from 0, without a copy.
    public subscript(bounds: some RangeExpression<Int>) -> Rows {
        get throws(DatasetError) { try train[bounds] }
    }

    /// The splits that there are.
    public var splits: [Split] {
        Split.allCases.filter { self.rows($0) != nil }
    }

    public var validation: Rows { get throws(DatasetError) { try split(.validation) } }
    public var test: Rows { get throws(DatasetError) { try split(.test) } }

    /// The rows of a split; throws where the data has no such split.
    public func split(_ split: Split) throws(DatasetError) -> Rows {
        guard let rows = rows(split) else {
            throw DatasetError(
                name, "has no \(split) split (it has \(splits.map(\.rawValue).joined(separator: " and ")))",
                split == .validation ? "hold one out by a validation fraction" : "use another split")
        }
        return rows
    }

    private func rows(_ split: Split) -> Rows? {
        switch split {
        case .train: train
        case .validation: validationRows
        case .test: testRows
        }
    }

    /// The same data with round(`fraction` * count) of the training rows held out as validation split.
    ///
    /// The choice depends on the row's index and the number of rows alone, never on a training's seed, so that
    /// trainings stay comparable: the rows held out are those whose indices SplitMix64 maps to the least values. Both
    /// parts keep their order. Throws where the fraction is not in 0..<1, leaves a part empty, or where there is a
    /// validation split already. A fraction of 0 changes nothing.
    public func holdingOut(validationFraction fraction: Double) throws(DatasetError) -> Dataset {
        if fraction == 0 { return self }
        guard fraction > 0, fraction < 1 else {
            throw DatasetError(name, "a validation fraction of \(fraction) is not in 0..<1", "give one such as 0.1")
        }
        guard validationRows == nil else {
            throw DatasetError(name, "has a validation split already", "leave the validation fraction out")
        }
        let held = Int((fraction * Double(count)).rounded())
        guard held > 0, held < count else {
            throw DatasetError(
                name, "a validation fraction of \(fraction) leaves no \(held == 0 ? "validation" : "training") rows",
                "choose another for \(count) rows")
        }
        let ranked = (0..<count).map { (key: SplitMix64.value(seed: 0, index: UInt64($0)), row: $0) }
            .sorted { ($0.key, $0.row) < ($1.key, $1.row) }
        let validation = ranked[..<held].map(\.row).sorted()
        let training = ranked[held...].map(\.row).sorted()
        let reordered = try train.rows(at: training + validation)
        return try Dataset(
            name: name, train: reordered[..<training.count], validation: reordered[training.count...], test: testRows)
    }
}

/// Random bits as a pure function of a seed and an index (Steele, Lea and Flood 2014, "Fast splittable pseudorandom
/// number generators"): for data, where models use Philox.
enum SplitMix64 {
    static func value(seed: UInt64, index: UInt64) -> UInt64 {
        mixed(mixed(seed) &+ (index &+ 1) &* 0x9e37_79b9_7f4a_7c15)
    }

    private static func mixed(_ bits: UInt64) -> UInt64 {
        var bits = bits
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}
