import Execution
import Foundation
import Testing

@testable import Training

@Suite struct TensorFileTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
        .path

    /// 1.5, -2, the smallest subnormal, infinity.
    @Test(arguments: [
        (
            SafetensorsFile.DType.float16, [0x3E00, 0xC000, 0x0001, 0x7C00] as [UInt16],
            Float(sign: .plus, exponent: -24, significand: 1)
        ),
        (.bfloat16, [0x3FC0, 0xC000, 0x0001, 0x7F80], Float(bitPattern: 0x0001_0000)),
    ])
    func halfPrecisionBecomesFloat32(_ dtype: SafetensorsFile.DType, _ words: [UInt16], _ least: Float) throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let bytes = words.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let entry = try #require(SafetensorsFile.Entry(dtype, shape: [2, 2], bytes: bytes[...]))
        try SafetensorsFile(entries: ["w": entry]).write(to: path)
        let read = try #require(try TensorFile(contentsOf: path)["w"])
        #expect(read.shape == [2, 2])
        #expect(read.floats == [1.5, -2, least, .infinity])
    }

    @Test func whatIsWrittenIsReadBack() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let values = [
            try #require(HostArray([1, -0.0, .nan] as [Float])),
            try #require(HostArray([1, 2] as [UInt32], shape: [2, 1])),
            try #require(HostArray([0.1], shape: [], .float64)),
        ]
        try TensorFile.write(values.enumerated().map { (name: "t\($0)", value: $1) }, to: path)
        let file = try TensorFile(contentsOf: path)
        #expect(file.names == ["t0", "t1", "t2"])
        #expect(values.indices.allSatisfy { file["t\($0)"] == values[$0] })
        #expect(file["t3"] == nil)
    }
}
