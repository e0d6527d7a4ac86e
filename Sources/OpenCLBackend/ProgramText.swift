/// Several kernels as one OpenCL C text: headers first, then each kernel under a name of its own.
struct ProgramText {
    let kernels: [KernelText]

    static func name(of index: Int) -> String { "k\(index)" }

    var source: String {
        let headers = Set(kernels.flatMap(\.headers)).union([.opencl, .scalar, .random])
        let top = KernelFile.allCases.filter(headers.contains).map(\.text)
        let bodies = kernels.enumerated().map { $1.source(entry: ProgramText.name(of: $0)) }
        return (top + bodies).joined(separator: "\n")
    }
}
