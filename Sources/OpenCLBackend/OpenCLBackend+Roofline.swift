import COpenCL
import Compiler
import Execution

extension OpenCLBackend {
    /// Multiply-adds and copies by all compute units: the best of some kernels, for about a second, besides the time to
    /// compile them.
    public func roofline() throws(DeviceError) -> Roofline {
        Roofline(peak: try measuredPeak(), bandwidth: try measuredBandwidth())
    }

    private var isCutForCPU: Bool { target.policy == .cpu }
    private var vector: (type: String, lanes: Int) { isCutForCPU ? ("float16", 16) : ("float4", 4) }
    private var groupSize: Int { isCutForCPU ? 1 : min(256, device.maxWorkGroupSize) }

    private func measuredPeak() throws(DeviceError) -> Double {
        // A GPU hides latency by many work-items, a CPU by many vectors of one.
        let items = (target.computeUnits * (isCutForCPU ? 4 : 8192)).roundedUp(to: groupSize)
        let out = try makeMemory(items * vector.lanes * 4)
        defer { withExtendedLifetime(out) {} }
        var best = 0.0
        for chains in isCutForCPU ? [5, 8, 12] : [1, 2, 4] {
            let text = KernelText(.multiplyAdds, ["VECTOR": vector.type, "CHAINS": "\(chains)"])
            let kernel = try builtKernel(text, [.memory(out), .int(1000), .float(0.5), .float(1)])
            let trial = try Roofline.quickest(within: 0) { () throws(DeviceError) in try run(kernel, items) }
            // From a thousand turns to about 2 ms: short enough to find a shared processor free now and then.
            let turns = max(1000, Int32(clamping: Int(1000 * 0.002 / trial)))
            try set(.int(turns), of: kernel, at: 2)
            let seconds = try Roofline.quickest { () throws(DeviceError) in try run(kernel, items) }
            best = max(best, 2 * Double(items * vector.lanes * chains) * Double(turns) / seconds)
        }
        return best
    }

    private func measuredBandwidth() throws(DeviceError) -> Double {
        let byteCount = copiedByteCount
        let (from, to) = (try makeMemory(byteCount), try makeMemory(byteCount))
        // Memory that nobody wrote may be no memory yet.
        for memory in [from, to] { try fill(memory, offset: 0, byteCount: byteCount, byte: 0) }
        let byCommand = try Roofline.quickest { () throws(DeviceError) in
            try copy(Place(memory: from, offset: 0), to: Place(memory: to, offset: 0), byteCount: byteCount)
            try synchronize()
        }
        let count = byteCount / (vector.lanes * 4)
        let run = isCutForCPU ? 1024 : 1
        let items = count.dividedUp(by: run).roundedUp(to: groupSize)
        var best = byCommand
        for isStreamed in [false, true] {
            let text = KernelText(
                .copy,
                [
                    "VECTOR": vector.type, "STREAMED": isStreamed ? "1" : "0", "COUNT": "\(count)", "RUN": "\(run)",
                    "INDEX": indexType(largest: items * run),
                ])
            let kernel = try builtKernel(text, [.memory(from), .memory(to)])
            best = min(best, try Roofline.quickest { () throws(DeviceError) in try self.run(kernel, items) })
        }
        return 2 * Double(byteCount) / best
    }

    /// Four times what the cache holds and at least 256 MB, as drivers need not speak of every cache; but no more than
    /// the device gives, and both arrays no more than an eighth of its memory.
    private var copiedByteCount: Int {
        let limits = [allocationLimit, device.memoryByteCount / 16, (account.limit - account.used) / 2]
        let wanted = max(4 * device.cacheByteCount, 256 << 20)
        return max(64, limits.reduce(wanted, min) / 64 * 64)
    }

    // MARK: kernels outside of schedules

    private enum Value {
        /// From its first byte on: PF_IN or PF_OUT.
        case memory(Memory)
        case int(Int32)
        case float(Float)
    }

    private func builtKernel(_ text: KernelText, _ values: [Value]) throws(DeviceError) -> KernelHandle {
        try build([text], CompileOptions())
        let kernel = try makeKernel(text)
        var index: cl_uint = 0
        for value in values {
            try set(value, of: kernel, at: index)
            if case .memory = value { index += 2 } else { index += 1 }
        }
        return kernel
    }

    private func set(_ value: Value, of kernel: KernelHandle, at index: cl_uint) throws(DeviceError) {
        func set<T: BitwiseCopyable>(_ value: T, at index: cl_uint) throws(DeviceError) {
            var value = value
            try status.check(
                clSetKernelArg(kernel.handle, index, MemoryLayout<T>.size, &value), "an argument could not be set")
        }
        switch value {
        case .memory(let memory):
            try set(memory.handle as cl_mem?, at: index)
            try set(cl_ulong(0), at: index + 1)
        case .int(let value): try set(value, at: index)
        case .float(let value): try set(value, at: index)
        }
    }

    /// Returns when the device has done it.
    private func run(_ kernel: KernelHandle, _ items: Int) throws(DeviceError) {
        var (global, local) = (items, groupSize)
        try status.check(
            clEnqueueNDRangeKernel(queue.handle, kernel.handle, 1, nil, &global, &local, 0, nil, nil),
            "a kernel could not be started")
        try synchronize()
    }
}
