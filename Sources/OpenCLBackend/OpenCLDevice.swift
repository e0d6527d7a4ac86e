import COpenCL
import Execution
import Foundation

/// An OpenCL device as its driver describes it.
public struct OpenCLDevice: @unchecked Sendable {
    public enum Kind: String, Sendable, Decodable { case gpu = "GPU", cpu = "CPU", accelerator, other }

    /// What the arithmetic contract asks of a device.
    public enum Capability: String, Sendable, CaseIterable {
        case denormals
        case infinityAndNaN = "infinities and NaN"
        case roundToNearest = "rounding to nearest"
        case fusedMultiplyAdd = "fused multiply-add"
        case correctDivision = "correctly rounded division and square root"
    }

    /// Number N of `opencl:N`: GPUs first, then accelerators, then CPUs, each in the drivers' order.
    public let index: Int
    public let deviceName: String
    public let vendor: String
    public let platform: String
    public let version: String
    public let driver: String
    public let kind: Kind
    public let computeUnits: Int
    public let memoryByteCount: Int
    /// The most that one allocation may have.
    public let allocationLimit: Int
    /// Of the cache between its memory and all that computes; 0 where the driver does not say.
    public let cacheByteCount: Int
    public let maxWorkGroupSize: Int
    public let localMemoryByteCount: Int
    /// Of those that the contract asks for, the ones that the driver reports.
    public let capabilities: Set<Capability>
    /// NVIDIA's number of what its device can do, the part before the point; nil where the driver does not give one.
    public internal(set) var computeCapability: Int?
    let id: cl_device_id

    /// As the user names it.
    public var name: String { "opencl:\(index)" }
    public var description: String { "\(deviceName), OpenCL \(kind.rawValue), \(platform), driver \(driver)" }

    /// Whether the driver promises all that the contract asks for: the same bits as the CPU.
    public var isExact: Bool { capabilities.count == Capability.allCases.count }
    /// What it does not promise, for people.
    public var lackingCapabilities: String {
        Capability.allCases.filter { !capabilities.contains($0) }.map(\.rawValue).joined(separator: ", ")
    }

    /// All devices of all platforms; empty where there is no driver.
    public static func all() -> [OpenCLDevice] {
        VendorLibrary.offerToLoader()
        let found = platforms().flatMap { platform in
            deviceIDs(platform).map { (platform: platformName(platform), id: $0) }
        }
        let ordered = [Kind.gpu, .accelerator, .cpu, .other].flatMap { kind in
            found.filter { Kind($0.id) == kind }
        }
        return ordered.enumerated().map { OpenCLDevice(index: $0, platform: $1.platform, id: $1.id) }
    }

    private init(index: Int, platform: String, id: cl_device_id) {
        let info = DeviceInfo(id: id)
        self.index = index
        self.id = id
        self.platform = platform
        deviceName = info.text(CL_DEVICE_NAME)
        vendor = info.text(CL_DEVICE_VENDOR)
        version = info.text(CL_DEVICE_VERSION)
        driver = info.text(CL_DRIVER_VERSION)
        kind = Kind(id)
        computeUnits = max(1, Int(info.number(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint(1))))
        memoryByteCount = Int(clamping: info.number(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong(0)))
        allocationLimit = Int(clamping: info.number(CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong(0)))
        cacheByteCount = Int(clamping: info.number(CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, cl_ulong(0)))
        maxWorkGroupSize = info.number(CL_DEVICE_MAX_WORK_GROUP_SIZE, 1)
        localMemoryByteCount = Int(clamping: info.number(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong(0)))
        // CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV
        let isNumbered = info.text(CL_DEVICE_EXTENSIONS).contains("cl_nv_device_attribute_query")
        computeCapability = isNumbered ? Int(info.number(0x4000, cl_uint(0))) : nil
        let config = Int32(truncatingIfNeeded: info.number(CL_DEVICE_SINGLE_FP_CONFIG, cl_device_fp_config(0)))
        let bits: [(Capability, Int32)] = [
            (.denormals, CL_FP_DENORM), (.infinityAndNaN, CL_FP_INF_NAN), (.roundToNearest, CL_FP_ROUND_TO_NEAREST),
            (.fusedMultiplyAdd, CL_FP_FMA), (.correctDivision, CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT),
        ]
        capabilities = Set(bits.filter { config & $0.1 != 0 }.map(\.0))
    }

    private static func platforms() -> [cl_platform_id] {
        var count: cl_uint = 0
        guard clGetPlatformIDs(0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
        var ids = [cl_platform_id?](repeating: nil, count: Int(count))
        guard clGetPlatformIDs(count, &ids, nil) == CL_SUCCESS else { return [] }
        return ids.compactMap { $0 }
    }

    private static func deviceIDs(_ platform: cl_platform_id) -> [cl_device_id] {
        let all = cl_device_type(CL_DEVICE_TYPE_ALL)
        var count: cl_uint = 0
        guard clGetDeviceIDs(platform, all, 0, nil, &count) == CL_SUCCESS, count > 0 else { return [] }
        var ids = [cl_device_id?](repeating: nil, count: Int(count))
        guard clGetDeviceIDs(platform, all, count, &ids, nil) == CL_SUCCESS else { return [] }
        return ids.compactMap { $0 }
    }

    private static func platformName(_ platform: cl_platform_id) -> String {
        queriedText { clGetPlatformInfo(platform, cl_platform_info(CL_PLATFORM_NAME), $0, $1, $2) }
    }
}

extension OpenCLDevice.Kind {
    fileprivate init(_ id: cl_device_id) {
        let type = DeviceInfo(id: id).number(CL_DEVICE_TYPE, cl_device_type(0))
        if type & cl_device_type(CL_DEVICE_TYPE_GPU) != 0 {
            self = .gpu
        } else if type & cl_device_type(CL_DEVICE_TYPE_CPU) != 0 {
            self = .cpu
        } else if type & cl_device_type(CL_DEVICE_TYPE_ACCELERATOR) != 0 {
            self = .accelerator
        } else {
            self = .other
        }
    }
}

/// Answers of clGetDeviceInfo; what a driver does not say is `fallback` or "".
private struct DeviceInfo {
    let id: cl_device_id

    func number<T: BitwiseCopyable>(_ key: Int32, _ fallback: T) -> T {
        var value = fallback
        let status = clGetDeviceInfo(id, cl_device_info(key), MemoryLayout<T>.size, &value, nil)
        return status == CL_SUCCESS ? value : fallback
    }

    func text(_ key: Int32) -> String {
        queriedText { clGetDeviceInfo(id, cl_device_info(key), $0, $1, $2) }
    }
}

/// A text that OpenCL gives by the two-call protocol: (capacity, memory, needed).
func queriedText(_ query: (Int, UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?) -> cl_int) -> String {
    var size = 0
    guard query(0, nil, &size) == CL_SUCCESS, size > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: size)
    guard query(size, &bytes, nil) == CL_SUCCESS else { return "" }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self).trimmingCharacters(in: .whitespaces)
}
