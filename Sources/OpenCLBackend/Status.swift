import COpenCL
import Execution

/// What OpenCL answered, as an error that people can act on.
struct Status: Sendable {
    let device: String

    func check(_ status: cl_int, _ what: @autoclosure () -> String) throws(DeviceError) {
        guard status != CL_SUCCESS else { return }
        throw error(status, what())
    }

    /// The object that a call made, or why there is none.
    func made<Handle>(_ handle: Handle?, _ status: cl_int, _ what: @autoclosure () -> String) throws(DeviceError)
        -> Handle
    {
        guard status == CL_SUCCESS, let handle else { throw error(status, what()) }
        return handle
    }

    func error(_ status: cl_int, _ what: String) -> DeviceError {
        switch status {
        case CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_RESOURCES:
            outOfMemory(what)
        case CL_OUT_OF_HOST_MEMORY:
            DeviceError(device, "\(what): out of host memory; use a smaller batch, or close other programs")
        case CL_DEVICE_NOT_AVAILABLE:
            DeviceError(device, "\(what): the device is no longer available; start again, or use --device cpu")
        default: DeviceError(device, "\(what): \(Status.name(status)); `pushforward doctor` checks the device")
        }
    }

    func outOfMemory(_ what: String) -> DeviceError {
        DeviceError(device, "\(what): out of device memory; use a smaller batch, or --device cpu")
    }

    /// The name that the OpenCL specification gives an error.
    static func name(_ status: cl_int) -> String { names[status] ?? "OpenCL error \(status)" }

    private static let names: [cl_int: String] = [
        CL_DEVICE_NOT_FOUND: "CL_DEVICE_NOT_FOUND",
        CL_COMPILER_NOT_AVAILABLE: "CL_COMPILER_NOT_AVAILABLE",
        CL_PROFILING_INFO_NOT_AVAILABLE: "CL_PROFILING_INFO_NOT_AVAILABLE",
        CL_MEM_COPY_OVERLAP: "CL_MEM_COPY_OVERLAP",
        CL_BUILD_PROGRAM_FAILURE: "CL_BUILD_PROGRAM_FAILURE",
        CL_MISALIGNED_SUB_BUFFER_OFFSET: "CL_MISALIGNED_SUB_BUFFER_OFFSET",
        CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
        CL_INVALID_VALUE: "CL_INVALID_VALUE",
        CL_INVALID_DEVICE: "CL_INVALID_DEVICE",
        CL_INVALID_CONTEXT: "CL_INVALID_CONTEXT",
        CL_INVALID_COMMAND_QUEUE: "CL_INVALID_COMMAND_QUEUE",
        CL_INVALID_MEM_OBJECT: "CL_INVALID_MEM_OBJECT",
        CL_INVALID_BINARY: "CL_INVALID_BINARY",
        CL_INVALID_BUILD_OPTIONS: "CL_INVALID_BUILD_OPTIONS",
        CL_INVALID_PROGRAM: "CL_INVALID_PROGRAM",
        CL_INVALID_PROGRAM_EXECUTABLE: "CL_INVALID_PROGRAM_EXECUTABLE",
        CL_INVALID_KERNEL_NAME: "CL_INVALID_KERNEL_NAME",
        CL_INVALID_KERNEL_DEFINITION: "CL_INVALID_KERNEL_DEFINITION",
        CL_INVALID_KERNEL: "CL_INVALID_KERNEL",
        CL_INVALID_ARG_INDEX: "CL_INVALID_ARG_INDEX",
        CL_INVALID_ARG_VALUE: "CL_INVALID_ARG_VALUE",
        CL_INVALID_ARG_SIZE: "CL_INVALID_ARG_SIZE",
        CL_INVALID_KERNEL_ARGS: "CL_INVALID_KERNEL_ARGS",
        CL_INVALID_WORK_DIMENSION: "CL_INVALID_WORK_DIMENSION",
        CL_INVALID_WORK_GROUP_SIZE: "CL_INVALID_WORK_GROUP_SIZE",
        CL_INVALID_WORK_ITEM_SIZE: "CL_INVALID_WORK_ITEM_SIZE",
        CL_INVALID_GLOBAL_OFFSET: "CL_INVALID_GLOBAL_OFFSET",
        CL_INVALID_EVENT_WAIT_LIST: "CL_INVALID_EVENT_WAIT_LIST",
        CL_INVALID_EVENT: "CL_INVALID_EVENT",
        CL_INVALID_OPERATION: "CL_INVALID_OPERATION",
        CL_INVALID_BUFFER_SIZE: "CL_INVALID_BUFFER_SIZE",
        CL_INVALID_GLOBAL_WORK_SIZE: "CL_INVALID_GLOBAL_WORK_SIZE",
    ]
}
