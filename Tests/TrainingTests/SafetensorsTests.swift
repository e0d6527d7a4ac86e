import Datasets
import Foundation
import Testing

@testable import Training

/// The same numbers in every run (SplitMix64), so that a failure comes again.
private struct FixedSequence: RandomNumberGenerator {
    private var state: UInt64 = 1
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite final class SafetensorsTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("safetensors-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A file's bytes from a header and data.
    private func bytes(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + data
    }

    private func parse(_ bytes: [UInt8]) throws(SafetensorsError) -> SafetensorsFile {
        try SafetensorsFile(parsing: bytes, path: "a.safetensors")
    }

    private func sample() throws -> SafetensorsFile {
        SafetensorsFile(
            metadata: ["format_version": "1", "note": "\"quoted\"\n\u{1}é"],
            entries: [
                "encoder/weight": try #require(.init([1.5, -2, .infinity, 0, -0.0, 3] as [Float], shape: [2, 3])),
                "a byte": try #require(.init([7, 8, 9] as [UInt8], shape: [3])),
                "steps": try #require(.init([Int64.min], shape: [])),
                "empty": try #require(.init([] as [Double], shape: [0, 4])),
                "half": try #require(.init(.float16, shape: [1], bytes: [0, 0x3C])),
                "größe": try #require(.init(.bool, shape: [2], bytes: [0, 1])),
            ])
    }

    private func encoded(_ file: SafetensorsFile) throws -> [UInt8] {
        let path = folder + "/\(UUID().uuidString).safetensors"
        try file.write(to: path)
        return try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func problem(_ bytes: [UInt8]) throws -> SafetensorsError.Problem {
        let error = try #require(#expect(throws: SafetensorsError.self) { try parse(bytes) })
        #expect(error.description.hasPrefix("a.safetensors is ") && !error.description.contains("\n"))
        return error.problem
    }

    // MARK: Both ways

    @Test func whatIsWrittenIsRead() throws {
        let file = try sample()
        let path = folder + "/model.safetensors"
        try file.write(to: path)
        let again = try SafetensorsFile(contentsOf: path)
        #expect(again == file)
        let weight = try #require(again.entries["encoder/weight"])
        #expect(weight.values() == [1.5, -2, .infinity, 0, -0.0, 3] as [Float])
        #expect(weight.values(as: Double.self) == nil)
        #expect(again.entries["empty"]?.values() == [] as [Double]?)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.safetensors"])
    }

    /// Byte for byte what the reference implementation writes for the same tensors (safetensors 0.8.0).
    @Test func theBytesAreFixed() throws {
        let file = SafetensorsFile(
            metadata: ["format": "numpy"],
            entries: [
                "b": try #require(.init([1, 2] as [UInt8], shape: [2])),
                "z": try #require(.init([1] as [Float], shape: [1, 1])),
                "a": try #require(.init([-1] as [Int32], shape: [])),
            ])
        let header =
            #"{"__metadata__":{"format":"numpy"},"z":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"#
            + #""a":{"dtype":"I32","shape":[],"data_offsets":[4,8]},"#
            + #""b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}"#
        let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        #expect(!padding.isEmpty)
        #expect(try encoded(file) == bytes(header + padding, [0, 0, 0x80, 0x3F, 255, 255, 255, 255, 1, 2]))
        #expect(try encoded(SafetensorsFile()) == bytes("{}      "))
    }

    /// Every tensor begins at a multiple of its element's size, whatever the names.
    @Test func tensorsAreAligned() throws {
        var file = SafetensorsFile()
        for (i, dtype) in SafetensorsFile.DType.allCases.enumerated() {
            let name = "\(dtype.size) \(i)"
            file.entries[name] = .init(dtype, shape: [3], bytes: [UInt8](repeating: 1, count: 3 * dtype.size)[...])
        }
        let again = try parse(encoded(file))
        #expect(again.entries.count == SafetensorsFile.DType.allCases.count && again == file)
        for entry in again.entries.values { #expect(entry.bytes.startIndex % entry.dtype.size == 0) }
    }

    @Test func entriesMustFitTheirShape() {
        #expect(SafetensorsFile.Entry([1, 2, 3] as [Float], shape: [2]) == nil)
        #expect(SafetensorsFile.Entry(.float32, shape: [-1, -1], bytes: [0, 0, 0, 0]) == nil)
        #expect(SafetensorsFile.Entry(.float32, shape: [.max, 2], bytes: []) == nil)
        #expect(SafetensorsFile.Entry([1] as [Float], shape: []) != nil)
    }

    // MARK: Damaged files

    @Test func everyTruncationIsAnError() throws {
        let whole = try encoded(sample())
        for length in 0..<whole.count {
            guard case .cutShort(let needed, let found) = try problem(Array(whole[..<length])) else {
                Issue.record("cut at \(length)")
                continue
            }
            #expect(found == length && needed > length && needed <= whole.count)
        }
        #expect(try problem(whole + [0]) == .header("describes \(whole.count) bytes, the file has \(whole.count + 1)"))
    }

    @Test func errorsAreOneLineWithNumbers() throws {
        let whole = try encoded(sample())
        let path = folder + "/model.safetensors"
        try Data(whole.dropLast(3)).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: SafetensorsError.self) { try SafetensorsFile(contentsOf: path) }
        #expect(
            error?.description == "\(path) is cut short: its header says \(whole.count) bytes, the file has "
                + "\(whole.count - 3); take another copy")
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,4]}}"#, "unknown type F4"),
        (#"{"a\nb":{"dtype":"F4","shape":[4],"data_offsets":[0,4]}}"#, "a?b"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "shape [2] takes 8 bytes"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, "impossible shape"),
        (#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[4,0]}}"#, "not a begin and an end"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,8]}}"#, "not a begin and an end"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[]}}"#, "not a begin and an end"),
        (#"{"a":{"dtype":"U8","shape":[5],"data_offsets":[-1,4]}}"#, "not a begin and an end"),
        (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#, "begins at byte 1"),
        (#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#, "the file has"),
        (#"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#, "cut short"),
        (
            #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#, "cut short"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            "begins at byte 2"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
            "begins at byte 2"
        ),
        (#"{"a":{"dtype":"U8","shape":[4]}}"#, "proper a / data_offsets"),
        (#"{"a":{"dtype":"U8","shape":[4.5],"data_offsets":[0,4]}}"#, "damaged: its header"),
        (#"{"a":{"dtype":"U8","shape":"4","data_offsets":[0,4]}}"#, "proper a / shape"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,99999999999999999999]}}"#, "damaged: its header"),
        (#"{"a":3}"#, "damaged: its header"),
        (#"{"__metadata__":{"a":1}}"#, "proper __metadata__ / a"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#, "not valid JSON"),
        (#"["a"]"#, "no safetensors file"),
        ("", "no safetensors file"),
        ("{" + String(repeating: #""a":["#, count: 100_000), "damaged: its header"),
    ])
    func badHeadersAreErrors(header: String, says: String) throws {
        let error = #expect(throws: SafetensorsError.self) { try parse(bytes(header, [1, 2, 3, 4])) }
        let text = try #require(error?.description)
        #expect(text.contains(says) && !text.contains("\n"))
    }

    @Test func anImpossibleHeaderLengthIsAnError() throws {
        for length: UInt64 in [100_000_001, UInt64(Int64.max), .max, .max - 7] {
            let head = withUnsafeBytes(of: length.littleEndian) { Array($0) }
            #expect(try problem(head + Array("{}".utf8)) == .foreign("a header of \(length) bytes"))
        }
    }

    /// Whatever the header becomes, reading ends in a file or an error; a file that results is consistent.
    @Test func flippedBytesNeverCrash() throws {
        let whole = try encoded(sample())
        let headerEnd = 8 + Int(whole[0]) + Int(whole[1]) << 8
        let interesting: [UInt8] = [0, 32, 34, 44, 45, 46, 48, 57, 58, 91, 92, 93, 101, 123, 125, 127, 128, 255]
        var random = FixedSequence()
        var failures = 0
        for _ in 0..<5000 {
            var damaged = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let position = Int.random(in: 0..<headerEnd, using: &random)
                damaged[position] =
                    Bool.random(using: &random)
                    ? .random(in: 0...255, using: &random) : interesting.randomElement(using: &random) ?? 0
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random))
            }
            do {
                let file = try parse(damaged)
                for entry in file.entries.values {
                    #expect(entry.dtype.byteCount(entry.shape) == entry.bytes.count)
                }
            } catch {
                failures += 1
                #expect(error.description.hasPrefix("a.safetensors is "))
            }
        }
        #expect(failures > 2500)
    }

    // MARK: Files

    @Test func whatCannotBeReadOrWrittenIsAFileError() throws {
        let missing = #expect(throws: FileError.self) { try SafetensorsFile(contentsOf: folder + "/none") }
        #expect(missing?.description == "cannot read \(folder)/none: No such file or directory; check the path")
        #expect(throws: FileError.self) { try SafetensorsFile(contentsOf: folder) }
        let path = folder + "/no/model.safetensors"
        let error = #expect(throws: FileError.self) { try SafetensorsFile().write(to: path) }
        #expect(
            error?.description == "cannot write \(path): No such file or directory; create its folder first")
        #expect(throws: FileError.self) { try sample().write(to: "/dev/full") }
    }

    @Test func aFailedWriteKeepsTheOldFile() throws {
        let path = folder + "/model.safetensors"
        let old = try sample()
        try old.write(to: path)
        var reserved = old
        reserved.entries["__metadata__"] = .init([1] as [Float], shape: [1])
        #expect(throws: SafetensorsError.self) { try reserved.write(to: path) }
        #expect(try SafetensorsFile(contentsOf: path) == old)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.safetensors"])
    }
}
