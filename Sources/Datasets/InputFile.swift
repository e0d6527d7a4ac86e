import Dispatch
import Glibc

/// Reading whole files and listing folders, with errors that say what to do.
enum InputFile {
    enum Kind { case file, folder, absent }

    static func kind(_ path: String) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else { return .absent }
        return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
    }

    /// The content of a regular file.
    static func read(_ path: String) throws(DatasetError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path, errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw DatasetError(path, "is not a regular file", "copy its content to a file and name that")
        }
        var failure: Int32 = 0
        let content = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            while count < buffer.count, let start = buffer.baseAddress {
                let got = Glibc.read(descriptor, start + count, min(buffer.count - count, 1 << 30))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else { throw .unreadable(path, failure) }
        guard !content.isEmpty else { throw DatasetError(path, "is empty", "fetch or write it again") }
        return content
    }

    /// The content of a file, unpacked where it is gzip (by its name or its first bytes).
    static func readUnpacked(_ path: String) throws(DatasetError) -> [UInt8] {
        let content = try read(path)
        let named = path.lowercased().hasSuffix(".gz")
        return named || content.starts(with: Gzip.magic) ? try Gzip.unpack(content, path) : content
    }

    /// The names in a folder, sorted bytewise; hidden ones left out.
    static func names(in folder: String) throws(DatasetError) -> [String] {
        guard let stream = opendir(folder) else { throw .unreadable(folder, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

extension DatasetError {
    static func unreadable(_ path: String, _ code: Int32) -> DatasetError {
        let remedy =
            switch code {
            case ENOENT: "check the path"
            case EACCES, EPERM: "check its permissions"
            default: ""
            }
        return DatasetError(path, "cannot be read: \(String(cString: strerror(code)))", remedy)
    }
}

/// The values of `body(0)`, `body(1)` ..., computed on all cores; of several errors, the one with the least index.
func concurrently<Value: Sendable>(
    _ count: Int, _ body: @Sendable (Int) throws(DatasetError) -> Value
) throws(DatasetError) -> [Value] {
    let results = UnsafeMutableBufferPointer<Result<Value, DatasetError>?>.allocate(capacity: count)
    results.initialize(repeating: nil)
    defer {
        results.deinitialize()
        results.deallocate()
    }
    // Each turn writes its own element.
    nonisolated(unsafe) let slots = results
    DispatchQueue.concurrentPerform(iterations: count) { index in
        slots[index] = Result { () throws(DatasetError) in try body(index) }
    }
    var values: [Value] = []
    values.reserveCapacity(count)
    for case .some(let result) in results { values.append(try result.get()) }
    return values
}
