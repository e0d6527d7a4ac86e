import Foundation
import Pushforward

extension Audit {
    var json: JSONTree {
        [
            "epsilon": .double(epsilon), "iterations": .integer(iterations),
            "last_change": [
                "singular_values": .double(lastChange), "amplification": .double(lastAmplificationChange),
            ],
            "is_invertible": .bool(isInvertible), "places": .array(passages.map(\.json)),
            "worst_layer": worst.map(\.json) ?? .null, "verdict": .string(verdict),
        ]
    }

    /// Tables of all places, and what they come to.
    var text: String {
        let settled =
            "power iterations are settled to \(figure(lastChange)) of singular values and "
            + "\(figure(lastAmplificationChange)) of amplifications"
        return (passages.map(\.text) + [settled, verdict]).joined(separator: "\n\n")
    }

    /// One line: how far the flow is invertible, and which layer limits it.
    var verdict: String {
        let head =
            "\(isInvertible ? "invertible" : "not invertible"), to "
            + passages.map(\.verdict).joined(separator: ", ")
        let most = passages.map(\.roundings.largest).filter { !$0.isNaN }.max() ?? .nan
        let roundings = "\(figure(most)) roundings where \(figure(Self.mostRoundings)) are sound"
        return ([head, roundings] + (worst.map { ["worst layer: \($0.text)"] } ?? [])).joined(separator: "; ")
    }
}

extension Audit.Passage {
    fileprivate var json: JSONTree {
        [
            "place": .string(place.key), "rows": .integer(rows), "non_finite": .integer(nonFinite),
            "is_invertible": .bool(isInvertible),
            "round_trip_error": roundTripError.json, "relative_error": relativeError.json,
            "conditioning": conditioning.json, "roundings": roundings.json, "log_det_gap": logDetGap.json,
            "layers": .array(layers.map(\.json)),
        ]
    }

    fileprivate var verdict: String {
        let lost = nonFinite > 0 ? " and \(grouped(nonFinite)) of \(counted(rows, "row")) not at all" : ""
        return "\(figure(relativeError.largest)) of a row\(lost) (\(place))"
    }

    fileprivate var text: String {
        let way =
            switch place {
            case .heldOut: "data to base and back"
            case .prior: "base to data and back"
            case .far(let multiple): "data at \(Int(multiple)) times their distance from the mean, to base and back"
            }
        let lost = nonFinite > 0 ? "\n\(nonFinite) of \(counted(rows, "row")) are not finite on the way" : ""
        let idle = layers.filter(\.isRearrangement).count
        let rest = idle > 0 ? "\nand \(counted(idle, "layer")) that only rearrange elements" : ""
        return """
            \(place), \(counted(rows, "row")): \(way)
            \(table.text)\(rest)
            round trip: \(figure(roundTripError.largest)) at most, \(figure(relativeError.largest)) of a typical row; \
            conditioning \(figure(conditioning.largest)); \(figure(roundings.largest)) roundings; log-dets cancel to \
            \(figure(logDetGap.largest)) nats\(lost)
            """
    }

    private var table: Table {
        var table = Table([
            .init(head: "layer"), .init(head: "kind"), .init(head: "inverse error", isNumber: true),
            .init(head: "roundings", isNumber: true), .init(head: "amplification", isNumber: true),
            .init(head: "smallest", isNumber: true), .init(head: "largest", isNumber: true),
            .init(head: "condition", isNumber: true), .init(head: "not finite", isNumber: true),
        ])
        table.rows = layers.filter { !$0.isRearrangement }.map { layer in
            [
                layer.name, layer.kind, figure(layer.inverseError.largest), figure(layer.roundings.largest),
                figure(layer.amplification.largest), figure(layer.smallestSingularValue),
                figure(layer.largestSingularValue), figure(layer.conditionNumber.largest),
                layer.nonFinite > 0 ? "\(layer.nonFinite)" : "",
            ]
        }
        return table
    }
}

extension Audit.Layer {
    fileprivate var json: JSONTree {
        [
            "name": .string(name), "kind": .string(kind), "is_preprocessing": .bool(isPreprocessing),
            "inverse_error": inverseError.json,
            "roundings": roundings.json, "amplification": amplification.json,
            "largest_singular_value": .double(largestSingularValue),
            "smallest_singular_value": .double(smallestSingularValue), "condition_number": conditionNumber.json,
            "log_det_gap": logDetGap.json, "non_finite": .integer(nonFinite),
        ]
    }

    /// Whether it moves elements about and nothing else.
    fileprivate var isRearrangement: Bool {
        ["Reshape", "Squeeze", "Permutation"].contains(kind) && nonFinite == 0 && inverseError.largest == 0
    }
}

extension Audit.Worst {
    fileprivate var json: JSONTree {
        [
            "name": .string(layer.name), "kind": .string(layer.kind), "place": .string(place.key),
            "reason": .string(reason.rawValue),
        ]
    }

    fileprivate var text: String {
        let why =
            switch reason {
            case .nonFinite: "\(counted(layer.nonFinite, "row")) stop being numbers in it"
            case .inverseError: "it loses \(figure(layer.roundings.largest)) roundings"
            case .conditionNumber: "condition number \(figure(layer.conditionNumber.largest))"
            }
        return "\(layer.name) (\(layer.kind), \(place)): \(why)"
    }
}

extension Audit.Spread {
    fileprivate var json: JSONTree { ["largest": .double(largest), "median": .double(median)] }
}

/// `0.0123`, `1.5`, `3.1e-06`: three digits.
private func figure(_ value: Double) -> String { value.isNaN ? "-" : String(format: "%.3g", value) }
