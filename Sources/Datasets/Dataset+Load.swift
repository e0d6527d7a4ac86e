extension Dataset {
    /// Data by a built-in name (`catalog`) or from a file or folder; a built-in name wins over a folder so called.
    ///
    /// - A folder of IDX files (`train-images-idx3-ubyte`, `t10k-images-idx3-ubyte`, labels optional, .gz or not).
    /// - `.npy` (also `.npy.gz`) of rows [n], [n, d], [n, height, width], [n, channels, height, width], or with the
    ///   channels last where only that makes sense: uint8 are levels 0...255 that mean level / 255, other types are
    ///   taken as they are.
    /// - `.npz` with such arrays: `key`, or what the names say (`x_train` and `x_test`, `train_images`, `arr_0` ...).
    /// - `.amat`: a row of numbers per line; 784 columns are images [1, 28, 28], with one column more the label.
    /// - `.csv`: the same with separators and an optional line of names; a column named `label` or `class` is the
    ///   label, columns named `pixel...` are levels 0...255 of a square image.
    /// - A folder of .png images of one size, in the order of their names.
    /// - A folder of `train`, `test` and `validation` folders of these, or of one such file for each.
    ///
    /// `shape` gives rows another shape of as many elements. A `validationFraction` above 0 holds out training rows as
    /// `holdingOut` says. Every error is one line that says what, where and what to do.
    public static func load(
        _ nameOrPath: String, key: String? = nil, shape: [Int]? = nil, validationFraction: Double = 0
    ) throws(DatasetError) -> Dataset {
        let known = catalog.first { $0.name == nameOrPath }
        var data = if let known { try known.load() } else { try contents(of: nameOrPath, key: key) }
        if let shape { data = try data.reshaped(shape) }
        return try data.holdingOut(validationFraction: validationFraction)
    }

    private static func contents(of path: String, key: String?) throws(DatasetError) -> Dataset {
        switch InputFile.kind(path) {
        case .folder: return try folder(path, key: key)
        case .file: return try file(path, key: key)
        case .absent:
            let names = catalog.map(\.name)
            let near = nearest(to: path, in: names).map { "did you mean \($0)? " } ?? ""
            throw DatasetError(
                path, "is neither a built-in data set nor a file or folder",
                "\(near)built in: \(names.joined(separator: ", "))")
        }
    }

    /// The last component of a path, without the extensions that formats have.
    private static func name(of path: String) -> String {
        var name = path.split(separator: "/").last.map { String($0) } ?? path
        for ending in [".gz", ".npy", ".npz", ".amat", ".csv"] where name.lowercased().hasSuffix(ending) {
            name.removeLast(ending.count)
        }
        return name
    }

    private func reshaped(_ shape: [Int]) throws(DatasetError) -> Dataset {
        var rows: [Split: Rows] = [:]
        for split in splits { rows[split] = try self.split(split).reshaped(shape) }
        return try Dataset(
            name: name, train: rows[.train] ?? train, validation: rows[.validation], test: rows[.test])
    }
}

// MARK: - Files

extension Dataset {
    private static let tableEndings = [".npy", ".npy.gz", ".npz", ".amat", ".amat.gz", ".csv", ".csv.gz"]

    private static func hasEnding(_ name: String, _ endings: [String]) -> Bool {
        endings.contains { name.lowercased().hasSuffix($0) }
    }

    private static func file(_ path: String, key: String?) throws(DatasetError) -> Dataset {
        let name = name(of: path)
        if hasEnding(path, [".npz"]) { return try NPZ(contentsOf: path).dataset(name: name, key: key, place: path) }
        if let key { throw DatasetError(path, "is no .npz file and has no array \(key)", "leave the key out") }
        if hasEnding(path, [".npy", ".npy.gz"]) {
            return try Dataset(name: name, train: NPYArray(contentsOf: path).rows(path))
        }
        if hasEnding(path, [".amat", ".amat.gz"]) {
            let table = try NumberTable(InputFile.readUnpacked(path), path, allowsHeader: false)
            return try Dataset(name: name, train: table.rowsOfImages(path))
        }
        if hasEnding(path, [".csv", ".csv.gz"]) {
            let table = try NumberTable(InputFile.readUnpacked(path), path, allowsHeader: true)
            return try Dataset(name: name, train: table.rowsOfColumns(path))
        }
        guard IDX.isNamed(name) else {
            throw DatasetError(
                path, "is of no known format",
                "name a folder of IDX or .png files, or a .npy, .npz, .amat or .csv file")
        }
        return try Dataset(name: name, train: IDX.rows(path))
    }

