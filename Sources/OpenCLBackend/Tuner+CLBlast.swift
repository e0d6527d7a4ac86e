import Compiler
import Execution

extension Tuner {
    private static let gemm = "Xgemm"

    /// Parameters of CLBlast's Xgemm that suit some kinds of devices; it checks them itself.
    private static let gemmCandidates: [[String: Int]] = {
        let large = [
            "GEMMK": 0, "KREG": 1, "KWG": 16, "KWI": 2, "MDIMA": 16, "MDIMC": 16, "MWG": 128, "NDIMB": 16, "NDIMC": 16,
            "NWG": 128, "SA": 1, "SB": 1, "STRM": 0, "STRN": 0, "VWM": 4, "VWN": 4,
        ]
        let changes: [[String: Int]] = [
            [:],
            ["NDIMB": 8, "NDIMC": 8, "NWG": 64],
            ["KWG": 32, "MDIMA": 32, "MDIMC": 32, "NDIMB": 8, "NDIMC": 8, "NWG": 64, "SA": 0, "STRM": 1, "STRN": 1],
            ["MWG": 64, "NWG": 64, "VWM": 2, "VWN": 2],
            ["MDIMA": 8, "MDIMC": 8, "MWG": 32, "NDIMB": 8, "NDIMC": 8, "NWG": 32, "SA": 0, "SB": 0],
        ]
        return changes.map { large.merging($0) { $1 } }
    }()

    /// CLBlast compiles a kernel anew whenever its parameters change, so that few candidates are tried.
    ///
    /// Its own parameters, where nothing better was known, cannot be had back: they are measured first and once.
    func tuneCLBlast() throws {
        guard let library = backend.clblast else { return }
        // Products that they take would say nothing of CLBlast.
        backend.tensorCores = .setAside
        let known = backend.tuning?.clblast ?? CLBlast.seed(for: backend.device)
        var best = known?[Tuner.gemm]
        let products = cases.filter { $0.kernel == .matmul && $0.isTimed }
        let expected = try products.map { try result(of: $0, .exact) }
        // Its own parameters, in a process that has not changed them.
        var present = try times(products)
        let (before, start) = (text(best), present)
        // With what was found until the time was over, too.
        defer {
            if let best {
                _ = library.set(best, of: Tuner.gemm, on: backend.device)
                clblast = (known ?? [:]).merging([Tuner.gemm: best]) { $1 }
            }
            let after = text(best)
            findings.append(
                TuningFinding(
                    kernel: "clblast", parameter: Tuner.gemm, before: before, after: after,
                    microsecondsBefore: start * 1e6, microsecondsAfter: (after == before ? start : present) * 1e6))
        }
        for candidate in Tuner.gemmCandidates where candidate != best {
            try proceed()
            let what = "CLBlast with \(text(candidate))"
            guard library.set(candidate, of: Tuner.gemm, on: backend.device) else {
                drop(what, "CLBlast does not take it")
                continue
            }
            do {
                guard try zip(products, expected).allSatisfy({ isNear(try result(of: $0, .fast), $1) }) else {
                    drop(what, "its results are wrong")
                    continue
                }
                var found = try times(products)
                // Once more in turn, as what was quick by chance is not so twice.
                if Times(present: present, candidate: found).isGain {
                    if let old = best, library.set(old, of: Tuner.gemm, on: backend.device) {
                        present = min(present, try times(products))
                        _ = library.set(candidate, of: Tuner.gemm, on: backend.device)
                    }
                    found = max(found, try times(products))
                }
                if Times(present: present, candidate: found).isGain { (best, present) = (candidate, found) }
            } catch let error as DeviceError {
                drop(what, "\(error)")
            }
        }
    }

    /// Seconds of a run, the geometric mean over the products.
    private func times(_ products: [TuningCase]) throws -> Double {
        geometricMean(
            try products.map { item in
                try proceed()
                let program = try compiled(item, CompileOptions(math: .fast))
                _ = try seconds(program, 1)
                let runs = try runsInBatch(program)
                return try (0..<5).reduce(.infinity) { least, _ in min(least, try seconds(program, runs)) }
            })
    }

    private func result(of item: TuningCase, _ math: CompileOptions.Math) throws -> HostArray {
        try proceed()
        let program = try compiled(item, CompileOptions(math: math))
        try program.run()
        return try program.output(0)
    }

    /// Sums of products of numbers below 1 in another order.
    private func isNear(_ found: HostArray, _ expected: HostArray) -> Bool {
        zip(found.floats, expected.floats).allSatisfy { abs($0 - $1) <= 1e-3 * (1 + abs($1)) }
    }

    private func text(_ parameters: [String: Int]?) -> String {
        guard let parameters else { return "CLBlast's own" }
        func value(_ name: String) -> String { parameters[name].map { "\($0)" } ?? "?" }
        return "\(value("MWG"))x\(value("NWG"))x\(value("KWG")) by \(value("MDIMC"))x\(value("NDIMC"))"
    }
}
