import Foundation
import Pushforward

/// How to walk from one code to another.
enum LatentPath: String, CaseIterable, Sendable {
    case linear
    /// Along a great circle (Shoemake 1985), lengths changing evenly: stays where a Gaussian of many dimensions has its
    /// mass.
    case spherical

    /// `frames` codes, the first `a`, the last `b`; of one frame, `a`.
    func codes(from a: [Double], to b: [Double], frames: Int) -> [[Double]] {
        let (lengthA, lengthB) = (length(a), length(b))
        let cosine = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / (lengthA * lengthB)
        let angle = acos(min(max(cosine, -1), 1))
        // Without a direction, or with opposite ones, there is no one great circle.
        let isStraight = self == .linear || !angle.isFinite || angle < 1e-6 || angle > .pi - 1e-6
        return (0..<frames).map { frame in
            if frame == 0 { return a }
            if frame == frames - 1 { return b }
            let t = Double(frame) / Double(frames - 1)
            if isStraight { return zip(a, b).map { $0 + t * ($1 - $0) } }
            let length = lengthA + t * (lengthB - lengthA)
            let (weightA, weightB) = (sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle))
            return zip(a, b).map { length * (weightA * $0 / lengthA + weightB * $1 / lengthB) }
        }
    }

    private func length(_ code: [Double]) -> Double { code.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

extension HostArray {
    /// Codes as [codes, shape...].
    init(codes: [[Double]], shape: [Int], _ scalar: ScalarType) throws {
        guard let array = HostArray(codes.flatMap { $0 }, shape: [codes.count] + shape, scalar) else {
            throw GraphError("codes", "do not fill \([codes.count] + shape)")
        }
        self = array
    }
}
