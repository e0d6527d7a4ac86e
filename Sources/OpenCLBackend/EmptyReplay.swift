import COpenCL
import Compiler
import Execution
import Glibc

/// As many kernels that do nothing as a step has commands, each a kernel of its own: what no replay can do without. To
/// be run in turn with the steps, because what a step leaves in the caches is much of the price.
public final class EmptyReplay {
    private let backend: OpenCLBackend
    private var kernels: [KernelHandle] = []

    public init(_ backend: OpenCLBackend, count: Int) throws(DeviceError) {
        self.backend = backend
        let text = KernelText(headers: [], [:], body: "__kernel void KERNEL(void) {}\n")
        try backend.build([text], CompileOptions())
        for _ in 0..<count { kernels.append(try backend.makeKernel(text)) }
    }

    /// Seconds of processor time that submitting them took; returns when they are done.
    public func run() throws(DeviceError) -> Double {
        let start = threadSeconds()
        var size = 1
        for kernel in kernels {
            try backend.status.check(
                clEnqueueNDRangeKernel(backend.queue.handle, kernel.handle, 1, nil, &size, &size, 0, nil, nil),
                "an empty kernel could not be started")
        }
        try backend.status.check(clFlush(backend.queue.handle), "the device does not take work")
        let seconds = threadSeconds() - start
        try backend.synchronize()
        return seconds
    }
}

/// Seconds of processor time that this thread has used. (Of the wall clock, much would be the device's where it is this
/// same processor.)
public func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
