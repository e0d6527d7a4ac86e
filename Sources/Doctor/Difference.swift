import Execution
import Graph

extension HostArray {
    /// The first element whose bits differ; all NaNs are one.
    public func bitDifference(from other: HostArray) -> String? {
        if self == other { return nil }
        guard type == other.type else { return "is \(type), not \(other.type)" }
        let size = type.scalar.byteCount
        for (index, (a, b)) in zip(doubles, other.doubles).enumerated() {
            let same =
                bytes[(index * size)..<((index + 1) * size)] == other.bytes[(index * size)..<((index + 1) * size)]
            if !same && !(a.isNaN && b.isNaN) {
                return "element \(index) of \(type) is \(a), not the same bits as \(b)"
            }
        }
        return nil
    }

    /// The largest error of any element, as a multiple of what is allowed, and where it is.
    ///
    /// Floats may differ by `tolerance` (of float32; of float64 in proportion to its precision) relative to the largest of
    /// the element, the tensor's mean magnitude and `magnitude`. What must be equal and is not is infinitely wrong.
    public func worstError(
        from expected: [Double], tolerance: Double, magnitude: Double = 0
    ) -> (ratio: Double, text: String) {
        let found = doubles
        guard found.count == expected.count else {
            return (.infinity, "\(found.count) elements, not \(expected.count)")
        }
        let isSingle = type.scalar == .float32
        let rounded = isSingle ? expected.map { Double(Float($0)) } : expected
        let finite = rounded.filter(\.isFinite).map(abs)
        let mean = finite.reduce(0) { $0 + $1 / Double(finite.count) }
        let relative = isSingle ? tolerance : max(tolerance * 0x1p-26, 1e-14)
        var worst = (ratio: 0.0, text: "")
        for (index, (a, b)) in zip(found, rounded).enumerated() {
            if a == b || (a.isNaN && b.isNaN) { continue }
            let allowed =
                relative * max(abs(b), mean.isFinite ? mean : 0, magnitude) + (isSingle ? 0x1p-148 : 0x1p-1073)
            let quotient = abs(a - b) / allowed
            let ratio = type.scalar.isFloating && quotient.isFinite ? quotient : .infinity
            if ratio > worst.ratio {
                worst = (
                    ratio,
                    "element \(index) of \(type) is \(a), not \(b) (off by \(abs(a - b)), allowed \(allowed))"
                )
            }
        }
        return worst
    }
}
