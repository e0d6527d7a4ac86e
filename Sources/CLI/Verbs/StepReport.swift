import Execution
import Foundation
import Pushforward

/// Where a training step's time goes, kernel by kernel, beside what the device could do at most.
struct StepReport {
    /// The longest first.
    let steps: [ProfiledStep]
    let roofline: Roofline

    init(_ steps: [ProfiledStep], _ roofline: Roofline) {
        self.steps = steps.sorted { $0.seconds > $1.seconds }
        self.roofline = roofline
    }

    private var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }

    /// Of the peak, what all products and convolutions together reach: weighted by their operations.
    var contractionsOfPeak: Double {
        let contractions = steps.filter(\.isContraction)
        let (operations, seconds) = contractions.reduce((0, 0.0)) {
            ($0.0 + $1.work.operations, $0.1 + $1.seconds)
        }
        return Double(operations) / seconds / roofline.peak
    }

    private func rate(_ step: ProfiledStep) -> Rate { Rate(step.work, in: step.seconds, beside: roofline) }

    var json: JSONTree {
        .array(
            steps.map { step in
                let about: JSONTree = [
                    "kernel": .string(step.label), "shape": .string(step.shape),
                    "microseconds": .double(step.seconds * 1e6), "operations": .integer(step.work.operations),
                    "bytes": .integer(step.work.bytes),
                ]
                return about.adding(rate(step).json)
            })
    }

    var text: String {
        var table = Table(
            ["time", "of step", "rate", "of roofline"].map { .init(head: $0, isNumber: true) } + [
                .init(head: "kernel"), .init(head: "shape"),
            ])
        table.rows = steps.map { step in
            let rate = rate(step)
            return [
                String(format: "%.1f us", step.seconds * 1e6), String(format: "%.1f %%", step.seconds / seconds * 100),
                rate.text, rate.percentage, step.label, step.shape,
            ]
        }
        let sum = String(
            format: "%.1f us in all, waiting after each kernel; products and convolutions reach %.0f %% of the peak",
            seconds * 1e6, contractionsOfPeak * 100)
        return "at most \(roofline.text)\n\n\(table.text)\n\n\(sum)"
    }
}
