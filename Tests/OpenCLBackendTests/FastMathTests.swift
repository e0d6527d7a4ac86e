import Compiler
import Doctor
import Execution
import Graph
import Testing

@testable import OpenCLBackend

/// `--math fast`: matrices multiplied by CLBlast, where it is installed.
@Suite(.needsOpenCL, .enabled(if: CLBlast.shared != nil, "libclblast1 is not installed"))
struct FastMathTests {
    private let devices: Devices
    private let backend: OpenCLBackend
    private let fast = CompileOptions(math: .fast)

    init() throws {
        devices = try Devices()
        backend = try devices.backend()
    }

    private func clblastStepCount(_ computation: Computation, _ options: CompileOptions) throws -> Int {
        let schedule = try computation.compiled(on: backend, options).schedule
        var bound: [OpenCLBuffer] = []
        for index in schedule.externals.indices {
            let size = schedule.buffers.first { $0.place == .external(index) }?.byteCount ?? 0
            bound.append(try #require(try backend.allocate(size) as? OpenCLBuffer))
        }
        let lowered = try CommandLowering.lower(schedule, bound: bound, options: options, backend: backend)
        return lowered.steps.joined().count { if case .clblast = $0 { true } else { false } }
    }

    /// Operands as views leave them, each with whether CLBlast can take it as it lies.
    private func cases() throws -> [(name: String, isTaken: Bool, computation: Computation)] {
        func make(_ a: [Int], _ b: [Int], _ body: (Tensor, Tensor) throws -> Tensor) throws -> Computation {
            try Computation([a, b]) { x in [try body(x[0], x[1])] }
        }
        return [
            ("plain", true, try make([17, 23], [23, 9]) { try matmul($0, $1) }),
            ("left transposed", true, try make([23, 17], [23, 9]) { try matmul($0.transposed(), $1) }),
            ("right transposed", true, try make([17, 23], [9, 23]) { try matmul($0, $1.transposed()) }),
            ("both transposed", true, try make([23, 17], [9, 23]) { try matmul($0.transposed(), $1.transposed()) }),
            ("batch", true, try make([3, 17, 23], [3, 23, 9]) { try matmul($0, $1) }),
            ("shared right", true, try make([3, 17, 23], [23, 9]) { try matmul($0, $1) }),
            ("rows of more", true, try make([30, 23], [23, 9]) { try matmul($0.slice(0, 5..<22), $1) }),
            ("columns of more", true, try make([17, 40], [23, 9]) { try matmul($0.slice(1, 11..<34), $1) }),
            ("row vector", true, try make([1, 23], [23, 9]) { try matmul($0, $1) }),
            ("column vector", true, try make([17, 23], [23, 1]) { try matmul($0, $1) }),
            ("outer product", true, try make([17, 1], [1, 9]) { try matmul($0, $1) }),
            (
                "every other row", true,
                try make([34, 23], [23, 9]) {
                    try matmul($0.slice(0, start: 0, size: 17, step: 2), $1)
                }
            ),
            (
                "every other column", false,
                try make([17, 46], [23, 9]) {
                    try matmul($0.slice(1, start: 0, size: 23, step: 2), $1)
                }
            ),
            ("backward", false, try make([17, 23], [23, 9]) { try matmul($0.flipped(1), $1) }),
            ("repeated rows", false, try make([1, 23], [23, 9]) { try matmul($0.broadcast(to: [17, 23]), $1) }),
            ("nothing to add", false, try make([17, 0], [0, 9]) { try matmul($0, $1) }),
        ]
    }

    /// Parameters that are not all it needs change nothing.
    @Test func wrongParametersAreRefused() throws {
        let library = try #require(CLBlast.shared)
        #expect(!library.set(["MWG": 64], of: "Xgemm", on: devices.device))
        #expect(!library.set(["MWG": 64], of: "no kernel", on: devices.device))
    }

    @Test func isNearTheExactResult() throws {
        #expect(backend.matmulProvider(.fast).hasSuffix("CLBlast") && backend.matmulProvider(.exact) == "pushforward")
        for (name, isTaken, computation) in try cases() {
            let expected = try computation.results(on: devices.cpu)
            let found = try computation.results(on: backend, fast)
            #expect(try clblastStepCount(computation, fast) == (isTaken ? 1 : 0), "\(name)")
            #expect(try clblastStepCount(computation, CompileOptions()) == 0, "\(name)")
            if isTaken {
                let error = found[0].worstError(from: expected[0].doubles, tolerance: 2e-5, magnitude: 1)
                #expect(error.ratio <= 1, "\(name): \(error.text)")
            } else {
                expectSameBits(found, expected, name)
            }
        }
    }

    /// In the arena, at offsets, again and again, and in a loop.
    @Test func worksAmongOtherSteps() throws {
        let computation = try Computation([[40, 30], [30, 30]]) { x in
            let y = try matmul(sin(x[0]), x[1])
            let z = try loop(count: 3, carry: [y]) { (_, carry) throws(GraphError) in
                [try tanh(matmul(carry[0], x[1]) * 0.2)]
            }
            return [try matmul(z[0].transposed(), y * 0.5)]
        }
        let expected = try computation.results(on: devices.cpu)
        for memory in CompileOptions.Memory.allCases {
            let program = try computation.compiled(on: backend, CompileOptions(math: .fast, memory: memory))
            for _ in 0..<3 {
                let error = try program(computation.inputs)[0].worstError(
                    from: expected[0].doubles, tolerance: 2e-5, magnitude: 1)
                #expect(error.ratio <= 1, "\(error.text)")
            }
            #expect(program.executable.brokenGuards().isEmpty)
        }
    }
}
