import Foundation

/// The progress of long work on standard error: on a terminal one line that is redrawn, elsewhere a line now and then.
///
///     let progress = ProgressBar("train", total: steps, unitsPerStep: 128, unit: "images", console: console)
///     for step in ... {
///         progress.update(step) { [("loss", try loss())] }   // asked for only when something is drawn
///     }
///     progress.finish()
final class ProgressBar {
    typealias Figures = [(name: String, value: Double)]

    /// How and how often to draw.
    struct Style: Sendable {
        var isRedrawn: Bool
        var isUnicode = true
        /// Seconds between two drawings.
        var interval: Double
        var width: @Sendable () -> Int = { Terminal.width }

        static var terminal: Style { Style(isRedrawn: true, isUnicode: Terminal.isUnicode, interval: 0.1) }
        static var lines: Style { Style(isRedrawn: false, interval: 10) }
    }

    private let title: String
    private let total: Int?
    private let start: Int
    private let unitsPerStep: Int
    private let unit: String
    private let console: Console
    private let style: Style
    private let clock: () -> Double

    private let startTime: Double
    private var step: Int
    private var figures: Figures = []
    private var lastDrawing: (time: Double, step: Int)?
    private var rate: RateMeter
    private var isFinished = false

    /// - Parameters:
    ///   - total: The last step; nil where it is not known.
    ///   - start: The step that is already done, when work is resumed.
    ///   - unitsPerStep: How many of `unit` one step handles, for the rate.
    ///   - clock: Seconds, never running backwards.
    init(
        _ title: String, total: Int?, start: Int = 0, unitsPerStep: Int = 1, unit: String = "steps", console: Console,
        style: Style? = nil, clock: @escaping () -> Double = { ProcessInfo.processInfo.systemUptime }
    ) {
        self.title = title
        self.total = total
        self.start = start
        self.unitsPerStep = unitsPerStep
        self.unit = unit
        self.console = console
        self.style = style ?? (console.isTerminal ? .terminal : .lines)
        self.clock = clock
        startTime = clock()
        step = start
        rate = RateMeter(time: startTime, step: start)
        if self.style.isRedrawn { draw(at: startTime) } else { lastDrawing = (startTime, start) }
    }

    /// Says that `step` steps are done. Cheap: most calls only read the clock.
    ///
    /// - Parameter figures: Asked for only when something is drawn, because reading a device takes time.
    func update(_ step: Int, figures: () throws -> Figures) rethrows {
        self.step = step
        let now = clock()
        if let lastDrawing, now - lastDrawing.time < style.interval { return }
        self.figures = try figures()
        draw(at: now)
    }

    func update(_ step: Int) { update(step) { figures } }

    /// Draws where things stand, with the rate and time of the whole, and ends the line. A second call does nothing.
    func finish(figures: Figures? = nil) {
        guard !isFinished else { return }
        isFinished = true
        if let figures { self.figures = figures }
        let now = clock()
        let isDrawn = lastDrawing.map { $0.step == step && $0.time > startTime && figures == nil } ?? false
        rate = RateMeter(time: startTime, step: start)
        rate.add(time: now, step: step)
        if style.isRedrawn || !isDrawn { draw(at: now) }
        if style.isRedrawn { console.redraw(nil) }
    }

    private func draw(at now: Double) {
        if !isFinished { rate.add(time: now, step: step) }
        lastDrawing = (now, step)
        let unitsPerSecond = rate.stepsPerSecond.map { $0 * Double(unitsPerStep) }
        let line = ProgressLine(
            title: title, step: step, total: total, unitsPerSecond: unitsPerSecond, unit: unit, figures: figures,
            elapsed: now - startTime, left: isFinished ? nil : timeLeft)
        if style.isRedrawn {
            // The last column stays free: writing into it makes some terminals wrap.
            console.redraw(line.text(width: style.width() - 1, isUnicode: style.isUnicode))
        } else {
            console.line(line.text(width: nil, isUnicode: false))
        }
    }

    private var timeLeft: Double? {
        guard let total, let rate = rate.stepsPerSecond, rate > 0 else { return nil }
        return Double(max(total - step, 0)) / rate
    }
}

/// The rate over the last seconds, so that a slow start or a pause is soon forgotten.
private struct RateMeter {
    private static let window = 5.0
    private var samples: [(time: Double, step: Int)]

    init(time: Double, step: Int) { samples = [(time, step)] }

