import Pushforward
import Testing

@Suite struct NetworksScopeTests {
    @Test func pathsNameParametersAndStates() throws {
        let trace = Trace()
        let inner = trace.root["encoder"]["conv1"]
        _ = try inner.parameter("weight", [3, 2], .zeros)
        _ = try inner.state("mean", [2])
        #expect(trace.parameters.map(\.path) == ["encoder/conv1/weight", "encoder/conv1/mean"])
        #expect(trace.parameters.map(\.isTrained) == [true, false])
        #expect(trace.graph.states.map(\.name) == ["encoder/conv1/weight", "encoder/conv1/mean"])
        #expect(inner.parent.path == "encoder" && inner.parent.parent.path == "" && trace.root.parent.path == "")
    }

    @Test func theSamePathTwiceIsAnErrorUnlessShared() throws {
        let scope = Trace().root["a"]
        let first = try scope.parameter("w", [2], .zeros)
        let text = message { _ = try scope.parameter("w", [2], .zeros) }
        #expect(text.contains("a/w") && text.contains("twice"))
        #expect(try scope.parameter("w", [2], .zeros, shared: true).id == first.id)
        #expect(try scope.shared.parameter("w", [2], .zeros).id == first.id)
        #expect(message { _ = try scope.parameter("w", [3], .zeros, shared: true) }.contains("float32[3]"))
        #expect(message { _ = try scope.state("w", [2], shared: true) }.contains("a/w"))
        #expect(scope.trace.parameters.count == 1)
    }

    @Test(arguments: ["data", "optimizer", "training"]) func reservedNamesAreRefused(_ name: String) {
        #expect(message { _ = try Trace().root[name].parameter("w", [1], .zeros) }.contains("reserved"))
    }

    @Test func emptyNamesAndShapesAreRefused() {
        #expect(message { _ = try Trace().root["a"][""].parameter("w", [1], .zeros) }.contains("empty"))
        #expect(message { _ = try Trace().root["a"].parameter("w", [1, 0], .zeros) }.contains("[1, 0]"))
    }

    @Test func aLaterTraceMustDeclareWhatTheFirstDid() {
        let trace = Trace(known: ["w": TensorType([2], .float32)])
        #expect(message { _ = try trace.root.parameter("v", [2], .zeros) }.contains("v"))
        #expect(message { _ = try trace.root.parameter("w", [3], .zeros) }.contains("float32[2]"))
        #expect(message { _ = try trace.root.parameter("w", [2], .zeros) } == "")
    }

    @Test func errorsNameTheScopeAndThePlace() {
        let trace = Trace()
        let x = trace.graph.input("x", TensorType([2, 3, 4, 4], .float32))
        let text = message { _ = try Dense(5)(x, trace.root["encoder"]["hidden"]) }
        #expect(
            text.contains("encoder/hidden") && text.contains("NetworksScopeTests.swift")
                && text.contains("[2, 3, 4, 4]"))
    }

    @Test func statesAreUpdatedOnceAndWithTheirType() throws {
        let trace = Trace()
        let mean = try trace.root.state("mean", [2])
        try trace.root.update("mean", to: mean + 1)
        #expect(trace.updates.count == 1 && trace.updates[0].state.id == mean.id)
        #expect(message { try trace.root.update("mean", to: mean) }.contains("twice"))
        #expect(message { try trace.root.update("other", to: mean) }.contains("other"))
    }

    // The hash is a file format: these are FNV-1a of the path, a zero byte and the ordinal, computed elsewhere.
    @Test(arguments: [("", 0, 0x1210_d00f), ("posterior", 0, 0x01cc_b022), ("encoder/conv1", 3, 0xc6e3_0d5c)])
    func streamsAreFrozen(_ path: String, _ ordinal: Int, _ expected: UInt32) {
        #expect(Randomness.stream(path, ordinal) == expected)
    }

    @Test func equalStreamsAreAnError() throws {
        #expect(Randomness.stream("s31597", 0) == Randomness.stream("s618190", 0))
        let text = message {
            _ = try evaluated { trace in
                [try trace.root["s31597"].normal([1, 2]), try trace.root["s618190"].normal([1, 2])]
            }
        }
        #expect(text.contains("s31597") && text.contains("s618190"))
    }

    @Test func noiseDependsOnSeedSampleStepAndPlaceAlone() throws {
        func draw(_ rows: Int, first: Int = 0, seed: UInt64 = 7, step: Int = 0, scope: String = "z") throws -> [Double]
        {
            try evaluated(rows: rows, first: first, seed: seed, step: step) { [try $0.root[scope].normal([rows, 3])] }[
                0
            ]
            .doubles
        }
        let five = try draw(5)
        #expect(try draw(2) == Array(five[0..<6]))
        #expect(try draw(2, first: 3) == Array(five[9..<15]))
        for other in [
            try draw(5, seed: 8), try draw(5, seed: 7 + 1 << 32), try draw(5, step: 1), try draw(5, scope: "y"),
        ] {
            #expect(Set(other).isDisjoint(with: five))
        }
        let twice = try evaluated(rows: 5, seed: 7) { trace in
            [try trace.root["z"].normal([5, 3]), try trace.root["z"].normal([5, 3])]
        }
        #expect(twice[0].doubles == five && Set(twice[1].doubles).isDisjoint(with: five))
    }

    @Test func withoutRandomnessADrawIsAnError() {
        #expect(message { _ = try Trace().root["z"].normal([1, 2]) }.contains("random"))
    }
}
