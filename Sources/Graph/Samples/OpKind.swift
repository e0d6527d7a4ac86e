/// What of an op a device may get wrong on its own: the unit of coverage that the samples must reach.
public enum OpKind: Hashable, Sendable {
    case scalar(ScalarOp, ScalarType)
    case cast(ScalarType, ScalarType)
    case uniform(ScalarType)
    case normal(ScalarType)
    case reduce(Reduce.Kind, ScalarType)
    case plain(Plain)

    public enum Plain: String, Hashable, Sendable, CaseIterable {
        case constant, data, iota, input, state, randomBits
        case reshape, transpose, broadcast, slice, pad, windows, concatenate
        case gather, scatterAdd, argsort, argsortDescending, argmax, argmin
        case cumulativeSum, cumulativeSumReverse, cumulativeSumExclusive
        case matmul, convolution, convolutionBackwardData, convolutionBackwardWeights
        case cholesky, triangularSolve, lu, qr, eigh
        case loop, loopWithHistory, part, stopGradient, surrogate
        case softmax, logSoftmax, softmaxGradient, logSoftmaxGradient
        case affineForward, affineInverse, affineForwardGradient, affineInverseGradient
        case splineForward, splineInverse, splineForwardGradient, splineInverseGradient
    }

    /// Everything that there is.
    public static var all: Set<OpKind> {
        var kinds = Set(Plain.allCases.map(OpKind.plain))
        for scalar in ScalarType.allCases {
            for op in ScalarOp.allCases where op.accepts(scalar) { kinds.insert(.scalar(op, scalar)) }
            for target in ScalarType.allCases where target != scalar { kinds.insert(.cast(scalar, target)) }
            for kind in Reduce.Kind.allCases where kind.accepts(scalar) { kinds.insert(.reduce(kind, scalar)) }
            if scalar.isFloating { kinds.formUnion([.uniform(scalar), .normal(scalar)]) }
        }
        return kinds
    }

    /// The kinds of a list of nodes, loop bodies included.
    public static func all(in nodes: [Node]) -> Set<OpKind> {
        var kinds: Set<OpKind> = []
        for node in nodes {
            let operand = node.inputs.last.map { nodes[Int($0.index)].type.scalar } ?? node.type.scalar
            kinds.insert(OpKind(node.op, operand))
            if case .loop(let loop) = node.op { kinds.formUnion(all(in: loop.body.nodes)) }
        }
        return kinds
    }

    private init(_ op: Op, _ operand: ScalarType) {
        switch op {
        case .source(.constant): self = .plain(.constant)
        case .source(.data): self = .plain(.data)
        case .source(.iota): self = .plain(.iota)
        case .source(.input): self = .plain(.input)
        case .source(.state): self = .plain(.state)
        case .source(.randomBits): self = .plain(.randomBits)
        case .elementwise(.scalar(let op)): self = .scalar(op, operand)
        case .elementwise(.cast(let target)): self = .cast(operand, target)
        case .elementwise(.uniform(let scalar)): self = .uniform(scalar)
        case .elementwise(.normal(let scalar)): self = .normal(scalar)
        case .reduce(let reduce): self = .reduce(reduce.kind, operand)
        case .view(.reshape): self = .plain(.reshape)
        case .view(.transpose): self = .plain(.transpose)
        case .view(.broadcast): self = .plain(.broadcast)
        case .view(.slice): self = .plain(.slice)
        case .view(.pad): self = .plain(.pad)
        case .view(.windows): self = .plain(.windows)
        case .concatenate: self = .plain(.concatenate)
        case .rows(.gather): self = .plain(.gather)
        case .rows(.scatterAdd): self = .plain(.scatterAdd)
        case .rows(.argsort(let descending)): self = .plain(descending ? .argsortDescending : .argsort)
        case .rows(.argmax(let smallest)): self = .plain(smallest ? .argmin : .argmax)
        case .rows(.cumulativeSum(let reverse, let exclusive)):
            self = .plain(exclusive ? .cumulativeSumExclusive : reverse ? .cumulativeSumReverse : .cumulativeSum)
        case .matmul: self = .plain(.matmul)
        case .convolution(let convolution):
            switch convolution.direction {
            case .forward: self = .plain(.convolution)
            case .backwardData: self = .plain(.convolutionBackwardData)
            case .backwardWeights: self = .plain(.convolutionBackwardWeights)
            }
        case .linearAlgebra(.cholesky): self = .plain(.cholesky)
        case .linearAlgebra(.triangularSolve): self = .plain(.triangularSolve)
        case .linearAlgebra(.lu): self = .plain(.lu)
        case .linearAlgebra(.qr): self = .plain(.qr)
        case .linearAlgebra(.eigh): self = .plain(.eigh)
        case .loop(let loop): self = .plain(loop.keepsHistory ? .loopWithHistory : .loop)
        case .composite(let composite):
            switch composite {
            case .softmax: self = .plain(.softmax)
            case .logSoftmax: self = .plain(.logSoftmax)
            case .softmaxGradient: self = .plain(.softmaxGradient)
            case .logSoftmaxGradient: self = .plain(.logSoftmaxGradient)
            case .map(.affine, let inverse): self = .plain(inverse ? .affineInverse : .affineForward)
            case .mapGradient(.affine, let inverse):
                self = .plain(inverse ? .affineInverseGradient : .affineForwardGradient)
            case .map(.spline, let inverse): self = .plain(inverse ? .splineInverse : .splineForward)
            case .mapGradient(.spline, let inverse):
                self = .plain(inverse ? .splineInverseGradient : .splineForwardGradient)
            }
        case .identity(.stopGradient): self = .plain(.stopGradient)
        case .identity(.surrogate): self = .plain(.surrogate)
        case .part: self = .plain(.part)
        }
    }
}
