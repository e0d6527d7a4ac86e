import Foundation

/// The tile choices that devices get where nobody has tuned them: tiles.json, in whose order the first entry that matches
/// counts.
struct TileSeed: Decodable {
    /// Parts of names, any of which must occur; nil for all.
    var vendors: [String]?
    var devices: [String]?
    var kinds: [OpenCLDevice.Kind]?
    /// Small devices are filled by other tiles than large ones.
    var computeUnitsFrom: Int?

    /// Families that differ from the rule.
    var matmulGPU: TileChoices.MatmulGPU?
    var matmulCPU: TileChoices.MatmulCPU?
    var convolutionGPU: TileChoices.ConvolutionGPU?
    var convolutionCPU: TileChoices.ConvolutionCPU?

    /// Empty only when the file is damaged, which a test would notice.
    static let all = (try? JSONDecoder().decode([TileSeed].self, from: Data(KernelFile.tiles.text.utf8))) ?? []

    static func choices(for device: OpenCLDevice) -> TileChoices {
        all.first { $0.matches(device) }?.choices ?? .rule
    }

    var choices: TileChoices {
        let rule = TileChoices.rule
        return TileChoices(
            matmulGPU: matmulGPU ?? rule.matmulGPU, matmulCPU: matmulCPU ?? rule.matmulCPU,
            convolutionGPU: convolutionGPU ?? rule.convolutionGPU, convolutionCPU: convolutionCPU ?? rule.convolutionCPU
        )
    }

    private func matches(_ device: OpenCLDevice) -> Bool {
        matches(
            vendor: device.vendor, name: device.deviceName, kind: device.kind, computeUnits: device.computeUnits)
    }

    func matches(vendor: String, name: String, kind: OpenCLDevice.Kind, computeUnits: Int) -> Bool {
        vendors?.contains(where: vendor.contains) ?? true && devices?.contains(where: name.contains) ?? true
            && kinds?.contains(kind) ?? true && computeUnits >= computeUnitsFrom ?? 0
    }
}
