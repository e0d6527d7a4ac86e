import Graph
import Kernels

/// OpenCL C that defines one kernel, called KERNEL; in a program each kernel gets a name of its own.
struct KernelText: Hashable, Sendable {
    struct Definition: Hashable, Sendable {
        var name: String
        var value: String
    }

    /// Files of Kernels/ that stand once at the top of the program.
    var headers: [KernelFile]
    /// Macros that hold for this kernel only.
    var definitions: [Definition]
    var body: String

    /// A file of Kernels/ with its parameters.
    init(_ file: KernelFile, headers: [KernelFile] = [], _ definitions: KeyValuePairs<String, String>) {
        self.init(headers: headers, definitions, body: file.text)
    }

    init(headers: [KernelFile], _ definitions: KeyValuePairs<String, String>, body: String) {
        self.headers = headers
        self.definitions = definitions.map { Definition(name: $0.key, value: $0.value) }
        self.body = body
    }

    mutating func define(_ name: String, _ value: Int) {
        definitions.append(Definition(name: name, value: value < 0 ? "(\(value))" : "\(value)"))
    }

    func source(entry: String) -> String {
        let all = [Definition(name: "KERNEL", value: entry)] + definitions
        return all.map { "#define \($0.name) \($0.value)\n" }.joined() + body
            + all.map { "#undef \($0.name)\n" }.joined()
    }
}

extension ScalarType {
    /// In OpenCL C. A bool is a byte, 0 or 1.
    var clType: String {
        switch self {
        case .float32: "float"
        case .float64: "double"
        case .int32: "int"
        case .uint32: "uint"
        case .uint8, .bool: "uchar"
        }
    }
}

/// The type that counts elements in a kernel: 64 bits only where 32 do not do.
func indexType(largest count: Int) -> String { count <= Int(Int32.max) ? "int" : "long" }
