import Foundation
import Pushforward

/// Little images to train on in no time: smooth blobs of gray levels, [1, 4, 4].
func blobs(count: Int = 50, test: Int = 20) throws -> Dataset {
    func levels(_ rows: Range<Int>) -> [UInt8] {
        rows.flatMap { row in
            (0..<16).map { pixel in
                let phase = Double(row) * 0.7 + Double(pixel % 4) - Double(pixel / 4) * 0.5
                return UInt8((0.5 + 0.5 * Foundation.sin(phase)) * 255)
            }
        }
    }
    return try Dataset(levels: levels(0..<count), shape: [1, 4, 4], test: levels(count..<count + test), name: "blobs")
}

let smallModel = ConvVAE(latent: 2, channels: [3], hidden: 8)

/// A folder that is removed with the value.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/pushforward-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension Trained {
    /// The bits of all parameters.
    func bits() throws -> [[UInt8]] { try parameters().map(\.value.bytes) }
}
