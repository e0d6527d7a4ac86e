/// Random numbers of one row of a generated data set: a pure function of the seed and the row's index, the same on every
/// machine.
struct GeneratedRow {
    private let key: UInt64

    /// Test row j is row 2^40 + j, so that neither split moves when the other grows.
    static let firstTestIndex = 1 << 40

    init(seed: UInt64, index: Int) {
        key = SplitMix64.value(seed: seed, index: UInt64(truncatingIfNeeded: index))
    }

    /// In 0..<1; one number per stream.
    func uniform(_ stream: UInt64) -> Double {
        Double(SplitMix64.value(seed: key, index: stream) >> 11) * 0x1p-53
    }

    /// One of `count` integers from 0 on.
    func choice(_ stream: UInt64, of count: Int) -> Int { Int(uniform(stream) * Double(count)) }

    /// Two independent standard normals (Box and Muller 1958), of the streams `stream` and `stream` + 1.
    func normals(_ stream: UInt64) -> (Double, Double) {
        let radius = (-2 * PortableMath.log(1 - uniform(stream))).squareRoot()
        let (sine, cosine) = PortableMath.sineAndCosine(2 * .pi * uniform(stream + 1))
        return (radius * cosine, radius * sine)
    }
}

extension Rows {
    /// Rows `first` up to `first + count`, made on all cores: `make` gives a row's values and its class, where it has one.
    static func generated(
        first: Int, count: Int, shape: [Int], seed: UInt64, place: String,
        _ make: @Sendable (GeneratedRow) -> (values: [Double], label: Int?)
    ) throws(DatasetError) -> Rows {
        let block = 1000
        let parts = try concurrently((count + block - 1) / block) { part throws(DatasetError) in
            let indices = first + part * block..<first + min((part + 1) * block, count)
            var (values, labels): ([Float], [Int32]) = ([], [])
            for index in indices {
                let row = make(GeneratedRow(seed: seed, index: index))
                values += row.values.map { Float($0) }
                if let label = row.label { labels.append(Int32(label)) }
            }
            return (values: values, labels: labels)
        }
        let labels = parts.flatMap(\.labels)
        return try Rows(
            .float(parts.flatMap(\.values)), shape: shape, labels: labels.isEmpty ? nil : labels, place: place)
    }
}

extension Dataset {
    /// A generated data set, whose rows `make` gives from an index on.
    static func generated(
        _ name: String, count: Int, testCount: Int,
        _ make: (_ first: Int, _ count: Int) throws(DatasetError) -> Rows
    ) throws(DatasetError) -> Dataset {
        // 2^31 rows would be more than memory holds.
        for number in [count, testCount] where number < 1 || number > 1 << 31 {
            throw DatasetError(name, "\(number) rows cannot be made", "ask for at least 1 in each split")
        }
        return try Dataset(name: name, train: make(0, count), test: make(GeneratedRow.firstTestIndex, testCount))
    }
}
