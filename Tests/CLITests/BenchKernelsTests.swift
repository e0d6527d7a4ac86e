import Execution
import Foundation
import FoundationXML
import Pushforward
import Testing

@testable import CLI

/// What `bench kernels` says and draws; never how fast anything is.
@Suite struct BenchKernelsTests {
    @Test(
        .enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"),
        arguments: [(text: "matmul OF", count: 4), (text: "gather", count: 1)])
    func fractionsAreOfTheMeasuredRoofline(only: (text: String, count: Int)) throws {
        let folder = try TemporaryFolder()
        let call = ["bench", "kernels", "--device", "cpu", "--only", only.text, "--chart", "c.svg", "--json"]
        let json = try Tool.done(call, in: folder).json()
        for key in ["what", "device", "device_description", "math", "gemm_provider"] {
            #expect(json[key]?.string != nil, "\(key)")
        }
        let roofline = try #require(json["rooflines"]?.elements?.first)
        #expect(json["rooflines"]?.elements?.count == 1 && roofline["device"]?.string == "cpu")
        let peak = try #require(roofline["peak_gflops"]?.double)
        let bandwidth = try #require(roofline["bandwidth_gigabytes_per_second"]?.double)
        #expect(peak > 0 && bandwidth > 0)

        let rows = try #require(json["rows"]?.elements)
        #expect(rows.count == only.count)
        for row in rows {
            #expect(row["kernel"]?.string?.contains(only.text.lowercased()) == true)
            #expect(row["shape"]?.string != nil && row["device"]?.string == "cpu")
            #expect(try #require(row["microseconds"]?.double) > 0)
            #expect(row["processor_microseconds"]?.double != nil)
            let rate = try #require(row["rate"]?.double)
            let fraction = try #require(row["fraction_of_roofline"]?.double)
            if row["unit"]?.string == "GB/s" {
                #expect(abs(fraction / (rate / bandwidth) - 1) < 1e-9)
            } else {
                // The bytes may bound it more.
                #expect(row["unit"]?.string == "GFLOP/s" && fraction > 0 && fraction >= rate / peak * (1 - 1e-9))
            }
        }
        #expect(json["chart"]?.string == "c.svg")
        #expect(try Array(folder.contents().keys) == ["c.svg"])
        let picture = try Picture(try folder.read("c.svg"))
        #expect(picture.bars.count == only.count && picture.texts.contains { $0.hasPrefix("cpu: CPU, ") })
    }

