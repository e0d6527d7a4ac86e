import Graph

/// Writes units down as steps on buffers.
struct Lowering {
    let units: Units
    let graph: Graph
    let options: CompileOptions
    let device: DeviceKernels
    private(set) var schedule = Schedule()
    private var results: [NodeID: [BufferID]] = [:]
    private var externalIDs: [External: BufferID] = [:]

    init(_ units: Units, options: CompileOptions, device: DeviceKernels) {
        self.units = units
        self.options = options
        self.device = device
        graph = units.graph
    }

    mutating func lower(_ unit: Units.Unit) throws(GraphError) {
        switch unit {
        case .region(let index): try lowerRegion(index)
        case .kernel(let id): try lowerKernel(id)
        }
    }

    // MARK: Buffers

    mutating func makeBuffer(_ name: String, _ byteCount: Int) -> BufferID {
        schedule.buffers.append(BufferInfo(name: name, byteCount: byteCount, place: .arena(0)))
        return BufferID(index: schedule.buffers.count - 1)
    }

    mutating func buffer(_ external: External, _ byteCount: Int) -> BufferID {
        if let known = externalIDs[external] { return known }
        let name =
            switch external {
            case .input(let index): "input \(index)"
            case .output(let index): "output \(index)"
            case .state(let index): "state \(index)"
            case .constant: "constant"
            }
        schedule.externals.append(external)
        schedule.buffers.append(
            BufferInfo(name: name, byteCount: byteCount, place: .external(schedule.externals.count - 1)))
        let id = BufferID(index: schedule.buffers.count - 1)
        externalIDs[external] = id
        return id
    }

    private mutating func buffer(_ destination: Destination, _ type: TensorType) -> BufferID {
        switch destination {
        case .output(let index): buffer(.output(index), type.byteCount)
        case .state(let index): buffer(.state(index), type.byteCount)
        }
    }

    /// The buffers that hold a node's results.
    mutating func buffers(of id: NodeID) -> [BufferID] {
        if let known = results[id] { return known }
        let node = graph[id]
        let made: [BufferID]
        if let destination = units.destinations[id] {
            made = [buffer(destination, node.type)]
        } else {
            switch node.op {
            case .source(.input(let index)): made = [buffer(.input(index), node.type.byteCount)]
            case .source(.state(let index)): made = [buffer(.state(index), node.type.byteCount)]
            case .source(.data(let data)): made = [buffer(.constant(data), node.type.byteCount)]
            case .part(let part): made = [buffers(of: node.inputs[0])[part]]
            case .source, .elementwise, .reduce, .view, .concatenate, .rows, .matmul, .convolution, .linearAlgebra,
                .loop, .composite, .identity:
                made = node.results.map { makeBuffer("\(id) \(node.op.name)", $0.byteCount) }
            }
        }
        results[id] = made
        return made
    }

    func label(_ id: NodeID) -> String {
        let node = graph[id]
        let place = node.origins.first?.scope ?? ""
        return place.isEmpty ? node.op.name : "\(node.op.name) (\(place))"
    }

    mutating func append(_ kernel: Kernel, _ label: String, reads: [BufferID], writes: [BufferID]) {
        let bytes = device.workspaceByteCount(kernel)
        let workspace = bytes > 0 ? makeBuffer("workspace of \(label)", bytes) : nil
        schedule.steps.append(Step(kernel: kernel, label: label, reads: reads, writes: writes, workspace: workspace))
    }

    // MARK: Regions

