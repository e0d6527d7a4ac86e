import Glibc

/// A file that appears under its name complete or not at all.
///
/// Bytes go to a temporary file in the destination's folder; `commit()` flushes it to the disk and renames it, so an
/// earlier file of that name stays untouched until the new one is whole. A value dropped without `commit()`, by an
/// error for instance, removes its temporary file.
///
///     var file = try AtomicFile("runs/first/samples.npy")
///     try file.append(header)
///     for batch in batches { try file.append(batch) }
///     try file.commit()
///
/// A symbolic link is followed, so the link stays one. What is no regular file (`/dev/stdout`, a pipe) cannot be
/// renamed over and is written directly.
public struct AtomicFile: ~Copyable {
    private let path: String
    private let target: Target
    private var committed = false

    private struct Target {
        /// What the file is renamed to: `path`, or where the link of that name leads.
        let destination: String
        /// `nil` where the destination is a device or a pipe.
        let temporary: String?
        let descriptor: Int32
    }

    /// Opens a temporary file beside `path`. Throws where the folder is missing or read-only, or `path` is a folder or
    /// write-protected.
    public init(_ path: String) throws(FileError) {
        target = try Self.open(path)
        self.path = path
    }

    private static func open(_ path: String) throws(FileError) -> Target {
        var status = stat()
        let exists = stat(path, &status) == 0
        let kind = status.st_mode & S_IFMT
        if exists, kind == S_IFDIR { throw FileError("write", path, EISDIR) }
        if exists, access(path, W_OK) != 0 { throw FileError("write", path, errno) }
        if exists, kind != S_IFREG {
            let descriptor = Glibc.open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw FileError("write", path, errno) }
            return Target(destination: path, temporary: nil, descriptor: descriptor)
        }
        let destination = exists ? resolved(path) : path
        let (temporary, descriptor) = openTemporary(in: folder(of: destination))
        guard descriptor >= 0 else { throw FileError("write", path, errno) }
        // A replaced file keeps its permissions; where the file system knows none, the umask's will do.
        if exists { _ = fchmod(descriptor, status.st_mode & 0o7777) }
        return Target(destination: destination, temporary: temporary, descriptor: descriptor)
    }

    /// Appends bytes; throws on a full disk or any other failed write.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let written = Glibc.write(target.descriptor, start, min(rest.count, 1 << 30))
            if written < 0 {
                if errno == EINTR { continue }
                throw FileError("write", path, errno)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Appends the bytes of an array's elements as they lie in memory.
    public mutating func append<Element: BitwiseCopyable>(_ elements: [Element]) throws(FileError) {
        let result = elements.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try append(bytes) }
        }
        try result.get()
    }

    /// Flushes to the disk and gives the file its name.
    public consuming func commit() throws(FileError) {
        guard let temporary = target.temporary else { return }
        guard fsync(target.descriptor) == 0 else { throw FileError("write", path, errno) }
        guard rename(temporary, target.destination) == 0 else { throw FileError("write", path, errno) }
        committed = true
        // The new name outlasts a power cut only once its folder is flushed; not every file system can.
        let folder = Glibc.open(Self.folder(of: target.destination), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            _ = fsync(folder)
            _ = close(folder)
        }
    }

    deinit {
        _ = close(target.descriptor)
        if let temporary = target.temporary, !committed { _ = unlink(temporary) }
    }
}

extension AtomicFile {
    /// Writes `bytes` to `path`, all or nothing.
    public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws(FileError) {
        var file = try AtomicFile(path)
        try file.append(bytes)
        try file.commit()
    }

    /// Writes `bytes` to `path`, all or nothing.
    public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
        var file = try AtomicFile(path)
        try file.append(bytes)
        try file.commit()
    }

    /// Writes `text` to `path` as UTF-8, all or nothing.
    public static func write(_ text: String, to path: String) throws(FileError) {
        try write(Array(text.utf8), to: path)
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// The name is drawn rather than derived from the destination's, which may be as long as a name can be.
    private static func openTemporary(in folder: String) -> (path: String, descriptor: Int32) {
        while true {
            let candidate = "\(folder)/.pushforward-\(String(UInt64.random(in: 0 ... .max), radix: 36)).tmp"
            let descriptor = Glibc.open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 || errno != EEXIST { return (candidate, descriptor) }
        }
    }
}

/// A file that could not be read or written: what, where and, where there is something to do, what.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// `read` or `write`.
    public let operation: String
    public let path: String
    /// The system's error number (`errno`).
    public let code: Int32

    public init(_ operation: String, _ path: String, _ code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    public var description: String {
        let reason = String(cString: strerror(code))
        return "cannot \(operation) \(path.onOneLine): \(reason)" + (remedy.map { "; \($0)" } ?? "")
    }

    private var remedy: String? {
        switch code {
        case ENOENT: operation == "write" ? "create its folder first" : "check the path"
        case EACCES, EPERM: operation == "write" ? "choose a place that may be written to" : "check its permissions"
        case EROFS: "choose a place that may be written to"
        case ENOSPC, EDQUOT: "free some space and run it again"
        case EISDIR: "name a file, not a folder"
        default: nil
        }
    }
}
