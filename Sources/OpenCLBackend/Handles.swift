import COpenCL

// Every OpenCL handle imports as the same pointer type; each of these owns one kind of them.

final class Context {
    let handle: cl_context
    init(_ handle: cl_context) { self.handle = handle }
    deinit { clReleaseContext(handle) }
}

/// Runs what is put into it one after the other.
final class Queue {
    let handle: cl_command_queue
    init(_ handle: cl_command_queue) { self.handle = handle }
    deinit {
        clFinish(handle)
        clReleaseCommandQueue(handle)
    }
}

final class Memory {
    let handle: cl_mem
    let byteCount: Int
    private let account: MemoryAccount

    init(_ handle: cl_mem, byteCount: Int, account: MemoryAccount) {
        self.handle = handle
        self.byteCount = byteCount
        self.account = account
    }

    deinit {
        clReleaseMemObject(handle)
        account.used -= byteCount
    }
}

/// How much memory a backend has taken of its device.
final class MemoryAccount {
    var used = 0
    let limit: Int
    init(limit: Int) { self.limit = limit }
}

final class ProgramHandle {
    let handle: cl_program
    init(_ handle: cl_program) { self.handle = handle }
    deinit { clReleaseProgram(handle) }
}

final class KernelHandle {
    let handle: cl_kernel
    init(_ handle: cl_kernel) { self.handle = handle }
    deinit { clReleaseKernel(handle) }
}

final class Event {
    let handle: cl_event
    init(_ handle: cl_event) { self.handle = handle }
    deinit { clReleaseEvent(handle) }

    /// Whether its command has ended, well or not.
    var isOver: Bool {
        var status = cl_int(CL_COMPLETE)
        let answer = clGetEventInfo(
            handle, cl_event_info(CL_EVENT_COMMAND_EXECUTION_STATUS), MemoryLayout<cl_int>.size, &status, nil)
        return answer != CL_SUCCESS || status <= CL_COMPLETE
    }
}
