import Compiler
import Graph

extension CompositeKernel {
    func launches(_ target: Target) -> [Launch] {
        guard rows > 0 else { return [] }
        let group = target.policy == .cpu ? 1 : LoopItems.groupSize(target)
        // On CPUs a work-item has a tile: SM_TILE of softmax.h.
        let share = group == 1 ? 2048 / length : 1
        let text = KernelText(
            headers: [.opencl, .scalar],
            [
                "KIND": composite.macro, "ROWS": "\(rows)", "LENGTH": "\(length)", "GROUP": "\(group)",
                "SHARE": "\(share)", "INDEX": indexType(largest: (rows + group) * length),
            ], body: KernelFile.softmax.text + KernelFile.softmaxRows.text)
        let arguments = operands.map { Argument.operand($0, .float32) } + results.map(Argument.result)
        if group == 1 { return [Launch(text, arguments, items: rows.dividedUp(by: share), target)] }
        return [Launch(text, arguments, groups: rows.dividedUp(by: group / 32), of: group)]
    }
}

extension Composite {
    fileprivate var macro: String {
        switch self {
        case .softmax: "SM_SOFTMAX"
        case .logSoftmax: "SM_LOG_SOFTMAX"
        case .softmaxGradient: "SM_SOFTMAX_GRADIENT"
        case .logSoftmaxGradient: "SM_LOG_SOFTMAX_GRADIENT"
        }
    }
}