    private mutating func lowerRegion(_ index: Int) throws(GraphError) {
        var emission = LoopEmission(units.fusion, region: index)
        let region = units.fusion.regions[index]
        var loop = FusedLoop(extents: [], sources: [], instructions: [], stores: [])
        var title: NodeID
        var stored: [(id: NodeID, register: Int, path: [View])] = []
        switch region.root {
        case .value(let id):
            title = id
            loop.extents = graph[id].type.shape
            stored.append((id, try emission.emit(id, [], &self), []))
        case .copy(let id, let destination):
            title = id
            loop.extents = graph[id].type.shape
            let register = try emission.emit(id, [], &self)
            let access = Access(
                buffer: buffer(destination, graph[id].type), scalar: graph[id].type.scalar, map: IndexMap(loop.extents))
            loop.stores.append(FusedLoop.Store(register: register, access: access))
        case .concatenatePart(let id, let part):
            title = id
            guard case .concatenate(let axis) = graph[id].op else { return }
            let inputs = graph[id].inputs
            loop.extents = graph[inputs[part]].type.shape
            let register = try emission.emit(inputs[part], [], &self)
            let type = graph[id].type
            var start = type.shape.map { _ in 0 }
            start[axis] = inputs.prefix(part).reduce(0) { $0 + graph[$1].type.shape[axis] }
            let slice = View.slice(start: start, size: loop.extents, step: start.map { _ in 1 })
            guard let map = IndexMap(type.shape).applying(slice) else { return }
            loop.stores.append(
                FusedLoop.Store(
                    register: register, access: Access(buffer: buffers(of: id)[0], scalar: type.scalar, map: map)))
        case .reduce(let id):
            title = id
            guard case .reduce(let reduce) = graph[id].op else { return }
            let input = graph[id].inputs[0]
            let order = ReductionOrder(reduce, graph[input].type.shape)
            loop.extents = order.permutation.map { graph[input].type.shape[$0] }
            let register = try emission.emit(input, order.path, &self)
            loop.reduction = FusedLoop.Reduction(
                kind: reduce.kind, scalar: graph[input].type.scalar, register: register, axes: order.reduced,
                result: buffers(of: id)[0])
        }
        for (member, path) in region.members.sorted(by: { $0.key < $1.key }) {
            let register = try emission.emit(member, path, &self)
            if units.fusion.isReadElsewhere(member) { stored.append((member, register, path)) }
        }
        for (id, register, path) in stored {
            let type = graph[id].type
            guard let map = IndexMap(type.shape).applying(path) else { continue }
            loop.stores.append(
                FusedLoop.Store(
                    register: register, access: Access(buffer: buffers(of: id)[0], scalar: type.scalar, map: map)))
        }
        (loop.sources, loop.instructions) = emission.finished(&loop)
        if case .reduce(let id) = region.root {
            try lowerReduction(loop, id)
        } else {
            appendLoop(loop.normalized(), label(title))
        }
    }

    private mutating func appendLoop(_ loop: FusedLoop, _ label: String) {
        var reads: [BufferID] = []
        for source in loop.sources {
            switch source {
            case .load(let access): reads.append(access.buffer)
            case .random(_, let sample, let step, let seed, _): reads += [sample.buffer, step.buffer, seed.buffer]
            case .constant, .index: break
            }
        }
        var writes = loop.stores.map(\.access.buffer)
        if let reduction = loop.reduction { writes.append(reduction.result) }
        append(.loops([loop]), label, reads: reads, writes: writes)
    }

    /// A reduction in stages: each leaves one value per block of 1024, or a pair of a compensated sum, until one block is
    /// left.
    private mutating func lowerReduction(_ first: FusedLoop, _ id: NodeID) throws(GraphError) {
        guard let result = first.reduction?.result else { return }
        var loop = first.normalized()
        while let reduction = loop.reduction {
            let (before, after) = (
                loop.extents[..<reduction.axes.lowerBound], loop.extents[reduction.axes.upperBound...]
            )
            let length = loop.extents[reduction.axes].reduce(1, *)
            let blocks = Swift.max((length + FusedLoop.reductionBlock - 1) / FusedLoop.reductionBlock, 1)
            if blocks == 1 {
                loop.reduction?.result = result
                appendLoop(loop, label(id))
                return
            }
            let leavesPairs = reduction.kind == .compensatedSum
            let shape = before + [leavesPairs ? 2 * blocks : blocks] + after
            let partial = makeBuffer("\(id) partial", shape.reduce(1, *) * reduction.scalar.byteCount)
            loop.reduction?.result = partial
            loop.reduction?.leavesPairs = leavesPairs
            appendLoop(loop, label(id) + ", blocks")
            let access = Access(buffer: partial, scalar: reduction.scalar, map: IndexMap(Array(shape)))
            var next = FusedLoop(extents: Array(shape), sources: [.load(access)], instructions: [], stores: [])
            next.reduction = FusedLoop.Reduction(
                kind: reduction.kind, scalar: reduction.scalar, register: 0,
                axes: before.count..<(before.count + 1), result: result)
            loop = next.normalized()
        }
    }

    // MARK: Kernels

    /// A contiguous operand of a kernel.
    mutating func operand(_ id: NodeID) throws(GraphError) -> Operand {
        let (base, path) = units.fusion.resolved(id)
        guard let map = IndexMap(graph[base].type.shape).applying(path), map.isContiguous else {
            throw GraphError("compile", "an operand of \(graph[id].op.name) is not contiguous")
        }
        return Operand(buffer: buffers(of: base)[0], offset: map.offset)
    }

