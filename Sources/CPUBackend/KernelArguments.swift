import CPUKernels
import Compiler
import Graph

/// Finds the memory of an operand; nil while only sizes matter.
typealias Resolve = (BufferID) -> UnsafeMutableRawPointer?

extension ScalarType {
    var cType: pf_type {
        switch self {
        case .float32: PF_F32
        case .float64: PF_F64
        case .int32: PF_I32
        case .uint32: PF_U32
        case .uint8: PF_U8
        case .bool: PF_BOOL
        }
    }
}

extension Operand {
    func pointer(_ scalar: ScalarType, _ resolve: Resolve) -> UnsafeMutableRawPointer? {
        resolve(buffer).map { $0 + offset * scalar.byteCount }
    }
}

extension MatmulKernel {
    /// Batch offsets are set by the caller, who owns their memory.
    func arguments(_ resolve: Resolve) -> pf_matmul {
        var result = pf_matmul()
        result.type = scalar.cType
        result.batch = Int64(a.offsets.count)
        (result.m, result.n, result.k) = (Int64(m), Int64(n), Int64(k))
        (result.a_row, result.a_col) = (Int64(a.rowStride), Int64(a.columnStride))
        (result.b_row, result.b_col) = (Int64(b.rowStride), Int64(b.columnStride))
        result.a = UnsafeRawPointer(resolve(a.buffer))
        result.b = UnsafeRawPointer(resolve(b.buffer))
        result.c = resolve(c)
        result.bias = UnsafeRawPointer(epilogue.bias?.pointer(scalar, resolve))
        result.rectify = epilogue.isRectified
        result.mask = UnsafeRawPointer(epilogue.mask?.pointer(scalar, resolve))
        return result
    }
}

extension ConvolutionKernel {
    func arguments(_ resolve: Resolve) -> pf_convolution {
        var result = pf_convolution()
        result.type = scalar.cType
        result.direction =
            switch direction {
            case .forward: PF_CONV_FORWARD
            case .backwardData: PF_CONV_BACKWARD_DATA
            case .backwardWeights: PF_CONV_BACKWARD_WEIGHTS
            }
        (result.batch, result.in_channels) = (Int64(inputShape[0]), Int64(inputShape[1]))
        (result.in_h, result.in_w) = (Int64(inputShape[2]), Int64(inputShape[3]))
        (result.out_channels, result.groups) = (Int64(weightShape[0]), Int64(geometry.groups))
        (result.out_h, result.out_w) = (Int64(outputShape[2]), Int64(outputShape[3]))
        (result.kernel_h, result.kernel_w) = (Int64(weightShape[2]), Int64(weightShape[3]))
        (result.stride_h, result.stride_w) = (Int64(geometry.stride[0]), Int64(geometry.stride[1]))
        (result.dilation_h, result.dilation_w) = (Int64(geometry.dilation[0]), Int64(geometry.dilation[1]))
        (result.pad_top, result.pad_left) = (Int64(geometry.padLow[0]), Int64(geometry.padLow[1]))
        result.input = input.pointer(scalar, resolve)
        result.weights = weights.pointer(scalar, resolve)
        result.output = output.pointer(scalar, resolve)
        result.bias = UnsafeRawPointer(epilogue.bias?.pointer(scalar, resolve))
        result.rectify = epilogue.isRectified
        result.mask = UnsafeRawPointer(epilogue.mask?.pointer(scalar, resolve))
        return result
    }
}

extension LinearAlgebra {
    /// Sizes and switches; operands are set by the caller.
    func arguments(_ scalar: ScalarType, batch: Int, m: Int, n: Int) -> pf_linalg {
        var result = pf_linalg()
        result.type = scalar.cType
        (result.batch, result.m, result.n) = (Int64(batch), Int64(m), Int64(n))
        switch self {
        case .cholesky: result.kind = PF_CHOLESKY
        case .triangularSolve(let upper, let transpose, let unitDiagonal):
            result.kind = PF_TRIANGULAR_SOLVE
            (result.upper, result.transpose, result.unit_diagonal) = (upper, transpose, unitDiagonal)
        case .lu: result.kind = PF_LU
        case .qr: result.kind = PF_QR
        case .eigh: result.kind = PF_EIGH
        }
        return result
    }
}

/// Of each family of kernels for composites.
enum CompositeArguments {
    case softmax(pf_softmax)
    case elementMap(pf_element_map)
}

