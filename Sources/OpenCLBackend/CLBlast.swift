import COpenCL
import Compiler
import Execution
import Foundation
import Kernels
import Synchronization

/// CLBlast, which multiplies matrices under `--math fast`: found at run time, never linked. Its bits depend on the device
/// and on its tuning.
final class CLBlast: Sendable {
    private typealias Gemm =
        @convention(c) (
            _ layout: cl_int, _ aTranspose: cl_int, _ bTranspose: cl_int, _ m: Int, _ n: Int, _ k: Int, _ alpha: Float,
            _ a: cl_mem?, _ aOffset: Int, _ aLeading: Int, _ b: cl_mem?, _ bOffset: Int, _ bLeading: Int, _ beta: Float,
            _ c: cl_mem?, _ cOffset: Int, _ cLeading: Int, _ queue: UnsafeMutablePointer<cl_command_queue?>?,
            _ event: UnsafeMutablePointer<cl_event?>?, _ temporary: cl_mem?
        ) -> cl_int
    private typealias TemporarySize =
        @convention(c) (
            _ layout: cl_int, _ aTranspose: cl_int, _ bTranspose: cl_int, _ m: Int, _ n: Int, _ k: Int,
            _ aOffset: Int, _ aLeading: Int, _ bOffset: Int, _ bLeading: Int, _ cOffset: Int, _ cLeading: Int,
            _ queue: UnsafeMutablePointer<cl_command_queue?>?, _ size: UnsafeMutablePointer<Int>?
        ) -> cl_int
    private typealias Override =
        @convention(c) (
            _ device: cl_device_id?, _ kernel: UnsafePointer<CChar>?, _ precision: cl_int, _ count: Int,
            _ names: UnsafeMutablePointer<UnsafePointer<CChar>?>?, _ values: UnsafePointer<Int>?
        ) -> cl_int

    private let gemm: Gemm
    private let temporarySize: TemporarySize
    private let override: Override
    /// Its caches are not safe for several threads (mended after version 1.5.3).
    private static let lock = Mutex(())

    /// Nil where the library is not installed.
    static let shared: CLBlast? = {
        guard let library = dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL),
            let gemm = dlsym(library, "CLBlastSgemmWithTempBuffer"),
            let size = dlsym(library, "CLBlastSGemmTempBufferSize"),
            let override = dlsym(library, "CLBlastOverrideParameters")
        else { return nil }
        return CLBlast(
            unsafeBitCast(gemm, to: Gemm.self), unsafeBitCast(size, to: TemporarySize.self),
            unsafeBitCast(override, to: Override.self))
    }()

    private init(_ gemm: Gemm, _ temporarySize: TemporarySize, _ override: Override) {
        self.gemm = gemm
        self.temporarySize = temporarySize
        self.override = override
    }

    /// One product, as CLBlast counts: elements from the start of the memory, leading dimensions.
    struct Product {
        var m: Int, n: Int, k: Int
        var a: Factor, b: Factor, c: Factor
        var temporary: cl_mem?

        struct Factor {
            var memory: cl_mem
            var offset: Int
            var leading: Int
            var isTransposed = false

            fileprivate var code: cl_int { isTransposed ? 112 : 111 }
        }
    }

    /// As CLBlast's C interface counts.
    private enum Constant {
        static let rowMajor: cl_int = 101
        static let single: cl_int = 32
    }

    /// Bytes of the temporary memory that a product needs.
    func temporaryByteCount(_ p: Product, _ queue: Queue) -> Int? {
        var handle: cl_command_queue? = queue.handle
        var size = 0
        let answer = CLBlast.lock.withLock { _ in
            temporarySize(
                Constant.rowMajor, p.a.code, p.b.code, p.m, p.n, p.k, p.a.offset, p.a.leading, p.b.offset, p.b.leading,
                p.c.offset, p.c.leading, &handle, &size)
        }
        return answer == 0 ? size : nil
    }

    /// Enqueues a product and returns CLBlast's status, 0 when all is well.
    func enqueue(_ p: Product, _ queue: Queue) -> cl_int {
        var handle: cl_command_queue? = queue.handle
        return CLBlast.lock.withLock { _ in
            gemm(
                Constant.rowMajor, p.a.code, p.b.code, p.m, p.n, p.k, 1, p.a.memory, p.a.offset, p.a.leading,
                p.b.memory, p.b.offset, p.b.leading, 0, p.c.memory, p.c.offset, p.c.leading, &handle, nil, p.temporary)
        }
    }

    /// Gives CLBlast better parameters for a device: those that were tuned, or from clblast.json for one that it does not
    /// know. What does not fit, it keeps its own for.
    func tune(_ device: OpenCLDevice, _ tuned: [String: [String: Int]]?) {
        for (kernel, parameters) in tuned ?? CLBlast.seed(for: device) ?? [:] {
            _ = set(parameters, of: kernel, on: device)
        }
    }

    /// CLBlast's kernels and their parameters as clblast.json has them; nil for other devices.
    static func seed(for device: OpenCLDevice) -> [String: [String: Int]]? {
        let entries = try? JSONDecoder().decode([Seed].self, from: Data(KernelFile.clblast.text.utf8))
        return entries?.first { $0.devices.contains(where: device.deviceName.contains) }?.kernels
    }

    /// Makes a kernel anew with these parameters when it is used next; returns whether CLBlast takes them.
    func set(_ parameters: [String: Int], of kernel: String, on device: OpenCLDevice) -> Bool {
        let sorted = parameters.sorted { $0.key < $1.key }
        let names = sorted.map { strdup($0.key) }
        defer { for name in names { free(name) } }
        var pointers = names.map { UnsafePointer<CChar>($0) }
        let values = sorted.map(\.value)
        return CLBlast.lock.withLock { _ in
            override(device.id, kernel, Constant.single, names.count, &pointers, values)
        } == 0
    }

    /// An entry of clblast.json.
    private struct Seed: Decodable {
        /// Parts of the names of devices that it is for.
        var devices: [String]
        /// CLBlast's kernels and their parameters.
        var kernels: [String: [String: Int]]
    }
}