    private mutating func matrix(_ id: NodeID) throws(GraphError) -> MatmulKernel.Matrix {
        let (base, path) = units.fusion.resolved(id)
        guard let map = IndexMap(graph[base].type.shape).applying(path), !map.isMasked else {
            throw GraphError("compile", "an operand of matmul is not a matrix")
        }
        let rank = map.shape.count
        let batch = Array(map.shape.dropLast(2))
        var offsets: [Int] = []
        offsets.reserveCapacity(batch.product)
        var index = batch.map { _ in 0 }
        for _ in 0..<batch.product {
            offsets.append(map.offset + zip(index, map.strides).reduce(0) { $0 + $1.0 * $1.1 })
            for axis in index.indices.reversed() {
                index[axis] += 1
                if index[axis] < batch[axis] { break }
                index[axis] = 0
            }
        }
        return MatmulKernel.Matrix(
            buffer: buffers(of: base)[0], rowStride: map.strides[rank - 2], columnStride: map.strides[rank - 1],
            offsets: offsets)
    }

    /// What a kernel does to its results, and the buffer for them.
    private mutating func epilogue(of id: NodeID) throws(GraphError) -> (Epilogue, BufferID) {
        var epilogue = Epilogue()
        guard let folded = units.epilogues[id] else { return (epilogue, buffers(of: id)[0]) }
        epilogue.isRectified = folded.isRectified
        if let bias = folded.bias, let (base, offset) = units.fusion.biasMap(bias, of: id) {
            epilogue.bias = Operand(buffer: buffers(of: base)[0], offset: offset)
        }
        if let mask = folded.mask { epilogue.mask = Operand(buffer: buffers(of: mask)[0], offset: 0) }
        return (epilogue, buffers(of: folded.result)[0])
    }

    private mutating func lowerKernel(_ id: NodeID) throws(GraphError) {
        let node = graph[id]
        let type = node.type
        let inputs = node.inputs.map { graph[$0].type }
        switch node.op {
        case .matmul:
            let (a, b) = (try matrix(node.inputs[0]), try matrix(node.inputs[1]))
            let rank = type.rank
            let (epilogue, result) = try epilogue(of: id)
            let kernel = MatmulKernel(
                scalar: type.scalar, m: type.shape[rank - 2], n: type.shape[rank - 1], k: inputs[0].shape[rank - 1],
                a: a, b: b, c: result, epilogue: epilogue)
            append(
                .matmul(kernel), label(id), reads: [a.buffer, b.buffer] + epilogue.reads, writes: [kernel.c])
        case .convolution(let convolution):
            let (first, second) = (try operand(node.inputs[0]), try operand(node.inputs[1]))
            let (epilogue, buffer) = try epilogue(of: id)
            let result = Operand(buffer: buffer, offset: 0)
            let kernel =
                switch convolution.direction {
                case .forward:
                    ConvolutionKernel(
                        scalar: type.scalar, direction: .forward, geometry: convolution.geometry,
                        inputShape: inputs[0].shape, weightShape: inputs[1].shape, outputShape: type.shape,
                        input: first, weights: second, output: result, epilogue: epilogue)
                case .backwardData:
                    ConvolutionKernel(
                        scalar: type.scalar, direction: .backwardData, geometry: convolution.geometry,
                        inputShape: type.shape, weightShape: inputs[1].shape, outputShape: inputs[0].shape,
                        input: result, weights: second, output: first, epilogue: epilogue)
                case .backwardWeights:
                    ConvolutionKernel(
                        scalar: type.scalar, direction: .backwardWeights, geometry: convolution.geometry,
                        inputShape: inputs[0].shape, weightShape: type.shape, outputShape: inputs[1].shape,
                        input: first, weights: result, output: second)
                }
            append(
                .convolution(kernel), label(id), reads: [first.buffer, second.buffer] + epilogue.reads,
                writes: [result.buffer])
        case .rows(let rows): try lowerRows(rows, id, node)
        case .linearAlgebra(let kind):
            let operands = try node.inputs.map { (input) throws(GraphError) in try operand(input) }
            let results = buffers(of: id)
            let shape = inputs[0].shape
            let rank = shape.count
            let columns = inputs.count > 1 ? inputs[1].shape[rank - 1] : shape[rank - 2]
            append(
                .linearAlgebra(
                    kind, type.scalar, batch: shape.dropLast(2).reduce(1, *), m: columns, n: shape[rank - 1],
                    operands: operands, results: results),
                label(id), reads: operands.map(\.buffer), writes: results)
        case .loop(let loop): try lowerLoop(loop, id, node)
        case .composite(let composite):
            let kernel = CompositeKernel(
                composite, inputs[0],
                operands: try node.inputs.map { (input) throws(GraphError) in try operand(input) },
                results: buffers(of: id))
            append(.composite(kernel), label(id), reads: kernel.operands.map(\.buffer), writes: kernel.results)
        case .source, .elementwise, .reduce, .view, .concatenate, .identity, .part: break
        }
    }

