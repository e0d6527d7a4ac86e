import Compiler
import Graph

extension FusedLoop {
    /// The kernels that run loops side by side, each in work-groups of its own; none where there is nothing to do.
    static func launches(_ loops: [FusedLoop], _ target: Target) -> [Launch] {
        var launches: [Launch] = []
        // Barriers stand outside of all branches (which some compilers miss), so loops of a kernel share their tree.
        var kernels: [(tree: LoopTree?, parts: [LoopPart])] = []
        for loop in loops {
            let sizes = LoopSizes(loop)
            if sizes.count == 0 {
                if let reduction = loop.reduction, sizes.results > 0 {
                    launches.append(reduction.ofNothing(sizes.results))
                }
                continue
            }
            let tree =
                target.policy == .cpu ? nil : LoopTree(loop, sizes, groupSize: LoopItems.groupSize(target))
            let place = kernels.firstIndex { $0.tree == tree } ?? kernels.count
            if place == kernels.count { kernels.append((tree, [])) }
            let parameters = kernels[place].parts.last?.parameters ?? LoopParameters()
            switch target.policy {
            case .gpu: kernels[place].parts.append(LoopItems(loop, sizes, target, parameters).part)
            case .cpu: kernels[place].parts.append(LoopPieces(loop, sizes, parameters).part)
            }
        }
        return launches + kernels.map { LoopPart.launch($0.parts, $0.tree) }
    }
}

/// What a kernel of loops takes: memory that several of them use is passed once.
struct LoopParameters {
    private(set) var arguments: [Argument] = []
    private(set) var declarations: [String] = []

    /// The number of the parameter, b<number> in the text.
    mutating func number(_ argument: Argument, isStored: Bool) -> Int {
        if let known = arguments.firstIndex(of: argument) { return known }
        declarations.append("\(isStored ? "PF_OUT" : "PF_IN")(b\(arguments.count))")
        arguments.append(argument)
        return arguments.count - 1
    }
}

/// One loop's share of a kernel.
struct LoopPart {
    /// Its own and those of the loops before it.
    var parameters: LoopParameters
    /// Work-groups, and work-items of each: the same for all parts of a kernel.
    var groups: Int
    var groupSize: Int
    /// Declares what body and finish use. In it, PF_GROUP is the work-group's number among the part's.
    var setup: [String]
    var body: [String]
    /// What comes after the tree, if the kernel has one.
    var finish: [String] = []

    static func launch(_ parts: [LoopPart], _ tree: LoopTree?) -> Launch {
        let (groupSize, parameters) = (parts[0].groupSize, parts[parts.count - 1].parameters)
        var lines = tree?.setup ?? []
        var first = 0
        var (bodies, ends): ([String], [String]) = ([], [])
        for part in parts {
            let number = first == 0 ? "get_group_id(0)" : "(get_group_id(0) - \(first))"
            first += part.groups
            func branch(_ lines: [String]) -> [String] {
                let text = (part.setup + lines).map { $0.replacing("PF_GROUP", with: number) }
                if parts.count == 1 { return tree == nil ? text : block("", text) }
                return block("if (\(number) < \(part.groups))", text)
            }
            bodies += branch(part.body)
            if tree != nil { ends += branch(part.finish) }
        }
        lines += bodies + (tree?.steps ?? []) + ends
        let head = "__kernel void KERNEL(" + parameters.declarations.joined(separator: ", ") + ")"
        return Launch(
            text: KernelText(
                headers: [.opencl, .scalar, .compensated], [:], body: block(head, lines).map { "\($0)\n" }.joined()),
            arguments: parameters.arguments, global: [first * groupSize], local: [groupSize])
    }
}

extension FusedLoop.Reduction {
    /// Writes what the reduction of no elements gives.
    fileprivate func ofNothing(_ count: Int) -> Launch {
        let type = scalar.clType
        let body =
            "__kernel void KERNEL(PF_OUT(b0)) { PF_POINTER(\(type), b0)[get_global_id(0)] = \(identity.text); }\n"
        return Launch(
            text: KernelText(headers: [.opencl], [:], body: body), arguments: [.buffer(result, byteOffset: 0)],
            global: [count], local: [1])
    }
}

