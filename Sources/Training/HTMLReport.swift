import Configuration
import Foundation

/// A run on one page: figures, curves, pictures and the configuration, in a single file that needs nothing else.
public struct HTMLReport: Sendable {
    /// One row of the table of figures.
    public struct Figure: Sendable {
        public let name: String
        public let value: Double
        public let unit: String
        /// How the figure is to be read: `lower bound`, `± 0.12`.
        public let note: String

        public init(_ name: String, _ value: Double, unit: String = "", note: String = "") {
            (self.name, self.value, self.unit, self.note) = (name, value, unit, note)
        }
    }

    /// One curve. Series whose names agree after the first `/` (`train/loss`, `validation/loss`) share a chart.
    public struct Series: Sendable {
        public let name: String
        public let points: [(step: Int, value: Double)]

        public init(_ name: String, _ points: [(step: Int, value: Double)]) {
            (self.name, self.points) = (name, points)
        }
    }

    /// A PNG file and what it shows.
    public struct Picture: Sendable {
        public let caption: String
        public let png: Data
        /// Pixels blend where the page scales it; else they are shown as squares.
        public let isSmooth: Bool

        public init(caption: String, png: Data, isSmooth: Bool = false) {
            (self.caption, self.png, self.isSmooth) = (caption, png, isSmooth)
        }
    }

    public var title: String
    /// One line below the title.
    public var subtitle: String
    public var figures: [Figure]
    public var series: [Series]
    public var pictures: [Picture]
    public var configuration: JSONTree

    public init(
        title: String, subtitle: String = "", figures: [Figure] = [], series: [Series] = [], pictures: [Picture] = [],
        configuration: JSONTree = .object(JSONObject())
    ) {
        self.title = title
        self.subtitle = subtitle
        self.figures = figures
        self.series = series
        self.pictures = pictures
        self.configuration = configuration
    }

    /// Replaces the file at `path` as a whole, or leaves it as it was.
    public func write(to path: String) throws {
        try Data(html.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    public var html: String {
        let sections = [figuresSection, curvesSection, picturesSection, configurationSection].filter { !$0.isEmpty }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title))</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <header><h1>\(escaped(title))</h1>\(subtitle.isEmpty ? "" : "<p>\(escaped(subtitle))</p>")</header>
            \(sections.joined(separator: "\n"))
            </body>
            </html>

            """
    }

    private var figuresSection: String {
        guard !figures.isEmpty else { return "" }
        let rows = figures.map { figure in
            "<tr><th scope=\"row\">\(escaped(figure.name))</th>"
                + "<td class=\"number\">\(escaped(ChartAxis.figure(figure.value)))</td>"
                + "<td>\(escaped(figure.unit))</td><td class=\"note\">\(escaped(figure.note))</td></tr>"
        }
        let table = "<table>\n\(rows.joined(separator: "\n"))\n</table>"
        return "<section><h2>Figures</h2>\n<div class=\"scroll\">\(table)</div></section>"
    }

    private var curvesSection: String {
        var charts: [(name: String, series: [Series])] = []
        for one in series where !one.points.isEmpty {
            let name = one.name.split(separator: "/", maxSplits: 1).last.map(String.init) ?? one.name
            if let index = charts.firstIndex(where: { $0.name == name }) {
                charts[index].series.append(one)
            } else {
                charts.append((name, [one]))
            }
        }
        guard !charts.isEmpty else { return "" }
        let drawings = charts.map { LineChart(title: $0.name, series: $0.series).html }
        return "<section><h2>Curves</h2>\n<div class=\"charts\">\n\(drawings.joined(separator: "\n"))\n</div></section>"
    }

    private var picturesSection: String {
        guard !pictures.isEmpty else { return "" }
        let images = pictures.map { picture in
            "<figure><img\(picture.isSmooth ? " class=\"smooth\"" : "") alt=\"\(escaped(picture.caption))\" "
                + "src=\"data:image/png;base64,\(picture.png.base64EncodedString())\">"
                + "<figcaption>\(escaped(picture.caption))</figcaption></figure>"
        }
        return
            "<section><h2>Pictures</h2>\n<div class=\"pictures\">\n\(images.joined(separator: "\n"))\n</div></section>"
    }

    private var configurationSection: String {
        if case .object(let object) = configuration, object.keys.isEmpty { return "" }
        return "<section><h2>Configuration</h2>\n<pre>\(escaped(configuration.pretty))</pre></section>"
    }

    private static let style = """
        :root {
          color-scheme: light dark;
          --page: #ffffff; --text: #1d2126; --quiet: #68707a; --rule: #dfe3e8; --panel: #f6f7f9;
          --series0: #2563c9; --series1: #d9680f; --series2: #17875a;
          --series3: #a4379b; --series4: #7a6210; --series5: #c42f3d;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #15181c; --text: #e4e7eb; --quiet: #98a1ac; --rule: #333a42; --panel: #1e2227;
            --series0: #6ea8ff; --series1: #ff9f4f; --series2: #4cc98f;
            --series3: #dd86d5; --series4: #d2b64a; --series5: #ff7f8a;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
          font: 1rem/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
        header p { margin: .35rem 0 0; color: var(--quiet); }
        h2 { font-size: 1.05rem; margin: 2.25rem 0 .75rem; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; }
        th, td { text-align: left; font-weight: normal; padding: .3rem 1.5rem .3rem 0;
          border-bottom: 1px solid var(--rule); }
        .number { text-align: right; font-variant-numeric: tabular-nums; }
        .note, figcaption { color: var(--quiet); }
        .charts, .pictures { display: grid; gap: 1.25rem;
          grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); }
        figure { margin: 0; padding: .75rem; background: var(--panel); border-radius: .5rem; min-width: 0; }
        figcaption { font-size: .9rem; }
        img { display: block; width: 100%; image-rendering: pixelated; margin-bottom: .5rem; }
        .smooth { image-rendering: auto; }
        svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
        svg text { fill: var(--quiet); font-variant-numeric: tabular-nums; }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .curve { fill: none; stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
        .legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
        .legend span::before { content: ""; display: inline-block; width: .9em; height: .2em; margin-right: .4em;
          vertical-align: middle; background: var(--color); }
        pre { margin: 0; padding: 1rem; overflow-x: auto; background: var(--panel); border-radius: .5rem;
          font: .85rem/1.45 ui-monospace, monospace; }
        """
}

/// Text as it may stand in HTML, in XML and in quoted attributes.
package func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