extension CompositeKernel {
    func arguments(_ resolve: Resolve) -> CompositeArguments {
        switch composite {
        case .softmax: .softmax(softmax(PF_SOFTMAX, resolve))
        case .logSoftmax: .softmax(softmax(PF_LOG_SOFTMAX, resolve))
        case .softmaxGradient: .softmax(softmax(PF_SOFTMAX_GRADIENT, resolve))
        case .logSoftmaxGradient: .softmax(softmax(PF_LOG_SOFTMAX_GRADIENT, resolve))
        case .map(let map, let inverse): .elementMap(mapping(map, inverse: inverse, gradient: false, resolve))
        case .mapGradient(let map, let inverse): .elementMap(mapping(map, inverse: inverse, gradient: true, resolve))
        }
    }

    private func pointers(_ resolve: Resolve) -> [UnsafePointer<Float>?] {
        operands.map { UnsafePointer($0.pointer(.float32, resolve)?.assumingMemoryBound(to: Float.self)) }
    }

    private func softmax(_ kind: pf_softmax_kind, _ resolve: Resolve) -> pf_softmax {
        var result = pf_softmax()
        result.kind = kind
        (result.rows, result.length) = (Int64(rows), Int64(length))
        let pointers = pointers(resolve)
        (result.x, result.g) = (pointers[0], pointers.count > 1 ? pointers[1] : nil)
        result.out = resolve(results[0])?.assumingMemoryBound(to: Float.self)
        return result
    }

    private func mapping(_ map: ElementMap, inverse: Bool, gradient: Bool, _ resolve: Resolve) -> pf_element_map {
        var result = map.arguments
        (result.inverse, result.gradient) = (inverse, gradient)
        (result.rows, result.length) = (Int64(rows), Int64(length))
        let pointers = pointers(resolve)
        (result.x, result.parameters) = (pointers[0], pointers[1])
        if gradient { (result.value, result.log_det) = (pointers[2], pointers[3]) }
        result.y = resolve(results[0])?.assumingMemoryBound(to: Float.self)
        result.own = resolve(results[1])?.assumingMemoryBound(to: Float.self)
        return result
    }
}

extension ElementMap {
    fileprivate var arguments: pf_element_map {
        var result = pf_element_map()
        switch self {
        case .affine(let map):
            result.kind = map.limit == .tanh ? PF_MAP_AFFINE : PF_MAP_SOFT_AFFINE
            (result.bound, result.damping) = (Float(map.bound), Float(1 / map.bound))
        case .spline(let map):
            result.kind = PF_MAP_SPLINE
            result.bins = Int32(map.bins)
            (result.bound, result.span, result.damping) = (Float(map.bound), Float(map.span), Float(map.damping))
            withUnsafeMutableBytes(of: &result.least) { memory in
                let places = memory.bindMemory(to: Float.self)
                for (index, least) in map.leastPlaces.prefix(places.count).enumerated() { places[index] = Float(least) }
            }
        }
        return result
    }
}

extension Elementwise {
    var cOp: pf_op {
        switch self {
        case .cast: PF_OP_CAST
        case .uniform: PF_OP_UNIFORM
        case .normal: PF_OP_NORMAL
        case .scalar(let op):
            switch op {
            case .negate: PF_OP_NEG
            case .absolute: PF_OP_ABS
            case .sign: PF_OP_SIGN
            case .exp: PF_OP_EXP
            case .log: PF_OP_LOG
            case .log1p: PF_OP_LOG1P
            case .expm1: PF_OP_EXPM1
            case .sin: PF_OP_SIN
            case .cos: PF_OP_COS
            case .tanh: PF_OP_TANH
            case .sigmoid: PF_OP_SIGMOID
            case .softplus: PF_OP_SOFTPLUS
            case .erf: PF_OP_ERF
            case .sqrt: PF_OP_SQRT
            case .rsqrt: PF_OP_RSQRT
            case .floor: PF_OP_FLOOR
            case .ceil: PF_OP_CEIL
            case .round: PF_OP_ROUND
            case .isFinite: PF_OP_IS_FINITE
            case .not: PF_OP_NOT
            case .add: PF_OP_ADD
            case .subtract: PF_OP_SUB
            case .multiply: PF_OP_MUL
            case .divide: PF_OP_DIV
            case .remainder: PF_OP_REM
            case .power: PF_OP_POW
            case .minimum: PF_OP_MIN
            case .maximum: PF_OP_MAX
            case .less: PF_OP_LESS
            case .lessEqual: PF_OP_LESS_EQUAL
            case .equal: PF_OP_EQUAL
            case .notEqual: PF_OP_NOT_EQUAL
            case .and: PF_OP_AND
            case .or: PF_OP_OR
            case .xor: PF_OP_XOR
            case .shiftLeft: PF_OP_SHIFT_LEFT
            case .shiftRight: PF_OP_SHIFT_RIGHT
            case .select: PF_OP_SELECT
            case .fusedMultiplyAdd: PF_OP_FMA
            case .permute: PF_OP_PERMUTE
            }
        }
    }
}
