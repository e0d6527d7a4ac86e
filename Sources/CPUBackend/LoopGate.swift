import Compiler
import Graph

/// One bool that decides whether a loop changes anything: every store selects between a new value and the very element
/// that it overwrites, as an optimizer's updates do behind the check for finite gradients.
struct LoopGate {
    let condition: Access
    /// What each store takes where the condition holds.
    let registers: [Int]
    /// Instructions that do nothing but select.
    let selections: Set<Int>
}

extension FusedLoop {
    /// Nil where some store is not gated, or not by the same bool.
    var gate: LoopGate? {
        guard reduction == nil, !stores.isEmpty else { return nil }
        var (condition, registers, selections): (Access?, [Int], Set<Int>) = (nil, [], [])
        for store in stores {
            let index = store.register - sources.count
            guard instructions.indices.contains(index), instructions[index].op == .scalar(.select) else { return nil }
            let operands = instructions[index].operands
            guard let old = load(operands[2]), old == store.access, let bool = load(operands[0]), bool.isUniform,
                condition == nil || condition == bool, selections.insert(index).inserted,
                !instructions.contains(where: { $0.operands.contains(store.register) })
            else { return nil }
            condition = bool
            registers.append(operands[1])
        }
        return condition.map { LoopGate(condition: $0, registers: registers, selections: selections) }
    }

    private func load(_ register: Int) -> Access? {
        guard sources.indices.contains(register), case .load(let access) = sources[register] else { return nil }
        return access
    }
}

extension Access {
    /// Whether it is one element for all points.
    fileprivate var isUniform: Bool {
        !map.isMasked && zip(map.shape, map.strides).allSatisfy { $0 == 1 || $1 == 0 }
    }
}