    private static func folder(_ path: String, key: String?) throws(DatasetError) -> Dataset {
        let names = try InputFile.names(in: path)
        let name = name(of: path)
        if names.contains(where: IDX.isNamed) { return try IDX.load(folder: path, name: name) }
        if names.contains(where: { hasEnding($0, [".png"]) }) {
            return try Dataset(name: name, train: PNGImage.rows(folder: path))
        }
        // Folders or files for each split; of labels and factors in files of their own there is no need.
        let parts = names.filter { part in
            InputFile.kind("\(path)/\(part)") == .folder
                ? Role(part) != nil
                : hasEnding(part, tableEndings) && !part.hasPrefix("y_") && !part.contains("label")
                    && !part.contains("factors")
        }
        guard !parts.isEmpty else {
            throw DatasetError(
                path, names.isEmpty ? "is an empty folder" : "holds no data of a known format",
                "name a folder of IDX or .png files, or a .npy, .npz, .amat or .csv file")
        }
        if parts.count == 1 {
            return try contents(of: "\(path)/\(parts[0])", key: key)
        }
        var found: [Split: Rows] = [:]
        for part in parts {
            guard let split = Role(part)?.split, found[split] == nil else {
                throw DatasetError(
                    path, "holds several files or folders, of which \(part) has no part of its own",
                    "name one file, or let each name say train, validation or test")
            }
            found[split] = try contents(of: "\(path)/\(part)", key: key).train
        }
        guard let train = found[.train] else {
            throw DatasetError(path, "holds no training rows", "let the name of a file or folder in it say train")
        }
        return try Dataset(name: name, train: train, validation: found[.validation], test: found[.test])
    }

    /// The split that a name speaks of.
    private struct Role {
        let split: Split

        init?(_ name: String) {
            let name = name.lowercased()
            if name.contains("train") {
                split = .train
            } else if name.contains("test") {
                split = .test
            } else if name.contains("valid") || name == "val" || name.contains("_val") || name.contains("val_") {
                split = .validation
            } else {
                return nil
            }
        }
    }
}

// MARK: - Arrays and tables as rows

extension NPYArray {
    /// The array's first axis as rows; see `Dataset.load`.
    func rows(_ place: String, labels: [Int32]? = nil) throws(DatasetError) -> Rows {
        guard (1...4).contains(shape.count) else {
            throw DatasetError(place, "has shape \(shape)", "give [n, d], [n, h, w] or [n, c, h, w]")
        }
        let row = Array(shape.dropFirst())
        switch row.count {
        case 0: return try rows(place, [1], labels, nil)
        case 2: return try rows(place, [1] + row, labels, nil)
        case 3 where (row[2] == 1 || row[2] == 3) && row[0] > 4:
            let (h, w, c) = (row[0], row[1], row[2])
            return try rows(place, [c, h, w], labels, [h * w * c, 1, w * c, c])
        default: return try rows(place, row, labels, nil)
        }
    }

    /// Rows of shape `row`, read with these strides where they do not lie in C order.
    private func rows(
        _ place: String, _ row: [Int], _ labels: [Int32]?, _ strides: [Int]?
    ) throws(DatasetError) -> Rows {
        func ordered<Element>(_ elements: [Element]) -> [Element] {
            strides.map { elements.inCOrder(shape: [shape[0]] + row, strides: $0) } ?? elements
        }
        if case .uint8(let levels) = values {
            return try Rows(.gray8(ordered(levels)), shape: row, labels: labels, place: place)
        }
        return try Rows(.float(ordered(floats)), shape: row, labels: labels, place: place)
    }

    /// The array as labels, where it is one integer per row.
    func labels(count: Int) -> [Int32]? {
        guard values.count == count else { return nil }
        let labels: [Int32?] =
            switch values {
            case .uint8(let values): values.map { Int32($0) }
            case .int32(let values): values
            case .int64(let values): values.map { Int32(exactly: $0) }
            case .float32, .float64: []
            }
        let known = labels.compactMap { $0 }
        return known.count == count ? known : nil
    }
}

