import CPNG

/// An image of 8 bits per channel, gray or RGB, in the PNG format.
public struct PNGImage: Equatable, Sendable {
    public let width: Int
    public let height: Int
    /// 1 (gray) or 3 (RGB).
    public let channels: Int
    /// [height, width, channels] in C order.
    public let levels: [UInt8]

    /// Throws where an extent is not in 1...65535, `channels` is not 1 or 3, or the sizes disagree.
    public init(width: Int, height: Int, channels: Int, levels: [UInt8]) throws(DatasetError) {
        let extents = 1...65535
        guard extents.contains(width), extents.contains(height), channels == 1 || channels == 3 else {
            throw DatasetError(
                "image", "\(width) x \(height) with \(channels) channels is no image that PNG can hold",
                "give 1 or 3 channels and 1 to 65535 pixels each way")
        }
        guard levels.count == width * height * channels else {
            throw DatasetError(
                "image", "\(levels.count) levels do not fill \(width) x \(height) x \(channels)",
                "give one level per pixel and channel")
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.levels = levels
    }

    /// Reads a file of any PNG kind: colour becomes RGB, all else gray; 16 bits become 8; what is transparent shows
    /// black.
    public init(contentsOf path: String) throws(DatasetError) {
        try self.init(parsing: InputFile.read(path), path)
    }

    init(parsing file: [UInt8], _ place: String) throws(DatasetError) {
        // libpng keeps the address from one call to the next.
        let image = file.withUnsafeBytes { bytes in
            Result { () throws(DatasetError) in try Self.read(bytes, place) }
        }
        self = try image.get()
    }

    private static func read(_ file: UnsafeRawBufferPointer, _ place: String) throws(DatasetError) -> PNGImage {
        guard file.starts(with: [0x89, 0x50, 0x4e, 0x47]) else {
            throw DatasetError(place, "is not a PNG file", "convert it or take it away")
        }
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, file.baseAddress, file.count) != 0 else {
            throw damaged(image, place)
        }
        // Without this, 16-bit files would be taken for linear light and brightened.
        image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
        let isColour = image.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) != 0
        image.format = isColour ? rgb : gray
        let (width, height, channels) = (Int(image.width), Int(image.height), isColour ? 3 : 1)
        // At best a pixel takes one bit before deflate.
        guard width <= 65535, height <= 65535, width * height / 8 / Gzip.greatestRatio <= file.count else {
            throw DatasetError(
                place, "its header promises \(width) x \(height) pixels", "it is damaged: fetch it again")
        }
        var levels = [UInt8](repeating: 0, count: width * height * channels)
        var background = png_color(red: 0, green: 0, blue: 0)
        let read = levels.withUnsafeMutableBytes {
            png_image_finish_read(&image, &background, $0.baseAddress, png_int_32(width * channels), nil)
        }
        guard read != 0 else { throw damaged(image, place) }
        return try PNGImage(width: width, height: height, channels: channels, levels: levels)
    }

    /// The file's bytes.
    public func encoded() throws(DatasetError) -> [UInt8] {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(width)
        image.height = png_uint_32(height)
        image.format = channels == 3 ? Self.rgb : Self.gray
        defer { png_image_free(&image) }
        // Noise does not shrink: a filter byte per row, 12 bytes per chunk of 8 KiB and 5 per deflate block come on top.
        var file = [UInt8](repeating: 0, count: (levels.count + height) / 100 * 101 + 4096)
        var size = file.count
        let written = levels.withUnsafeBytes { source in
            file.withUnsafeMutableBytes { target in
                png_image_write_to_memory(
                    &image, target.baseAddress, &size, 0, source.baseAddress, png_int_32(width * channels), nil)
            }
        }
        guard written != 0 else {
            throw DatasetError("image", "cannot be encoded (\(Self.message(image)))", "make it smaller")
        }
        file.removeLast(file.count - size)
        return file
    }

    /// Writes a .png file, all or nothing.
    public func write(to path: String) throws {
        try AtomicFile.write(encoded(), to: path)
    }

    private static let rgb = png_uint_32(PNG_FORMAT_RGB)
    private static let gray = png_uint_32(PNG_FORMAT_GRAY)

    private static func damaged(_ image: png_image, _ place: String) -> DatasetError {
        DatasetError(place, "is damaged (\(message(image)))", "fetch it again or take it away")
    }

    private static func message(_ image: png_image) -> String {
        withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

extension PNGImage {
    /// The levels as [channels, height, width].
    var planar: [UInt8] {
        channels == 1
            ? levels
            : levels.inCOrder(shape: [channels, height, width], strides: [1, width * channels, channels])
    }

    /// A gray image with its level in all three channels.
    var coloured: PNGImage {
        get throws(DatasetError) {
            guard channels == 1 else { return self }
            return try PNGImage(width: width, height: height, channels: 3, levels: levels.flatMap { [$0, $0, $0] })
        }
    }

    /// The images of a folder, sorted by name, as rows of shape [channels, height, width].
    static func rows(folder: String) throws(DatasetError) -> Rows {
        let names = try InputFile.names(in: folder).filter { $0.lowercased().hasSuffix(".png") }
        guard !names.isEmpty else { throw DatasetError(folder, "holds no .png files", "name a folder of images") }
        var images = try concurrently(names.count) { index throws(DatasetError) in
            try PNGImage(contentsOf: "\(folder)/\(names[index])")
        }
        let first = images[0]
        if let other = images.firstIndex(where: { $0.width != first.width || $0.height != first.height }) {
            throw DatasetError(
                "\(folder)/\(names[other])",
                "has \(images[other].width) x \(images[other].height) pixels, \(names[0]) has \(first.width) x \(first.height)",
                "bring all images to one size")
        }
        // One image in colour makes all of them so.
        if let channels = images.map(\.channels).max(), channels == 3 {
            for index in images.indices { images[index] = try images[index].coloured }
        }
        var levels: [UInt8] = []
        levels.reserveCapacity(images.count * images[0].levels.count)
        for image in images { levels += image.planar }
        return try Rows(.gray8(levels), shape: [images[0].channels, first.height, first.width], place: folder)
    }
}