/// The numbers that the cutting of a loop's work starts from.
struct LoopSizes {
    let extents: [Int]
    /// Points of the iteration space.
    let count: Int
    /// Of a reduction: the iteration space is [kept, reduced] (rows) or [kept, reduced, columns].
    var kept = 1, reduced = 1, columns = 1
    /// Blocks of the reduction order that each result has.
    var blocks: Int { Swift.max(reduced.dividedUp(by: FusedLoop.reductionBlock), 1) }
    /// Results of all blocks.
    var results: Int { kept * blocks * columns }
    /// The largest distance from a buffer's start at which an access can point.
    private let reach: Int
    /// The type of indices: holds all positions that a kernel can ask for, numbers of work-items (a lane of a result
    /// may be one), and some beyond.
    var index: String { indexType(largest: Swift.max(count, reach, 32 * results) + 1 << 20) }

    init(_ loop: FusedLoop) {
        extents = loop.extents
        count = extents.product
        if let reduction = loop.reduction {
            kept = Array(extents[..<reduction.axes.lowerBound]).product
            reduced = Array(extents[reduction.axes]).product
            columns = Array(extents[reduction.axes.upperBound...]).product
        }
        let accesses =
            loop.stores.map(\.access)
            + loop.sources.compactMap { if case .load(let access) = $0 { access } else { nil } }
        reach = accesses.map(\.map.reach).max() ?? 0
    }

    /// Lanes of a block of the reduction order that need to be held. Few elements leave most of the 32 lanes with the
    /// identity, and a lane that has combined with it once does not change when it does so again.
    var lanes: Int {
        var held = 1
        while held < Swift.min(reduced, 16) { held *= 2 }
        return 2 * held
    }

    /// The distances at which the tree over lanes combines them.
    var halves: [Int] { sequence(first: lanes / 2) { $0 > 1 ? $0 / 2 : nil }.map { $0 } }

    /// Whether a result has so few elements that the program can be written out for each.
    func areFew(_ loop: FusedLoop) -> Bool { reduced <= 16 && reduced * (2 + loop.instructions.count) <= 256 }

    /// The axis along which results are neighbours in memory; nil where there is only one result.
    func vectorAxis(_ reduction: FusedLoop.Reduction) -> Int? {
        let axis = reduction.axes.upperBound < extents.count ? extents.count - 1 : reduction.axes.lowerBound - 1
        return axis < 0 ? nil : axis
    }

    /// A block of the reduction order: which row or column it belongs to, its first element and how many it has.
    func blockBounds(_ block: String) -> [String] {
        let size = FusedLoop.reductionBlock
        guard blocks > 1 else {
            return ["const \(index) kept = \(block), first = 0;", "const int count = \(reduced);"]
        }
        return [
            "const \(index) kept = \(block) / \(blocks), first = \(block) % \(blocks) * \(size);",
            "const int count = (int)min(\(reduced) - first, (\(index))\(size));",
        ]
    }

    /// A result of few elements in straight code: the `outer`th of those at i<vectorAxis>. (Vector loops must not hold
    /// arrays of their own: all iterations would share them.)
    func few(_ reduction: FusedLoop.Reduction, _ program: inout LoopText) -> [String] {
        let results = program.pointer(reduction.result, reduction.scalar)
        let axis = vectorAxis(reduction)
        let length = axis.map { extents[$0] } ?? 1
        let place = axis.map { " * \(length) + i\($0)" } ?? ""
        let isLast = axis == extents.count - 1
        let outer = isLast ? 0..<reduction.axes.lowerBound : 0..<(axis ?? 0)
        var lines = program.coordinates(outer, of: "outer")
        var held: [String] = []
        if reduced < lanes {
            lines += [reduction.declaration("none"), reduction.setting("none", reduction.identity.text)]
        }
        for e in 0..<reduced {
            let at = isLast ? "(outer * \(reduced) + \(e))\(place)" : "(outer\(place)) * \(reduced) + \(e)"
            held.append("lane\(e)")
            lines += [reduction.declaration("lane\(e)")]
            lines += block(
                "",
                program.coordinates(reduction.axes, of: "\(e)") + ["const \(index) at = \(at);"] + program[.row]
                    + program[.element] + [reduction.setting("lane\(e)", program.register(reduction.register))])
        }
        held += [String](repeating: "none", count: lanes - reduced)
        for half in halves {
            for l in 0..<half {
                let sum = "sum\(half)_\(l)"
                lines += [
                    reduction.declaration(sum), reduction.copying(sum, held[l]), reduction.joining(sum, held[l + half]),
                ]
                held[l] = sum
            }
        }
        return lines + [reduction.storing(held[0], to: results, "outer\(place)")]
    }
}

extension IndexMap {
    /// The largest distance from the buffer's start at which an index of the iteration space can point, masked or not.
    fileprivate var reach: Int {
        zip(shape, strides).reduce(abs(offset)) { $0 + Swift.max($1.0 - 1, 0) * abs($1.1) }
    }
}