    mutating func add(time: Double, step: Int) {
        samples.append((time, step))
        while samples.count > 2, time - samples[1].time >= Self.window { samples.removeFirst() }
    }

    var stepsPerSecond: Double? {
        guard let first = samples.first, let last = samples.last, last.time > first.time, last.step > first.step else {
            return nil
        }
        return Double(last.step - first.step) / (last.time - first.time)
    }
}

/// One drawing of progress as text.
struct ProgressLine {
    let title: String
    let step: Int
    let total: Int?
    let unitsPerSecond: Double?
    let unit: String
    let figures: ProgressBar.Figures
    /// Seconds.
    let elapsed: Double
    let left: Double?

    /// - Parameter width: Columns; narrower lines leave out first the bar, then what matters least. Nil: no bar, no
    ///   limit.
    func text(width: Int?, isUnicode: Bool) -> String {
        let percent = percentage.map { String(format: width == nil ? "%d%%" : "%3d%%", $0) }
        let count = total.map { "\(step)/\($0)" } ?? "step \(step)"
        let rate = unitsPerSecond.map { "\(Self.rateText($0)) \(unit)/s" }
        let values = figures.map { "\($0.name) \(Self.figureText($0.value))" }.joined(separator: " ")
        let time = Self.timeText(elapsed) + (left.map { ", \(Self.timeText($0)) left" } ?? "")

        // From most to least complete; the first that fits is taken.
        let candidates = [
            [title, percent, count, rate, values, time],
            [title, percent, count, values, time],
            [title, percent, values, time],
            [title, percent, time],
            [title, percent],
        ].map { $0.compactMap { $0 }.filter { !$0.isEmpty } }
        let full = candidates[0].joined(separator: "  ")
        guard let width else { return full }
        guard full.count > width else { return withBar(full, width: width, isUnicode: isUnicode) }
        let fitting = candidates.map { $0.joined(separator: "  ") }.first { $0.count <= width }
        return fitting ?? String((percent ?? count).prefix(max(width, 0)))
    }

    private var fraction: Double? {
        guard let total, total > 0 else { return nil }
        return min(max(Double(step) / Double(total), 0), 1)
    }

    private var percentage: Int? {
        guard let total, total > 0 else { return nil }
        return min(max(step, 0), total) * 100 / total
    }

    /// Puts a bar behind the title where at least ten columns are left for it.
    private func withBar(_ text: String, width: Int, isUnicode: Bool) -> String {
        let cells = min(width - text.count - 4, 30)
        guard let fraction, cells >= 10 else { return text }
        let bar = isUnicode ? Self.smoothBar(fraction, cells: cells) : Self.plainBar(fraction, cells: cells)
        return "\(title)  \(bar)" + text.dropFirst(title.count)
    }

    private static func smoothBar(_ fraction: Double, cells: Int) -> String {
        let eighths = Int(fraction * Double(cells * 8))
        let partial = eighths % 8 == 0 ? "" : ["▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8 - 1]
        let bar = String(repeating: "█", count: eighths / 8) + partial
        return "▕" + bar + String(repeating: " ", count: cells - bar.count) + "▏"
    }

    private static func plainBar(_ fraction: Double, cells: Int) -> String {
        let full = Int(fraction * Double(cells))
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: cells - full) + "]"
    }

    static func rateText(_ rate: Double) -> String {
        rate < 10 ? String(format: "%.2f", rate) : rate < 100 ? String(format: "%.1f", rate) : grouped(rate)
    }

    private static func grouped(_ value: Double) -> String {
        guard value < 1e15 else { return String(format: "%.3g", value) }
        var digits = String(Int(value.rounded()))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return digits
    }

    /// Five significant digits, so that a loss of 243.02 moves visibly.
    static func figureText(_ value: Double) -> String {
        let magnitude = abs(value)
        if !value.isFinite || magnitude >= 1e6 || (magnitude < 1e-3 && magnitude > 0) {
            return String(format: "%.3g", value)
        }
        let decimals = magnitude >= 1000 ? 1 : magnitude >= 100 ? 2 : magnitude >= 10 ? 3 : 4
        return String(format: "%.\(decimals)f", value)
    }

    /// `m:ss`, `h:mm:ss` from an hour, days from a hundred hours.
    static func timeText(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        let whole = Int(max(seconds, 0).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        if hours >= 100 { return "\(hours / 24) days" }
        if hours > 0 { return String(format: "%d:%02d:%02d", hours, minutes, rest) }
        return String(format: "%d:%02d", minutes, rest)
    }
}
