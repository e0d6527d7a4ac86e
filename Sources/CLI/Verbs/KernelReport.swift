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

    /// The least time that the device's measured peak and bandwidth allow over the time that it took. Beyond 1 where
    /// operands stay in caches, which the bandwidth of memory does not bound.
    private func fraction(_ row: Row, _ device: Int) -> Double {
        let measurement = row.measurements[device]
        let least = devices[device].roofline.seconds(
            operations: measurement.work.operations, bytes: measurement.work.bytes)
        return least / measurement.seconds
    }

    private func rate(_ row: Row, _ device: Int) -> (value: Double, unit: String) {
        let measurement = row.measurements[device]
        return measurement.work.operations > 0
            ? (Double(measurement.work.operations) / measurement.seconds / 1e9, "GFLOP/s")
            : (Double(measurement.work.bytes) / measurement.seconds / 1e9, "GB/s")
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
                let (measurement, rate) = (row.measurements[index], rate(row, index))
                return [
                    "kernel": .string(row.item.name), "shape": .string(row.item.shape),
                    "device": .string(devices[index].name),
                    "microseconds": .double(measurement.seconds * 1e6),
                    "processor_microseconds": .double(measurement.processorSeconds * 1e6),
                    "rate": .double(rate.value), "unit": .string(rate.unit),
                    "fraction_of_roofline": .double(fraction(row, index)),
                ]
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
                    let unit = rate.unit.padding(toLength: "GFLOP/s".count, withPad: " ", startingAt: 0)
                    return [
                        String(format: "%.1f us", row.measurements[index].seconds * 1e6),
                        String(format: "%.1f ", rate.value) + unit,
                        String(format: "%.0f %%", fraction(row, index) * 100),
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
                (row.item.name, row.item.shape, devices.indices.map { fraction(row, $0) })
            })
    }
}

extension Roofline {
    /// `545.1 GFLOP/s, 33.2 GB/s`
    var text: String { String(format: "%.1f GFLOP/s, %.1f GB/s", peak / 1e9, bandwidth / 1e9) }
}
