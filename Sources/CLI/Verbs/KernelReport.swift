import Execution
import Foundation
import Pushforward

/// What `bench kernels` has measured: as JSON, as a table and as a chart.
struct KernelReport {
    typealias Row = (item: BenchKernels.Case, measurements: [BenchKernels.Measurement])

    var devices: [(name: String, description: String, roofline: Roofline)]
    /// Each with a measurement for every device.
    var rows: [Row] = []

    init(devices: [(name: String, description: String, roofline: Roofline)]) { self.devices = devices }

    private func rate(_ row: Row, _ device: Int) -> Rate {
        let measurement = row.measurements[device]
        return Rate(measurement.work, in: measurement.seconds, beside: devices[device].roofline)
    }

    var json: JSONTree {
        let rooflines: [JSONTree] = devices.map { device in
            [
                "device": .string(device.name), "peak_gflops": .double(device.roofline.peak / 1e9),
                "bandwidth_gigabytes_per_second": .double(device.roofline.bandwidth / 1e9),
            ]
        }
        let rows = rows.flatMap { row in
            devices.indices.map { index -> JSONTree in
                let measurement = row.measurements[index]
                let about: JSONTree = [
                    "kernel": .string(row.item.name), "shape": .string(row.item.shape),
                    "device": .string(devices[index].name),
                    "microseconds": .double(measurement.seconds * 1e6),
                    "processor_microseconds": .double(measurement.processorSeconds * 1e6),
                ]
                return about.adding(rate(row, index).json)
            }
        }
        return ["rooflines": .array(rooflines), "rows": .array(rows)]
    }

    var text: String {
        var table = Table(
            [.init(head: "kernel"), .init(head: "shape")]
                + devices.flatMap { device in
                    ["\(device.name) time", "rate", "of roofline"].map { Table.Column(head: $0, isNumber: true) }
                })
        table.rows = rows.map { row in
            [row.item.name, row.item.shape]
                + devices.indices.flatMap { index -> [String] in
                    let rate = rate(row, index)
                    return [
                        String(format: "%.1f us", row.measurements[index].seconds * 1e6), rate.text, rate.percentage,
                    ]
                }
        }
        let about = devices.map { ($0.name, "\($0.description): at most \($0.roofline.text)") }
        return columns(about) + "\n\n" + table.text
    }

    var chart: RooflineChart {
        RooflineChart(
            title: "Kernels by fraction of the roofline, \(Date.now.formatted(.iso8601.year().month().day()))",
            devices: devices.map { "\($0.name): \($0.description); at most \($0.roofline.text)" },
            rows: rows.map { row in
                (row.item.name, row.item.shape, devices.indices.map { rate(row, $0).fraction })
            })
    }
}

extension Roofline {
    /// `545.1 GFLOP/s, 33.2 GB/s`
    var text: String { String(format: "%.1f GFLOP/s, %.1f GB/s", peak / 1e9, bandwidth / 1e9) }
}
