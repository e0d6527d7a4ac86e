import Graph
import Testing

@Suite struct CoverageTests {
    /// An op that no sample uses is an op that no check sees.
    @Test func everyOpHasASample() throws {
        var covered: Set<OpKind> = []
        for sample in OpSample.all {
            for float in [ScalarType.float32, .float64] {
                covered.formUnion(OpKind.all(in: try sample.trace(float).graph.nodes))
            }
        }
        let missing = OpKind.all.subtracting(covered).map { "\($0)" }.sorted()
        #expect(missing.isEmpty)
    }

    @Test func namesAreUnique() {
        let names = (OpSample.all + OpSample.gradients).map(\.name)
        let repeated = Dictionary(grouping: names) { $0 }.filter { $1.count > 1 }.keys.sorted()
        #expect(repeated.isEmpty)
    }

    /// Every op that can be differentiated is differentiated twice by some sample.
    @Test func differentiableOpsAreCheckedToSecondOrder() throws {
        var covered: Set<OpKind> = []
        for sample in OpSample.all where sample.order == 2 {
            covered.formUnion(OpKind.all(in: try sample.trace(.float64).graph.nodes))
        }
        for op in ScalarOp.allCases where OpKind.all.contains(.scalar(op, .float64)) && !op.isComparison {
            #expect(covered.contains(.scalar(op, .float64)), "\(op)")
        }
        let exempt: Set<OpKind.Plain> = [.argmax, .argmin, .stopGradient, .surrogate]
        for plain in OpKind.Plain.allCases where !exempt.contains(plain) {
            #expect(covered.contains(.plain(plain)), "\(plain)")
        }
    }
}
