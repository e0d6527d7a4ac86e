import Foundation

/// Curves over steps as inline SVG, coloured by the page's style.
struct LineChart {
    let title: String
    let series: [HTMLReport.Series]

    private static let width = 560.0
    private static let height = 260.0
    /// Room for labels: left, top, right, bottom.
    private static let margins = (left: 58.0, top: 10.0, right: 14.0, bottom: 28.0)
    /// More points than this are drawn by the lowest and highest of each of as many columns: spikes stay visible.
    private static let columns = 400

    var html: String {
        let finite = series.map { $0.points.filter(\.value.isFinite) }
        let all = finite.flatMap { $0 }
        let missing = series.reduce(0) { $0 + $1.points.count } - all.count
        let note = missing == 0 ? "" : " (\(missing) not finite, not drawn)"
        let names = series.enumerated().map { index, one in
            "<span style=\"--color: \(color(index))\">\(escaped(one.name))</span>"
        }
        let legend = names.count < 2 ? "" : names.joined()
        let caption = "<strong>\(escaped(title))</strong>\(note)<div class=\"legend\">\(legend)</div>"
        return "<figure>\(svg(finite, all))<figcaption>\(caption)</figcaption></figure>"
    }

    private func color(_ index: Int) -> String { "var(--series\(index % 6))" }

    private func svg(_ curves: [[(step: Int, value: Double)]], _ all: [(step: Int, value: Double)]) -> String {
        let x = ChartAxis(covering: all.map { Double($0.step) }, ticks: 5, isInteger: true)
        let y = ChartAxis(covering: all.map(\.value), ticks: 5, isInteger: false)
        let (left, top, right, bottom) = Self.margins
        let (plotWidth, plotHeight) = (Self.width - left - right, Self.height - top - bottom)
        func across(_ value: Double) -> String { Self.coordinate(left + x.position(value) * plotWidth) }
        func down(_ value: Double) -> String { Self.coordinate(top + (1 - y.position(value)) * plotHeight) }

        var parts: [String] = []
        for tick in y.ticks {
            let place = down(tick)
            let ends = "x1=\"\(left)\" x2=\"\(Self.width - right)\" y1=\"\(place)\" y2=\"\(place)\""
            parts.append("<line class=\"grid\" \(ends)/>")
            parts.append(
                "<text x=\"\(left - 8)\" y=\"\(place)\" dy=\".32em\" text-anchor=\"end\">\(y.label(tick))</text>")
        }
        let foot = Self.height - bottom
        for tick in x.ticks {
            let place = across(tick)
            parts.append("<line class=\"grid\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(foot)\" y2=\"\(foot + 5)\"/>")
            parts.append("<text x=\"\(place)\" y=\"\(foot + 20)\" text-anchor=\"middle\">\(x.label(tick))</text>")
        }
        for (index, curve) in curves.enumerated() where !curve.isEmpty {
            let points = Self.thinned(curve).map { "\(across(Double($0.step))),\(down($0.value))" }
            if points.count == 1, let point = curve.first {
                let center = "cx=\"\(across(Double(point.step)))\" cy=\"\(down(point.value))\""
                parts.append("<circle \(center) r=\"3\" style=\"fill: \(color(index))\"/>")
            } else {
                let style = "class=\"curve\" style=\"stroke: \(color(index))\""
                parts.append("<polyline \(style) points=\"\(points.joined(separator: " "))\"/>")
            }
        }
        let label = "aria-label=\"\(escaped(title)) by step\""
        return "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" \(label)>\n"
            + parts.joined(separator: "\n") + "\n</svg>"
    }

    private static func coordinate(_ value: Double) -> String { String(format: "%.1f", value) }

    /// In step order, the lowest and highest point of each column, the first and last point always.
    static func thinned(_ points: [(step: Int, value: Double)]) -> [(step: Int, value: Double)] {
        let ordered = points.sorted { $0.step < $1.step }
        guard ordered.count > 3 * columns, let first = ordered.first, let last = ordered.last else { return ordered }
        var result = [first]
        for column in 0..<columns {
            let range = (ordered.count * column / columns)..<(ordered.count * (column + 1) / columns)
            let slice = ordered[range]
            guard let low = slice.min(by: { $0.value < $1.value }), let high = slice.max(by: { $0.value < $1.value })
            else { continue }
            result += low.step <= high.step ? [low, high] : [high, low]
        }
        return result + [last]
    }
}

/// An axis with ticks at round values.
struct ChartAxis {
    let lower: Double
    let upper: Double
    let ticks: [Double]
    private let spacing: Double

    /// - Parameter isInteger: Ticks only at whole numbers, and no room beyond the values: an axis of steps.
    init(covering values: [Double], ticks count: Int, isInteger: Bool) {
        // Half of each, lest the largest doubles overflow.
        let low = values.min() ?? 0
        let high = values.max() ?? 1
        var halfSpan = high / 2 - low / 2
        if halfSpan <= abs(low) * 1e-9 { halfSpan = low == 0 || isInteger ? 0.5 : abs(low) * 0.05 }
        let isFlat = high / 2 - low / 2 < halfSpan
        var spacing = Self.roundSpacing(halfSpan / Double(count) * 2)
        if isInteger { spacing = max(spacing, 1) }
        self.spacing = spacing
        if isInteger {
            lower = isFlat ? low - 1 : low
            upper = isFlat ? high + 1 : high
        } else {
            lower = (isFlat ? low - halfSpan : low) - spacing * 0.15
            upper = (isFlat ? high + halfSpan : high) + spacing * 0.15
        }
        let first = (lower / spacing).rounded(.up)
        let last = (upper / spacing).rounded(.down)
        let isDrawable = first <= last && last - first < 100
        ticks = isDrawable ? stride(from: first, through: last, by: 1).map { $0 * spacing } : []
    }

    /// 0 at the lower end, 1 at the upper.
    func position(_ value: Double) -> Double {
        let span = upper / 2 - lower / 2
        guard span > 0, span.isFinite else { return 0.5 }
        return min(max((value / 2 - lower / 2) / span, 0), 1)
    }

    func label(_ tick: Double) -> String {
        let largest = max(abs(lower), abs(upper))
        if largest >= 1e6 || largest < 1e-3 { return tick == 0 ? "0" : String(format: "%.3g", tick) }
        let decimals = max(0, Int((-log10(spacing)).rounded(.up)))
        return String(format: "%.\(min(decimals, 9))f", tick == 0 ? 0 : tick)
    }

    /// 1, 2 or 5 times a power of ten, near `spacing`.
    private static func roundSpacing(_ spacing: Double) -> Double {
        guard spacing.isFinite, spacing > 1e-300 else { return 1 }
        let power = pow(10, log10(spacing).rounded(.down))
        let ratio = spacing / power
        return power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10)
    }

    /// Five significant digits for a table.
    static func figure(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "−∞" : "∞" }
        if value == value.rounded(), abs(value) < 1e15 { return String(format: "%.0f", value) }
        let magnitude = abs(value)
        if magnitude >= 1e6 || magnitude < 1e-3 { return String(format: "%.4g", value) }
        let decimals = magnitude >= 1000 ? 1 : magnitude >= 100 ? 2 : magnitude >= 10 ? 3 : 4
        return String(format: "%.\(decimals)f", value)
    }
}