    @Test(.enabled(if: Tool.isBuilt, "the product pushforward is not built beside the tests"))
    func aStepIsProfiledKernelByKernel() throws {
        let folder = try TemporaryFolder()
        let call = [
            "bench", "train", "vae", "--data", "shapes", "--batch-size", "8", "--steps", "2", "--device", "cpu",
        ]
        let json = try Tool.done(call + ["--profile", "--json"], in: folder).json()
        let rows = try #require(json["profile"]?.elements)
        #expect(rows.count > 10 && rows.contains { $0["kernel"]?.string?.hasPrefix("matmul (encoder") == true })
        for row in rows {
            #expect(try #require(row["microseconds"]?.double) > 0 && row["shape"]?.string != nil)
            #expect(try #require(row["fraction_of_roofline"]?.double) >= 0)
        }
        let times = try rows.map { try #require($0["microseconds"]?.double) }
        #expect(times == times.sorted(by: >))
        // What all kernels do is what the step is said to do.
        let operations = try rows.reduce(0) { $0 + (try #require($1["operations"]?.int)) }
        let rate = try #require(json["gflops_per_second"]?.double)
        let step = try #require(json["milliseconds_per_step"]?.double)
        #expect(abs(Double(operations) / (rate * step * 1e6) - 1) < 1e-6)
        #expect(try #require(json["fraction_of_peak"]?.double) > 0)
        #expect(try Tool.done(call + ["--json"], in: folder).json()["profile"] == nil)
    }

    @Test func theTableIsAligned() {
        var report = report()
        report.rows.removeLast()
        let lines = report.text.split(separator: "\n").map(String.init)
        #expect(lines[0] == "cpu       Few & slow: at most 100.0 GFLOP/s, 10.0 GB/s")
        #expect(lines[1] == "opencl:0  Many: at most 1000.0 GFLOP/s, 100.0 GB/s")
        // Numbers end together, whatever their length.
        #expect(
            lines[2] == "kernel  shape   cpu time         rate  of roofline  opencl:0 time            rate  of roofline"
        )
        #expect(
            lines[3] == "sum     8      1000.0 us  5.0 GB/s            50 %         1.0 us  5000.0 GB/s          5000 %"
        )
        #expect(lines.count == 4)
    }

    /// Arithmetic bounds one kernel, memory the other.
    @Test func theGreaterBoundCounts() {
        let roofline = Roofline(peak: 100, bandwidth: 10)
        #expect(roofline.seconds(operations: 200, bytes: 5) == 2)
        #expect(roofline.seconds(operations: 20, bytes: 5) == 0.5)
        #expect(roofline.best(with: Roofline(peak: 90, bandwidth: 20)) == Roofline(peak: 100, bandwidth: 20))
        let percents = report().chart.rows.map { $0.fractions.map { Int(($0 * 100).rounded()) } }
        #expect(percents == [[50, 5000], [100, 25]])
    }

    @Test func theChartHasABarForEachDevice() throws {
        let picture = try Picture(Array(report().chart.svg.utf8))
        #expect(picture.bars.count == 4 && Set(picture.bars.map(\.color)).count == 2)
        let widths = picture.bars.map(\.width)
        // One quarter, a half, the whole, and 5000 %, cut.
        #expect(abs(widths[0] - 2 * widths[3]) < 0.2 && abs(widths[2] - 2 * widths[0]) < 0.2)
        #expect(widths[1] > widths[2] && widths[1] < 1.3 * widths[2])
        for text in [
            "0 %", "25 %", "75 %", "100 %", "5000 %", "product <of> \"two\"", "8x8", "cpu: Few & slow; at most",
        ] {
            #expect(picture.texts.contains { $0.hasPrefix(text) }, "\(text) in \(picture.texts)")
        }
    }

    /// Two kernels on two devices.
    private func report() -> KernelReport {
        var report = KernelReport(devices: [
            ("cpu", "Few & slow", Roofline(peak: 100e9, bandwidth: 10e9)),
            ("opencl:0", "Many", Roofline(peak: 1000e9, bandwidth: 100e9)),
        ])
        func measurement(_ seconds: Double, operations: Int = 0) -> BenchKernels.Measurement {
            BenchKernels.Measurement(
                seconds: seconds, processorSeconds: seconds, work: Work(operations: operations, bytes: 5_000_000))
        }
        report.rows = [
            (BenchKernels.Case(name: "sum", shape: "8") { _ in [] }, [measurement(1e-3), measurement(1e-6)]),
            (
                BenchKernels.Case(name: "product <of> \"two\"", shape: "8x8") { _ in [] },
                [measurement(1e-3, operations: 100_000_000), measurement(4e-4, operations: 100_000_000)]
            ),
        ]
        return report
    }
}

extension JSONTree {
    fileprivate var elements: [JSONTree]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}

/// What a chart shows.
private final class Picture: NSObject, XMLParserDelegate {
    private(set) var bars: [(width: Double, color: String)] = []
    private(set) var texts: [String] = []
    private var isText = false
    /// Elements that have not ended.
    private var open = 0

    /// - Throws: where it is not well-formed.
    init(_ bytes: [UInt8]) throws {
        super.init()
        let parser = XMLParser(data: Data(bytes))
        parser.delegate = self
        // The parser's answer alone is true for elements that end in the wrong order, or never.
        let isWhole = parser.parse() && parser.parserError == nil && open == 0
        try #require(isWhole, "\(String(describing: parser.parserError)), \(open) elements are open")
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        open += 1
        if attributes["class"] == "bar" {
            bars.append((Double(attributes["width"] ?? "") ?? .nan, attributes["fill"] ?? ""))
        }
        if name == "text" { texts.append("") }
        isText = name == "text"
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        if isText, !texts.isEmpty { texts[texts.count - 1] += string }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        open -= 1
        if name == "text" { isText = false }
    }
}
