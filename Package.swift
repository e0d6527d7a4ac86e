// swift-tools-version: 6.0
import PackageDescription

/// A target under Sources/; an import never points upward in this list.
func source(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(name)")
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests")
}

let package = Package(
    name: "Pushforward",
    products: [
        .library(name: "Pushforward", targets: ["Pushforward"]),
        .executable(name: "pushforward", targets: ["CLI"]),
    ],
    targets: [
        .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CPNG", path: "Sources/System/CPNG", providers: [.apt(["libpng-dev"])]),

        .systemLibrary(
            name: "COpenCL", path: "Sources/System/COpenCL",
            providers: [.apt(["ocl-icd-opencl-dev", "opencl-c-headers"])]),

        // The kernels of OpenCL devices, and the mathematics that every device shares, valid as C and as OpenCL C.
        .target(name: "Kernels", path: "Kernels", exclude: ["opencl"]),
        .target(
            name: "CPUKernels", dependencies: ["Kernels"], path: "Sources/CPUKernels",
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread"), .linkedLibrary("dl")]),

        source("Graph"),
        source("Autodiff", ["Graph"]),
        source("Compiler", ["Graph"]),
        source("Execution", ["Compiler"]),
        source("CPUBackend", ["Execution", "CPUKernels"]),
        source("OpenCLBackend", ["Execution", "Kernels", "COpenCL", "CZlib"]),
        source("Oracle", ["Graph"]),

        source("Doctor", ["Autodiff", "Execution", "Oracle"]),

        source("Configuration"),
        source("Networks", ["Autodiff"]),
        source("Probability", ["Networks"]),
        source("Models", ["Probability", "Configuration"]),
        source("Datasets", ["CZlib", "CPNG"]),
        source("Training", ["Models", "Datasets", "CPUBackend", "OpenCLBackend"]),
        source(
            "Pushforward",
            [
                "Graph", "Autodiff", "Compiler", "Execution", "CPUBackend", "OpenCLBackend", "Configuration",
                "Networks", "Probability",
                "Models", "Datasets", "Training",
            ]),
        .executableTarget(name: "CLI", dependencies: ["Pushforward", "Doctor"], path: "Sources/CLI"),

        tests("CPUKernels", ["CPUKernels", "Kernels"]),
        tests("Compiler", ["Graph", "Autodiff", "Compiler", "Execution", "CPUBackend"]),
        tests(
            "Graph", ["Graph", "Autodiff", "Compiler", "Execution", "CPUBackend", "OpenCLBackend", "Oracle", "Doctor"]),
        tests(
            "OpenCLBackend",
            ["Graph", "Autodiff", "Compiler", "Execution", "CPUBackend", "OpenCLBackend", "Doctor", "Pushforward"]),
        tests("Datasets", ["Datasets"]),
        tests("Configuration", ["Configuration"]),
        tests("Training", ["Pushforward"]),
        tests("CLI", ["Pushforward", "CLI"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c2x
)