    private mutating func lowerRows(_ rows: RowOp, _ id: NodeID, _ node: Node) throws(GraphError) {
        let operands = try node.inputs.map { (input) throws(GraphError) in try operand(input) }
        let types = node.inputs.map { graph[$0].type }
        let result = buffers(of: id)[0]
        let first = types[0]
        let length = first.shape.last ?? 0
        let count = first.shape.dropLast().reduce(1, *)
        let kernel: Kernel =
            switch rows {
            case .gather:
                .gather(
                    first.scalar, table: operands[0], index: operands[1], result: result, tableRows: first.shape[0],
                    count: types[1].shape[0], rowLength: first.shape.dropFirst().reduce(1, *))
            case .scatterAdd(let tableRows):
                .scatterAdd(
                    types[1].scalar, index: operands[0], updates: operands[1], result: result, tableRows: tableRows,
                    count: first.shape[0], rowLength: types[1].shape.dropFirst().reduce(1, *))
            case .argsort(let descending):
                .argsort(
                    first.scalar, values: operands[0], result: result, rows: count, length: length,
                    descending: descending)
            case .argmax(let smallest):
                .argmax(
                    first.scalar, values: operands[0], result: result, rows: count, length: length, smallest: smallest)
            case .cumulativeSum(let reverse, let exclusive):
                .cumulativeSum(
                    first.scalar, values: operands[0], result: result, rows: count, length: length, reverse: reverse,
                    exclusive: exclusive)
            }
        append(kernel, label(id), reads: operands.map(\.buffer), writes: [result])
    }

    /// The carries live in the results' buffers, where the body updates them as states.
    private mutating func lowerLoop(_ loop: Loop, _ id: NodeID, _ node: Node) throws(GraphError) {
        let results = buffers(of: id)
        let carries = Array(results.prefix(loop.carryCount))
        for (index, carry) in carries.enumerated() {
            let initial = try operand(node.inputs[index])
            let type = graph[node.inputs[index]].type
            var source = IndexMap([type.count])
            source.offset = initial.offset
            appendLoop(
                FusedLoop(
                    extents: [type.count],
                    sources: [.load(Access(buffer: initial.buffer, scalar: type.scalar, map: source))],
                    instructions: [],
                    stores: [
                        FusedLoop.Store(
                            register: 0,
                            access: Access(buffer: carry, scalar: type.scalar, map: IndexMap([type.count])))
                    ]), label(id) + ", initial carry")
        }
        let body = Graph()
        var arguments = [body.input("turn", TensorType([], .int32))]
        for index in 0..<loop.carryCount { arguments.append(body.state("carry \(index)", loop.body.inputs[1 + index])) }
        for index in loop.carryCount..<node.inputs.count {
            arguments.append(body.input("capture \(index)", loop.body.inputs[1 + index]))
        }
        let next = try body.inline(loop.body, arguments)
        let updates = (0..<loop.carryCount).map { (state: arguments[1 + $0].id, value: next[$0].id) }
        var inner = options
        inner.dumpFolder = nil
        let compiled: Schedule
        do {
            compiled = try Schedule(
                body, outputs: [], updates: updates, options: inner, device: device)
        } catch let error as GraphError {
            throw error
        } catch {
            throw GraphError("loop", "\(error)")
        }
        let turn = makeBuffer("\(id) turn", 4)
        var bindings: [BufferID] = []
        var reads: [BufferID] = []
        for external in compiled.externals {
            switch external {
            case .input(0): bindings.append(turn)
            case .input(let index):
                let capture = try operand(node.inputs[loop.carryCount + index - 1])
                guard capture.offset == 0 else {
                    throw GraphError("loop", "a captured tensor must start its buffer")
                }
                bindings.append(capture.buffer)
                reads.append(capture.buffer)
            case .state(let index): bindings.append(carries[index])
            case .constant(let data): bindings.append(buffer(.constant(data), data.bytes.count))
            case .output: throw GraphError("loop", "a body has no outputs but its carries")
            }
        }
        var histories: [RegionKernel.History] = []
        if loop.keepsHistory {
            for index in 0..<loop.carryCount {
                histories.append(
                    RegionKernel.History(
                        carry: carries[index], history: results[loop.carryCount + index],
                        rowBytes: loop.body.inputs[1 + index].byteCount))
            }
        }
        let region = RegionKernel(
            body: compiled, count: loop.count, bindings: bindings, turn: turn, histories: histories)
        append(.region(region), label(id), reads: reads + carries, writes: results + [turn])
    }
}

extension Epilogue {
    fileprivate var reads: [BufferID] { [bias, mask].compactMap { $0?.buffer } }
}
