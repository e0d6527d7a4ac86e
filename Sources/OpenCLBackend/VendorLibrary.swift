import Foundation

/// Containers often have a GPU's OpenCL library but not the .icd file that tells the loader of it.
enum VendorLibrary {
    private static let folder = "/etc/OpenCL/vendors"
    private static let names = [
        "libnvidia-opencl.so.1", "libamdocl64.so", "/opt/rocm/lib/libamdocl64.so",
        "/usr/lib/x86_64-linux-gnu/intel-opencl/libigdrcl.so", "libigdrcl.so", "libmali.so.1",
    ]

    /// Names the library to the loader, once, before the loader's first call: where no .icd file is installed and the
    /// user has not named drivers.
    static func offerToLoader() { _ = offer }

    private static let offer: Void = {
        let variables = ["OCL_ICD_VENDORS", "OCL_ICD_FILENAMES", "OPENCL_VENDOR_PATH"]
        guard variables.allSatisfy({ getenv($0) == nil }) else { return }
        let listed = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        guard !listed.contains(where: { $0.hasSuffix(".icd") }) else { return }
        guard let found = names.first(where: { dlopen($0, RTLD_LAZY | RTLD_LOCAL) != nil }) else { return }
        // Debian's loader reads the first, Khronos' loader the second.
        setenv("OCL_ICD_VENDORS", found, 1)
        setenv("OCL_ICD_FILENAMES", found, 1)
    }()
}
