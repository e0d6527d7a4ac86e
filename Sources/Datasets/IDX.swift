/// The format of the MNIST family: a big-endian header of type and sizes, then unsigned bytes in C order.
struct IDX {
    let shape: [Int]
    let bytes: [UInt8]

    /// Reads a file, gzipped or not.
    init(contentsOf path: String) throws(DatasetError) {
        try self.init(parsing: InputFile.readUnpacked(path), path)
    }

    init(parsing content: consuming [UInt8], _ path: String) throws(DatasetError) {
        var file = content
        func hex(_ bytes: some Sequence<UInt8>) -> String {
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        let head = Array(file.prefix(4))
        guard head.count == 4, head[0] == 0, head[1] == 0, (1...4).contains(head[3]), (8...14).contains(head[2]) else {
            throw DatasetError(
                path, "is not an IDX file (it begins with 0x\(hex(head)), images with 0x00000803)",
                "name a file or folder of IDX data")
        }
        guard head[2] == 8 else {
            throw DatasetError(
                path, "holds IDX data of type 0x\(hex([head[2]])); only unsigned bytes (0x08) are read",
                "convert it to .npy")
        }
        let rank = Int(head[3])
        let headerSize = 4 + 4 * rank
        guard file.count >= headerSize else { throw DatasetError(path, "ends within its header", "fetch it again") }
        var shape: [Int] = []
        var size = 1
        var overflows = false
        for axis in 0..<rank {
            let extent = file[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
            shape.append(extent)
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            size = product
            overflows = overflows || overflow
        }
        let held = file.count - headerSize
        guard !overflows, size == held else {
            let promised = overflows ? "more than memory can hold" : "\(size) bytes"
            throw DatasetError(path, "its header \(shape) promises \(promised), \(held) follow", "fetch it again")
        }
        file.removeFirst(headerSize)
        self.shape = shape
        bytes = file
    }

    /// A file of images (or vectors), with the labels of the file beside it that its name leads to, if it is there.
    static func rows(_ path: String) throws(DatasetError) -> Rows {
        let images = try IDX(contentsOf: path)
        var labels: [Int32]?
        if let labelPath = labelFile(of: path) {
            let file = try IDX(contentsOf: labelPath)
            guard file.shape.count == 1 else {
                throw DatasetError(labelPath, "holds data of shape \(file.shape), not labels", "fetch it again")
            }
            guard file.shape[0] == images.shape[0] else {
                throw DatasetError(
                    labelPath, "holds \(file.shape[0]) labels for the \(images.shape[0]) rows of \(path)",
                    "fetch both again")
            }
            labels = file.bytes.map { Int32($0) }
        }
        let row = Array(images.shape.dropFirst())
        return try Rows(
            .gray8(images.bytes), shape: row.count == 2 ? [1] + row : row.isEmpty ? [1] : row, labels: labels,
            place: path)
    }
}

extension IDX {
    /// Whether a file's name says IDX: `train-images-idx3-ubyte`, `t10k-images.idx3-ubyte.gz` ...
    static func isNamed(_ name: String) -> Bool {
        (1...4).contains { name.contains("idx\($0)-ubyte") }
    }

    /// A folder with files of training images and, where present, test images and labels.
    ///
    /// `train` in a name makes it the training images, `t10k` or `test` the test images; a single file of images is
    /// the training images whatever its name.
    static func load(folder: String, name: String) throws(DatasetError) -> Dataset {
        let (trainImages, testImages) = try imageFiles(in: folder)
        let files = [trainImages, testImages].compactMap { $0 }
        let splits = try concurrently(files.count) { index throws(DatasetError) in
            try rows("\(folder)/\(files[index])")
        }
        return try Dataset(name: name, train: splits[0], test: splits.dropFirst().first)
    }

    private static func imageFiles(in folder: String) throws(DatasetError) -> (train: String, test: String?) {
        let names = try InputFile.names(in: folder)
        let images = names.filter { name in
            isNamed(name) && !name.contains("idx1-ubyte")
                // Of a file and its .gz, the unpacked one is read.
                && !(name.hasSuffix(".gz") && names.contains(String(name.dropLast(3))))
        }
        let test = images.filter { $0.contains("t10k") || $0.contains("test") }
        let train = images.filter { $0.contains("train") && !test.contains($0) }
        if images.count == 1 { return (images[0], nil) }
        guard train.count == 1, test.count <= 1 else {
            throw DatasetError(
                folder,
                images.isEmpty
                    ? "holds no file of IDX images (train-images-idx3-ubyte[.gz])"
                    : "holds \(images.count) files of IDX images, of which \(train.count) say train and \(test.count) test",
                "name one file, or a folder with one train-images-idx3-ubyte[.gz]")
        }
        return (train[0], test.first)
    }

    private static func labelFile(of path: String) -> String? {
        let name = String(path.split(separator: "/").last ?? "")
        guard let rank = (2...4).first(where: { name.contains("idx\($0)-ubyte") }) else { return nil }
        let plain = (name.hasSuffix(".gz") ? String(name.dropLast(3)) : name)
            .replacing("images", with: "labels").replacing("idx\(rank)-ubyte", with: "idx1-ubyte")
        return [plain, plain + ".gz"].map { path.dropLast(name.count) + $0 }.first { InputFile.kind($0) == .file }
    }
}