extension NPZ {
    private static let trainNames = ["x_train", "train_images", "train", "arr_0", "images", "data", "x"]
    private static let validationNames = ["x_valid", "x_val", "val_images", "validation", "valid", "val"]
    private static let testNames = ["x_test", "test_images", "test"]

    fileprivate func dataset(name: String, key: String?, place: String) throws(DatasetError) -> Dataset {
        if let key { return try Dataset(name: name, train: array(key).rows("\(place) (\(key))")) }
        let only = names.count == 1 ? names.first : nil
        guard let train = Self.trainNames.first(where: names.contains) ?? only else {
            throw DatasetError(
                place, "holds the arrays \(names.joined(separator: ", ")), none of them x_train, train or images",
                "choose one by its key")
        }
        func optionalRows(_ candidates: [String]) throws(DatasetError) -> Rows? {
            guard let found = candidates.first(where: { names.contains($0) && $0 != train }) else { return nil }
            return try rows(found, place)
        }
        return try Dataset(
            name: name, train: rows(train, place), validation: optionalRows(Self.validationNames),
            test: optionalRows(Self.testNames))
    }

    /// The rows of an array with the labels that go with it: `y_train` with `x_train`, `train_labels` with
    /// `train_images`, `labels` with `images`, `y` with `x`.
    private func rows(_ name: String, _ place: String) throws(DatasetError) -> Rows {
        let images = try array(name)
        let partner = name.hasPrefix("x") ? "y" + name.dropFirst() : name.replacing("images", with: "labels")
        var labels: [Int32]?
        if partner != name, names.contains(partner) {
            labels = try array(partner).labels(count: images.shape.first ?? 0)
        }
        return try images.rows("\(place) (\(name))", labels: labels)
    }
}

extension NumberTable {
    /// Rows of an .amat file: 784 columns are images of 28 x 28, 785 such images and their label.
    fileprivate func rowsOfImages(_ place: String) throws(DatasetError) -> Rows {
        if columns == 785, let (rest, labels) = separating(column: 784) {
            return try Rows(.float(rest), shape: [1, 28, 28], labels: labels, place: place)
        }
        return try Rows(.float(values), shape: columns == 784 ? [1, 28, 28] : [columns], place: place)
    }

    /// Rows of a .csv file, by the names of its columns.
    fileprivate func rowsOfColumns(_ place: String) throws(DatasetError) -> Rows {
        let named = header.firstIndex { ["label", "class"].contains($0.lowercased()) }
        guard let named, columns > 1, let (rest, labels) = separating(column: named) else {
            return try rows(values, columns, header, nil, place)
        }
        var names = header
        names.remove(at: named)
        return try rows(rest, columns - 1, names, labels, place)
    }

    private func rows(
        _ values: [Float], _ columns: Int, _ names: [String], _ labels: [Int32]?, _ place: String
    ) throws(DatasetError) -> Rows {
        let side = Int(Double(columns).squareRoot())
        guard !names.isEmpty, side * side == columns, names.allSatisfy({ $0.lowercased().hasPrefix("pixel") }) else {
            return try Rows(.float(values), shape: [columns], labels: labels, place: place)
        }
        let levels = values.compactMap { UInt8(exactly: $0) }
        guard levels.count == values.count else {
            throw DatasetError(place, "its columns of pixels hold other than levels 0...255", "name them otherwise")
        }
        return try Rows(.gray8(levels), shape: [1, side, side], labels: labels, place: place)
    }

    /// The other columns, and this one as labels, if all of it are integers.
    private func separating(column: Int) -> (rest: [Float], labels: [Int32])? {
        var rest: [Float] = []
        var labels: [Int32] = []
        rest.reserveCapacity(values.count)
        for row in 0..<rows {
            guard let label = Int32(exactly: values[row * columns + column]) else { return nil }
            labels.append(label)
            rest += values[row * columns..<row * columns + column]
            rest += values[row * columns + column + 1..<(row + 1) * columns]
        }
        return (rest, labels)
    }
}
