import COpenCL
import Compiler
import Execution

extension OpenCLBackend {
    /// Seconds that the host needs to enqueue a kernel that does nothing: what no replay can do without. Median of many.
    public func emptyEnqueueSeconds() throws(DeviceError) -> Double {
        let text = KernelText(headers: [], [:], body: "__kernel void KERNEL(void) {}\n")
        try build([text], CompileOptions())
        let kernel = try makeKernel(text)
        var size = 1
        var times: [Double] = []
        for _ in 0..<21 {
            try synchronize()
            let start = ContinuousClock.now
            for _ in 0..<100 {
                try status.check(
                    clEnqueueNDRangeKernel(queue.handle, kernel.handle, 1, nil, &size, &size, 0, nil, nil),
                    "an empty kernel could not be started")
            }
            try status.check(clFlush(queue.handle), "the device does not take work")
            let time = (ContinuousClock.now - start).components
            times.append((Double(time.seconds) + Double(time.attoseconds) * 1e-18) / 100)
        }
        return times.sorted()[times.count / 2]
    }
}
