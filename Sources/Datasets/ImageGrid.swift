/// Images side by side in one picture, row by row, with a thin gap between them.
public struct ImageGrid: Sendable {
    public let columns: Int
    /// Pixels between neighbours and around all.
    public var gap = 2
    /// The gap's gray level.
    public var gapLevel: UInt8 = 96

    /// `columns` images per row; fewer than 1 counts as 1.
    public init(columns: Int) {
        self.columns = max(1, columns)
    }

    /// Tiles images of `shape` [channels, height, width] or [height, width] with 1 or 3 channels.
    ///
    /// `images` holds them one after another in C order; 0 is black, 1 white, values outside are clamped and NaN is
    /// black. Throws where the values are no whole number of images, none at all, or the picture would be too large.
    public func picture(_ images: [Float], shape: [Int]) throws(DatasetError) -> PNGImage {
        let extents = shape.count == 2 ? [1] + shape : shape
        guard extents.count == 3, extents[0] == 1 || extents[0] == 3, extents[1] > 0, extents[2] > 0,
            extents[1] <= 65535, extents[2] <= 65535
        else {
            throw DatasetError("grid", "\(shape) is no shape of an image", "give [1 or 3 channels, height, width]")
        }
        let (channels, height, width) = (extents[0], extents[1], extents[2])
        let size = channels * height * width
        let count = images.count / size
        guard count > 0, images.count == count * size else {
            throw DatasetError(
                "grid", "\(images.count) values are no whole number of images of shape \(shape)",
                "give \(size) per image")
        }
        let across = min(columns, count)
        let down = (count + across - 1) / across
        let pitch = (x: width + gap, y: height + gap)
        let total = (width: across * pitch.x + gap, height: down * pitch.y + gap)
        guard total.width <= 65535, total.height <= 65535 else {
            throw DatasetError(
                "grid", "a picture of \(total.width) x \(total.height) pixels is too large",
                "draw fewer images or change the columns")
        }
        var levels = [UInt8](repeating: gapLevel, count: total.width * total.height * channels)
        for image in 0..<count {
            let left = gap + image % across * pitch.x
            let top = gap + image / across * pitch.y
            for channel in 0..<channels {
                for y in 0..<height {
                    let source = image * size + (channel * height + y) * width
                    let target = (top + y) * total.width + left
                    for x in 0..<width {
                        levels[(target + x) * channels + channel] = Self.level(images[source + x])
                    }
                }
            }
        }
        return try PNGImage(width: total.width, height: total.height, channels: channels, levels: levels)
    }

    private static func level(_ value: Float) -> UInt8 {
        // The comparison is false for NaN.
        value > 0 ? UInt8((min(value, 1) * 255).rounded()) : 0
    }
}

extension Rows {
    /// The rows as images in a picture with `columns` per row; throws where they are no images.
    public func grid(columns: Int) throws(DatasetError) -> PNGImage {
        try ImageGrid(columns: columns).picture(floats, shape: shape)
    }
}
