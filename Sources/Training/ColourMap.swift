import Datasets

/// Colours for numbers from 0 to 1 whose lightness grows evenly, so that equal steps look equal: viridis (van der Walt and
/// Smith 2015), straight lines between eleven of its colours.
enum ColourMap {
    private static let stops: [Canvas.Colour] = [
        0x44_0154, 0x48_2475, 0x41_4487, 0x35_5f8d, 0x2a_788e, 0x21_918c, 0x22_a884, 0x44_bf70, 0x7a_d151, 0xbd_df26,
        0xfd_e725,
    ].map { Canvas.Colour(rgb: $0) }

    /// White for NaN, which is no number to look away from.
    static func colour(_ value: Double) -> Canvas.Colour {
        guard !value.isNaN else { return .one }
        let place = min(max(value, 0), 1) * Double(stops.count - 1)
        let below = min(Int(place), stops.count - 2)
        return stops[below] + (stops[below + 1] - stops[below]) * Float(place - Double(below))
    }
}

extension Canvas.Colour {
    /// Eight bits each, such as 0xff8000 for orange.
    init(rgb: Int) {
        self.init(Float(rgb >> 16 & 255) / 255, Float(rgb >> 8 & 255) / 255, Float(rgb & 255) / 255)
    }
}
