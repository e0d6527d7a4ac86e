import Foundation
import Testing

@testable import Training

@Suite struct HTMLReportTests {
    @Test func thePageIsSelfContainedAndEscaped() {
        let report = HTMLReport(
            title: "conv-vae <on> \"shapes\" & more", subtitle: "seed 0",
            figures: [.init("negative_elbo", 243.0213, unit: "nats", note: "surrogate"), .init("bad", .nan)],
            series: [.init("train/loss", [(0, 500), (100, 250)])],
            pictures: [.init(caption: "samples", png: Data([1, 2, 3]))],
            configuration: ["model": ["latent": 32, "note": "<script>"]])
        let html = report.html
        #expect(html.contains("<h1>conv-vae &lt;on&gt; &quot;shapes&quot; &amp; more</h1>"))
        #expect(html.contains("<td class=\"number\">243.02</td><td>nats</td><td class=\"note\">surrogate</td>"))
        #expect(html.contains("<td class=\"number\">not a number</td>"))
        #expect(html.contains("src=\"data:image/png;base64,AQID\""))
        #expect(html.contains("&quot;note&quot;: &quot;&lt;script&gt;&quot;"))
        #expect(!html.contains("http") && !html.contains("<script") && !html.contains("<link"))
        #expect(!HTMLReport(title: "x").html.contains("<section>"))
    }

    @Test func seriesOfOneFigureShareAChart() {
        let points = [(step: 0, value: 2.0), (step: 1, value: 1.0)]
        let html = HTMLReport(
            title: "t",
            series: [.init("train/loss", points), .init("kl", points), .init("validation/loss", points)]
        ).html
        #expect(html.components(separatedBy: "<svg").count - 1 == 2)
        #expect(html.components(separatedBy: "<polyline").count - 1 == 3)
        #expect(html.contains("<span style=\"--color: var(--series1)\">validation/loss</span>"))
    }

    @Test func curvesRunFromLeftToRightAndLargerIsHigher() {
        let chart = LineChart(title: "loss", series: [.init("loss", [(0, 10), (10, 30)])])
        // The plot lies between 58 and 546 across and 10 and 232 down; y runs from 9.25 to 30.75.
        #expect(chart.html.contains("points=\"58.0,224.3 546.0,17.7\""))
    }

    @Test func nonFiniteValuesAreCountedAndNotDrawn() {
        let chart = LineChart(title: "loss", series: [.init("loss", [(0, 1), (1, .nan), (2, 3), (3, .infinity)])])
        #expect(chart.html.contains("2 not finite, not drawn"))
        #expect(!chart.html.contains("nan") && !chart.html.contains("inf"))
    }

    @Test(arguments: [
        ([0.0, 1.0], [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([243.0, 252.0], [244, 246, 248, 250, 252]),
        ([-3.0, 2.0], [-3, -2, -1, 0, 1, 2]),
        ([0.001, 0.001], [0.00096, 0.00098, 0.001, 0.00102, 0.00104]),
    ])
    func ticksAreRound(values: [Double], expected: [Double]) {
        let axis = ChartAxis(covering: values, ticks: 5, isInteger: false)
        #expect(axis.ticks.count == expected.count)
        #expect(zip(axis.ticks, expected).allSatisfy { abs($0 - $1) < 1e-12 * max(1, abs($1)) })
    }

    @Test func stepsHaveWholeTicks() {
        let axis = ChartAxis(covering: [0, 3], ticks: 5, isInteger: true)
        #expect(axis.ticks == [0, 1, 2, 3])
        #expect(axis.ticks.map(axis.label) == ["0", "1", "2", "3"])
    }

    @Test(arguments: [
        [], [5.0], [0.0, 0.0], [1e300, -1e300], [.leastNonzeroMagnitude], [1e15, 1e15 + 1],
        [-.greatestFiniteMagnitude, .greatestFiniteMagnitude],
    ])
    func oddRangesStillDraw(values: [Double]) {
        for isInteger in [false, true] {
            let axis = ChartAxis(covering: values, ticks: 5, isInteger: isInteger)
            #expect(axis.ticks.count < 100)
            #expect(values.allSatisfy { (0...1).contains(axis.position($0)) })
        }
    }

    @Test func longSeriesKeepTheirSpikes() {
        var points = (0..<100_000).map { (step: $0, value: sin(Double($0) / 5000)) }
        points[54_321].value = 9
        let thin = LineChart.thinned(points)
        #expect(thin.count < 1000)
        #expect(thin.contains { $0.step == 54_321 })
        #expect(thin.first?.step == 0 && thin.last?.step == 99_999)
        #expect(zip(thin, thin.dropFirst()).allSatisfy { $0.step <= $1.step })
    }

    @Test func writingReplacesTheWholeFile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).html").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let report = HTMLReport(title: "x")
        try report.write(to: path)
        try report.write(to: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == report.html)
        #expect(throws: (any Error).self) { try report.write(to: "/nonexistent/report.html") }
    }
}