/// The products of one step, a matrix of the batch each.
struct CLBlastStep {
    private let library: CLBlast
    private let products: [CLBlast.Product]
    /// What the products' handles belong to.
    private let memory: [Memory]

    /// Nil where CLBlast cannot take the strides: it wants rows or columns contiguous and not overlapping.
    init?(_ kernel: MatmulKernel, _ library: CLBlast, a: Place, b: Place, c: Place, _ backend: OpenCLBackend)
        throws(DeviceError)
    {
        guard kernel.m > 0, kernel.n > 0, kernel.k > 0,
            let first = Layout(kernel.a, rows: kernel.m, columns: kernel.k),
            let second = Layout(kernel.b, rows: kernel.k, columns: kernel.n)
        else { return nil }
        self.library = library
        let size = MemoryLayout<Float>.size
        func factor(_ place: Place, _ offset: Int, _ layout: Layout) -> CLBlast.Product.Factor {
            CLBlast.Product.Factor(
                memory: place.memory.handle, offset: place.offset / size + offset, leading: layout.leading,
                isTransposed: layout.isTransposed)
        }
        var products = kernel.a.offsets.indices.map { index in
            CLBlast.Product(
                m: kernel.m, n: kernel.n, k: kernel.k, a: factor(a, kernel.a.offsets[index], first),
                b: factor(b, kernel.b.offsets[index], second),
                c: factor(c, index * kernel.m * kernel.n, Layout(leading: kernel.n)))
        }
        var byteCount = 0
        for product in products {
            guard let needed = library.temporaryByteCount(product, backend.queue) else { return nil }
            byteCount = max(byteCount, needed)
        }
        let temporary = try backend.clblastTemporary(byteCount)
        for index in products.indices { products[index].temporary = temporary.handle }
        memory = [a.memory, b.memory, c.memory, temporary]
        self.products = products
    }

    func enqueue(_ backend: OpenCLBackend, _ label: String) throws(DeviceError) {
        for product in products {
            let answer = library.enqueue(product, backend.queue)
            guard answer == 0 else {
                throw DeviceError(
                    backend.name, "CLBlast cannot do \(label) (its status \(answer)); use --math exact")
            }
        }
    }

    private struct Layout {
        var leading: Int
        var isTransposed = false

        init(leading: Int) { self.leading = leading }

        init?(_ matrix: MatmulKernel.Matrix, rows: Int, columns: Int) {
            // The stride along an axis of one element is never used.
            if matrix.columnStride == 1 || columns == 1, matrix.rowStride >= columns || rows == 1 {
                leading = max(matrix.rowStride, columns)
            } else if matrix.rowStride == 1 || rows == 1, matrix.columnStride >= rows || columns == 1 {
                leading = max(matrix.columnStride, rows)
                isTransposed = true
            } else {
                return nil
            }
        }
    }
}
