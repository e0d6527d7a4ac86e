import Graph

/// A region that only finishes what a product or convolution leaves: rectifies it, adds a bias, or both; or masks it.
struct FoldedEpilogue {
    let kernel: NodeID
    /// The finished value.
    let result: NodeID
    /// One number per column or channel, behind views that spread it.
    var bias: NodeID?
    var isRectified = false
    /// Results become 0 where this is not positive.
    var mask: NodeID?

    var kind: EpilogueKinds { mask == nil ? .biasAndRectification : .mask }
    /// What the kernel reads for it.
    var operands: [NodeID] { [bias, mask].compactMap { $0 } }

    /// Nil where the region does anything else, or the kernel's own result is needed, too.
    init?(_ region: Int, of fusion: Fusion) {
        let graph = fusion.graph
        guard case .value(let root) = fusion.regions[region].root, fusion.regions[region].members.isEmpty,
            !fusion.regions[region].hasRandom
        else { return nil }
        result = root
        var sum = root
        if let argument = graph.rectified(root) {
            isRectified = true
            sum = argument
        } else if let (argument, positive) = graph.masked(root) {
            // Of another shape the results lie as they did.
            let (base, path) = fusion.resolved(argument)
            guard graph[base].op.takesEpilogue, fusion.isReadOnly(by: region, base, through: path),
                fusion.isWhole(base, path), fusion.hasMemory(positive), graph[positive].type == graph[root].type
            else { return nil }
            (kernel, mask) = (base, positive)
            return
        }
        if graph[sum].op.takesEpilogue {
            guard isRectified else { return nil }
            kernel = sum
        } else if let (product, addend) = graph.biasedProduct(sum) {
            (kernel, bias) = (product, addend)
        } else {
            return nil
        }
        guard fusion.isReadOnly(by: region, kernel), !fusion.realized.contains(sum) || sum == root || sum == kernel
        else {
            return nil
        }
        if let bias, fusion.biasMap(bias, of: kernel) == nil { return nil }
    }
}

extension Fusion {
    /// Whether views show all elements in the order in which they lie.
    fileprivate func isWhole(_ base: NodeID, _ path: [View]) -> Bool {
        guard let map = IndexMap(graph[base].type.shape).applying(path) else { return false }
        return map.isContiguous && map.shape.reduce(1, *) == graph[base].type.shape.reduce(1, *)
    }

    /// Where a bias lies, if it is one number per column of a product or channel of a convolution, one after another.
    func biasMap(_ bias: NodeID, of kernel: NodeID) -> (base: NodeID, offset: Int)? {
        let (base, path) = resolved(bias)
        guard hasMemory(base), let map = IndexMap(graph[base].type.shape).applying(path),
            map.shape == graph[kernel].type.shape, !map.isMasked
        else { return nil }
        let axis = graph[kernel].op == .matmul ? map.shape.count - 1 : 1
        let follows = map.shape.indices.allSatisfy {
            map.shape[$0] == 1 || map.strides[$0] == ($0 == axis ? 1 : 0)
        }
        return follows ? (base, map.offset) : nil
    }
}

extension Graph {
    /// x where a node is select(0 < x, x, 0).
    func rectified(_ id: NodeID) -> NodeID? {
        guard let (x, y) = masked(id) else { return nil }
        return x == y ? x : nil
    }

    /// x and y where a node is select(0 < y, x, 0).
    func masked(_ id: NodeID) -> (NodeID, NodeID)? {
        guard case .elementwise(.scalar(.select)) = self[id].op, isZero(self[id].inputs[2]),
            let y = positivity(self[id].inputs[0])
        else { return nil }
        return (self[id].inputs[1], y)
    }

    /// x where a node is 0 < x.
    func positivity(_ id: NodeID) -> NodeID? {
        guard case .elementwise(.scalar(.less)) = self[id].op, isZero(self[id].inputs[0]) else { return nil }
        return self[id].inputs[1]
    }

    /// The product or convolution and the addend where a node is their sum.
    func biasedProduct(_ id: NodeID) -> (kernel: NodeID, bias: NodeID)? {
        guard case .elementwise(.scalar(.add)) = self[id].op else { return nil }
        let inputs = self[id].inputs
        for (kernel, bias) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])]
        where self[kernel].op.takesEpilogue && kernel != bias {
            return (kernel, bias)
        }
        return nil
    }

    private func isZero(_ id: NodeID) -> Bool {
        guard case .source(.constant(let literal)) = self[id].op else { return false }
        return literal.scalar.isFloating && literal.bits == 0
    }
}

extension Op {
    /// Products, and convolutions whose result has channels.
    var takesEpilogue: Bool {
        switch self {
        case .matmul: true
        case .convolution(let convolution): convolution.direction != .backwardWeights
        default: false
        }
    }
}
