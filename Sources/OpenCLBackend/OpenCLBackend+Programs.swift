import COpenCL
import Compiler
import Execution
import Foundation

extension OpenCLBackend {
    /// The options that the arithmetic contract needs; nothing relaxed. The division option is an error on devices that do
    /// not report the ability.
    var buildOptions: String {
        device.capabilities.contains(.correctDivision)
            ? "-w -cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt" : "-w -cl-std=CL1.2"
    }

    /// Builds one program of those kernels that no program has yet.
    func build(_ kernels: [KernelText], _ options: CompileOptions) throws(DeviceError) {
        var new: [KernelText] = []
        var seen: Set<KernelText> = []
        for kernel in kernels where built[kernel] == nil && seen.insert(kernel).inserted { new.append(kernel) }
        guard !new.isEmpty else { return }
        let program = try program(of: ProgramText(kernels: new).source, options)
        for (index, kernel) in new.enumerated() { built[kernel] = (program, index) }
    }

    /// Takes a program from the cache, or compiles it.
    private func program(of source: String, _ options: CompileOptions) throws(DeviceError) -> ProgramHandle {
        if let folder = options.dumpFolder {
            let path = "\(folder)/\(options.name).6-program.cl"
            do { try source.write(toFile: path, atomically: true, encoding: .utf8) } catch {
                throw DeviceError(
                    name, "\(path) cannot be written (\(error.localizedDescription)); choose another folder")
            }
        }
        if let binary = cache.binary(of: source, options: buildOptions), let program = loaded(binary) { return program }
        let program = try compiled(source)
        if cache.folder != nil, let binary = binary(of: program),
            let trouble = cache.store(binary, of: source, options: buildOptions)
        {
            tell(trouble)
        }
        return program
    }

    private func compiled(_ source: String) throws(DeviceError) -> ProgramHandle {
        var answer = cl_int(CL_SUCCESS)
        let made = source.withCString { text -> cl_program? in
            var pointer: UnsafePointer<CChar>? = text
            return clCreateProgramWithSource(context.handle, 1, &pointer, nil, &answer)
        }
        let program = ProgramHandle(try status.made(made, answer, "a program could not be made"))
        guard build(program) == CL_SUCCESS else {
            throw DeviceError(
                name,
                "its compiler refuses a program: \(firstComplaint(program)); `--device cpu` does without, and "
                    + "--dump-passes DIR writes the program")
        }
        return program
    }

    private func build(_ program: ProgramHandle) -> cl_int {
        var id: cl_device_id? = device.id
        return clBuildProgram(program.handle, 1, &id, buildOptions, nil, nil)
    }

    /// The first line of the compiler's log that speaks of an error.
    private func firstComplaint(_ program: ProgramHandle) -> String {
        let log = queriedText {
            clGetProgramBuildInfo(program.handle, device.id, cl_program_build_info(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
        }
        let lines = log.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        return lines.first { $0.contains("error") } ?? lines.first { !$0.isEmpty } ?? "no reason is given"
    }

    /// The program of a cached binary; nil when the driver does not take it.
    private func loaded(_ binary: [UInt8]) -> ProgramHandle? {
        var id: cl_device_id? = device.id
        var answer = cl_int(CL_SUCCESS)
        var size = binary.count
        let made = binary.withUnsafeBufferPointer { bytes -> cl_program? in
            var pointer = bytes.baseAddress
            return clCreateProgramWithBinary(context.handle, 1, &id, &size, &pointer, nil, &answer)
        }
        guard answer == CL_SUCCESS, let made else { return nil }
        let program = ProgramHandle(made)
        return build(program) == CL_SUCCESS ? program : nil
    }

    private func binary(of program: ProgramHandle) -> [UInt8]? {
        var size = 0
        let width = MemoryLayout<Int>.size
        let sizes = cl_program_info(CL_PROGRAM_BINARY_SIZES)
        guard clGetProgramInfo(program.handle, sizes, width, &size, nil) == CL_SUCCESS, size > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        let answer = bytes.withUnsafeMutableBufferPointer { buffer -> cl_int in
            var pointer = buffer.baseAddress
            return clGetProgramInfo(program.handle, cl_program_info(CL_PROGRAM_BINARIES), width, &pointer, nil)
        }
        return answer == CL_SUCCESS ? bytes : nil
    }

    /// A kernel object of its own, whose arguments nobody else sets.
    func makeKernel(_ text: KernelText) throws(DeviceError) -> KernelHandle {
        guard let (program, index) = built[text] else { throw DeviceError(name, "a kernel was not built") }
        var answer = cl_int(CL_SUCCESS)
        let made = clCreateKernel(program.handle, ProgramText.name(of: index), &answer)
        return KernelHandle(try status.made(made, answer, "a kernel could not be made"))
    }
}
