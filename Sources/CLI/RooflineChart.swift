import Foundation
import Training

/// Fractions of the roofline as horizontal bars, a standalone SVG picture: for each kernel a bar for every device.
struct RooflineChart {
    let title: String
    /// What the legend says of each device.
    let devices: [String]
    /// With a fraction for every device.
    let rows: [(name: String, shape: String, fractions: [Double])]

    private static let width = 980.0
    private static let colors = ["#2f6fb3", "#e08a1e", "#4a9c5d"]
    /// Room for the names on the left and the percentages on the right.
    private static let margins = (left: 430.0, right: 60.0)
    private static let barHeight = 10.0
    private static let gap = 8.0
    private static let ticks = [0, 25, 50, 75, 100]
    /// Longer bars are cut; their percentages stay.
    private static let longest = 1.25

    private var top: Double { 64 + 18 * Double(devices.count) }
    private var rowHeight: Double { Self.barHeight * Double(devices.count) + Self.gap }
    private var bottom: Double { top + rowHeight * Double(rows.count) }

    private static func across(_ fraction: Double) -> Double {
        margins.left + min(max(fraction, 0), longest) / longest * (width - margins.left - margins.right)
    }

    var svg: String {
        let size = "width=\"\(Int(Self.width))\" height=\"\(Int(bottom) + 40)\""
        let box = "viewBox=\"0 0 \(Int(Self.width)) \(Int(bottom) + 40)\""
        let head = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) \(box) font-family=\"system-ui, sans-serif\" "
                + "font-size=\"12\" fill=\"#333333\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            "<text x=\"20\" y=\"30\" font-size=\"16\" font-weight=\"bold\">\(escaped(title))</text>",
        ]
        return (head + legend + axis + bars + ["</svg>"]).joined(separator: "\n") + "\n"
    }

    private var legend: [String] {
        devices.enumerated().flatMap { index, text in
            let y = 44 + 18 * index
            return [
                "<rect x=\"20\" y=\"\(y)\" width=\"12\" height=\"12\" fill=\"\(Self.color(index))\"/>",
                "<text x=\"40\" y=\"\(y + 10)\">\(escaped(text))</text>",
            ]
        }
    }

    private var axis: [String] {
        Self.ticks.flatMap { percent in
            let x = Self.coordinate(Self.across(Double(percent) / 100))
            let ends = "x1=\"\(x)\" x2=\"\(x)\" y1=\"\(top - 6)\" y2=\"\(bottom)\""
            return [
                "<line \(ends) stroke=\"\(percent == 100 ? "#888888" : "#dddddd")\"/>",
                "<text x=\"\(x)\" y=\"\(bottom + 18)\" text-anchor=\"middle\">\(percent) %</text>",
            ]
        }
    }

    private var bars: [String] {
        rows.enumerated().flatMap { index, row -> [String] in
            let start = top + rowHeight * Double(index)
            let middle = start + (rowHeight - Self.gap) / 2
            let labels = [
                "<text x=\"20\" y=\"\(middle)\" dy=\".35em\">\(escaped(row.name))</text>",
                "<text x=\"\(Self.margins.left - 8)\" y=\"\(middle)\" dy=\".35em\" text-anchor=\"end\" "
                    + "fill=\"#777777\">\(escaped(row.shape))</text>",
            ]
            return labels
                + row.fractions.enumerated().flatMap { device, fraction -> [String] in
                    let y = start + Self.barHeight * Double(device)
                    let end = Self.across(fraction)
                    let width = Self.coordinate(end - Self.margins.left)
                    let place =
                        "x=\"\(Self.margins.left)\" y=\"\(y)\" width=\"\(width)\" height=\"\(Self.barHeight - 1)\""
                    let percent = String(format: "%.0f %%", fraction * 100)
                    return [
                        "<rect class=\"bar\" \(place) fill=\"\(Self.color(device))\"/>",
                        "<text x=\"\(Self.coordinate(end + 4))\" y=\"\(y + Self.barHeight / 2)\" dy=\".35em\" "
                            + "font-size=\"10\">\(percent)</text>",
                    ]
                }
        }
    }

    private static func color(_ index: Int) -> String { colors[index % colors.count] }
    private static func coordinate(_ value: Double) -> String { String(format: "%.1f", value) }
}
