import Compiler
import Graph

/// The selections of a loop that mask: select(0 < y, x, 0) is x where y is positive, as gradients of rectified values
/// are, which the kernels do at once.
struct LoopMasks {
    /// x and y, by the place of the instruction that selects.
    private(set) var operands: [Int: [Int]] = [:]
    /// Comparisons that nothing else reads.
    private(set) var comparisons: Set<Int> = []

    init(_ loop: FusedLoop) {
        let first = loop.sources.count
        for (place, instruction) in loop.instructions.enumerated() where instruction.op == .scalar(.select) {
            let comparison = instruction.operands[0] - first
            guard instruction.resultType.isFloating, loop.isZero(instruction.operands[2]), comparison >= 0,
                loop.instructions[comparison].op == .scalar(.less),
                loop.instructions[comparison].operandType == instruction.resultType,
                loop.isZero(loop.instructions[comparison].operands[0])
            else { continue }
            operands[place] = [instruction.operands[1], loop.instructions[comparison].operands[1]]
            comparisons.insert(comparison)
        }
        for (place, instruction) in loop.instructions.enumerated() where operands[place] == nil {
            comparisons.subtract(instruction.operands.map { $0 - first })
        }
        comparisons.subtract(loop.stores.map { $0.register - first })
        if let reduction = loop.reduction { comparisons.remove(reduction.register - first) }
    }
}

extension FusedLoop {
    fileprivate func isZero(_ register: Int) -> Bool {
        guard sources.indices.contains(register), case .constant(let literal) = sources[register] else { return false }
        return literal.scalar.isFloating && literal.bits == 0
    }
}
