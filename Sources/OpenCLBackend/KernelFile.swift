import Kernels

/// A file of Kernels/, embedded in the binary.
enum KernelFile: String, Hashable, Sendable, CaseIterable {
    // Headers, in the order in which they may need each other.
    case opencl = "opencl.h"
    case scalar = "scalar.h"
    case random = "random.h"
    case compensated = "compensated.h"
    case linalg = "linalg.h"
    case softmax = "softmax.h"
    case elementMapSums = "element_map_sums.h"
    case elementMap = "element_map.h"
    case sortKeys = "sort_keys.h"
    case transpose = "transpose.h"
    case epilogue = "epilogue.h"

    // Products.
    case matmulCPU = "matmul_cpu.cl"
    case matmulGPU = "matmul_gpu.cl"
    case matmulTensor = "matmul_tensor.cl"
    case matmulSmall = "matmul_small.cl"
    case joinBlocks = "join_blocks.cl"
    case convolutionCPU = "convolution_cpu.cl"
    case convolutionGPU = "convolution_gpu.cl"
    case convolutionPack = "convolution_pack.cl"
    case convolutionPad = "convolution_pad.cl"

    // Rows and linear algebra.
    case gather = "gather.cl"
    case scatterAdd = "scatter_add.cl"
    case argsortRow = "argsort_row.cl"
    case argsortBlock = "argsort_block.cl"
    case argsortMerge = "argsort_merge.cl"
    case argmax = "argmax.cl"
    case cumulativeSum = "cumulative_sum.cl"
    case linearAlgebra = "linalg.cl"
    case softmaxRows = "softmax.cl"
    case elementMapRows = "element_map.cl"

    // What a device can do at most.
    case multiplyAdds = "multiply_adds.cl"
    case copy = "copy.cl"

    // Not kernels: the parameters of ours, and CLBlast's.
    case tiles = "tiles.json"
    case clblast = "clblast.json"

    /// Empty only when Kernels/kernels.c forgets the file, which a test would notice.
    var text: String { pf_kernel_text(rawValue).map { String(cString: $0) } ?? "" }
}
