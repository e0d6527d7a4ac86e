import Configuration
import Foundation

/// How invertible and how well-conditioned a flow is, layer by layer, at several places: what `audit` finds.
///
/// At each place rows go through all layers to the other end, from data to base values or from base values to data, and
/// back. A layer is judged by what it makes of the values that it is given on that way.
public struct Audit: Sendable {
    /// Of a figure, over the rows where it is a number; both NaN where there is none.
    public struct Spread: Sendable {
        public let largest: Double
        public let median: Double

        init(_ values: [Double]) {
            let known = values.filter { !$0.isNaN }.sorted()
            largest = known.last ?? .nan
            median = known.isEmpty ? .nan : known[(known.count - 1) / 2]
        }
    }

    public struct Layer: Sendable {
        public let name: String
        /// The type of its bijector.
        public let kind: String
        /// Whether it is behind all layers that mix elements, towards the data: it takes each element of them by itself.
        public let isPreprocessing: Bool
        /// The largest difference in an element of a row after going through the layer and back.
        public let inverseError: Spread
        /// The Euclidean length of that difference, in units of what one rounding explains: epsilon times
        /// (|s| + |J| |o|) for a row s, what the layer makes of it, o, and the Jacobian J of the way back.
        public let roundings: Spread
        /// By how much a small error in what the layer makes of a row has grown once it is back at the start: the norm
        /// of the Jacobian of the way back through this layer and all before it. Of preprocessing no number, because
        /// the elements of data have units of their own; the start is behind it.
        public let amplification: Spread
        /// Of the Jacobian of `forward`, over all rows.
        public let largestSingularValue: Double
        public let smallestSingularValue: Double
        /// The ratio of the two, by row.
        public let conditionNumber: Spread
        /// The sum of the log-dets of both directions, which is 0 but for rounding; in nats, without its sign.
        public let logDetGap: Spread
        /// Rows that were numbers until this layer, on the way there or in its own way back.
        public let nonFinite: Int
    }

    /// Where rows are from.
    public enum Place: Sendable, Hashable, CustomStringConvertible {
        /// Data, which go to base values and back.
        case heldOut
        /// Base values of samples, which go to data and back.
        case prior
        /// Data that are moved away from their mean to this multiple of the distance, where the preprocessing ends.
        case far(Double)

        public var description: String {
            switch self {
            case .heldOut: "held out"
            case .prior: "prior"
            case .far(let multiple): "far x\(Int(multiple))"
            }
        }

        var isFar: Bool { if case .far = self { true } else { false } }

        /// In JSON.
        public var key: String { description.replacing(" x", with: "_").replacing(" ", with: "_") }
    }

    public struct Passage: Sendable {
        public let place: Place
        public let rows: Int
        /// Rows that are not finite somewhere on the way there and back.
        public let nonFinite: Int
        /// The largest difference in an element of a row between its start and its return.
        public let roundTripError: Spread
        /// The Euclidean length of that difference, where the preprocessing of data ends, as a share of the median
        /// row's.
        public let relativeError: Spread
        /// By how much a relative error of 1 in all values on the way there has grown on return: the sum of amplification
        /// times length over the values that the layers make of a row, and the length of the row itself, as a share of
        /// the median row's.
        public let conditioning: Spread
        /// The relative error in units of epsilon times conditioning.
        public let roundings: Spread
        /// The sum of the log-dets of both ways, which is 0 but for rounding; in nats, without its sign.
        public let logDetGap: Spread
        /// In the order in which the rows go through them.
        public let layers: [Layer]

        /// Whether rows come back to a hundredth of themselves, and no worse than rounding and conditioning explain.
        public var isInvertible: Bool {
            nonFinite == 0 && roundings.largest <= Audit.mostRoundings && relativeError.largest <= 0.01
        }
    }

    /// The layer that limits the flow.
    public struct Worst: Sendable {
        public enum Reason: String, Sendable {
            /// Rows stop being numbers in it.
            case nonFinite = "non_finite"
            /// Its round trip loses more than rounding explains.
            case inverseError = "inverse_error"
            /// Nothing is wrong; its Jacobian has the largest condition number on data and samples.
            case conditionNumber = "condition_number"
        }

        public let layer: Layer
        public let place: Place
        public let reason: Reason
    }

    /// Roundings that a layer, or a flow, may make of one: more is no rounding.
    public static let mostRoundings = 32.0

    public let passages: [Passage]
    /// Of the element type: the distance from 1 to the next number.
    public let epsilon: Double
    /// Of every power iteration, at most.
    public let iterations: Int
    /// By how much a singular value of a layer last changed, relative to it: the most of all.
    public let lastChange: Double
    /// The same of amplifications.
    public let lastAmplificationChange: Double

    public subscript(place: Place) -> Passage? { passages.first { $0.place == place } }

    /// The layer in which most rows stop being numbers; else that whose round trip loses most beside what rounding
    /// explains, where that is more than `mostRoundings`; else that with the largest condition number on data and samples.
    public var worst: Worst? {
        let all = passages.flatMap { passage in passage.layers.map { (passage.place, $0) } }
        func most(_ reason: Worst.Reason, above least: Double, _ figure: (Audit.Place, Layer) -> Double) -> Worst? {
            let found = all.filter { figure($0.0, $0.1) > least }.max { figure($0.0, $0.1) < figure($1.0, $1.1) }
            return found.map { Worst(layer: $0.1, place: $0.0, reason: reason) }
        }
        return most(.nonFinite, above: 0) { Double($1.nonFinite) }
            ?? most(.inverseError, above: Self.mostRoundings) { $1.roundings.largest }
            ?? most(.conditionNumber, above: 0) { $0.isFar || $1.isPreprocessing ? 0 : $1.conditionNumber.largest }
    }

    /// Whether rows come back where the flow is used: on data and on samples.
    public var isInvertible: Bool { passages.allSatisfy { $0.place.isFar || $0.isInvertible } }
}
