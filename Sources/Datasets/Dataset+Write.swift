import Glibc

extension Dataset {
    /// Writes a folder that `load` and NumPy read: `train.npy`, and `validation.npy` and `test.npy` where there are such
    /// splits, each [rows, ...], gray levels as uint8 and other values as float32. Classes go to `train_labels.npy`
    /// [rows] in int32, known factors to `train_factors.npy` [rows, names] in float32, and likewise for the other splits.
    ///
    /// The folder appears whole or not at all. Throws where `path` is anything but an empty folder or nothing yet, and
    /// where it cannot be written.
    ///
    /// - Returns: The names of its files.
    @discardableResult
    public func write(to path: String) throws -> [String] {
        // Found before the work, and told better, than when the name is given.
        if InputFile.kind(path) == .file { throw FileError("write", path, ENOTDIR) }
        if InputFile.kind(path) == .folder, try !InputFile.names(in: path).isEmpty { throw Self.isTaken(path) }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        let folder = try TemporaryFolder(beside: trimmed)
        var names: [String] = []
        for split in splits {
            let rows = try self.split(split)
            func file(_ suffix: String) -> String {
                names.append("\(split.rawValue)\(suffix).npy")
                return "\(folder.path)/\(split.rawValue)\(suffix).npy"
            }
            try rows.write(to: file(""))
            if let labels = rows.labels { try NPYArray(.int32(labels), shape: [rows.count]).write(to: file("_labels")) }
            if let factors = rows.factors {
                try NPYArray(factors.values, shape: [rows.count, factors.names.count]).write(to: file("_factors"))
            }
        }
        guard rename(folder.path, trimmed) == 0 else {
            throw errno == ENOTEMPTY || errno == EEXIST ? Self.isTaken(path) : FileError("write", path, errno)
        }
        return names
    }

    private static func isTaken(_ path: String) -> DatasetError {
        DatasetError(path, "holds files already", "choose another folder, or remove it")
    }

    /// A hidden folder that goes when it is no longer needed, with what is in it, unless it was renamed.
    private final class TemporaryFolder {
        let path: String

        init(beside path: String) throws(FileError) {
            let parent = AtomicFile.folder(of: path)
            self.path = "\(parent)/.pushforward-\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
            guard mkdir(self.path, 0o777) == 0 else { throw FileError("write", path, errno) }
        }

        deinit {
            for name in (try? InputFile.names(in: path)) ?? [] { _ = unlink("\(path)/\(name)") }
            _ = rmdir(path)
        }
    }
}

extension Rows {
    /// Writes a .npy file [rows, ...], all or nothing: uint8 where these are gray levels, else float32.
    public func write(to path: String) throws(FileError) {
        let type: NPYArray.Values =
            switch elements {
            case .gray8: .uint8([])
            case .float: .float32([])
            }
        var file = try AtomicFile(path)
        try file.append(NPYArray.header(type: type.type, shape: [count] + shape))
        // The closure may throw any error, append throws none but this one.
        let written = withUnsafeBytes { bytes in Result { () throws(FileError) in try file.append(bytes) } }
        try written.get()
        try file.commit()
    }
}
