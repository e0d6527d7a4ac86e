extension Dataset {
    /// A set of data that goes by a name.
    public struct CatalogEntry: Sendable {
        public let name: String
        /// What it is, in one line.
        public let summary: String
        public let isInstalled: Bool
        /// The command that installs it; `nil` where there is nothing to install.
        public let installation: String?
        let load: @Sendable () throws(DatasetError) -> Dataset

        /// The differential entropy in nats of one row, below which no model's expected negative log-likelihood can be;
        /// nil where it is not known.
        public var entropy: Double? {
            name == "gaussian-64" ? Gaussian64.entropy : PlaneDensity(rawValue: name)?.entropy
        }
    }

    /// The data sets that `load` knows by name.
    public static var catalog: [CatalogEntry] {
        [
            CatalogEntry(
                name: "fashion-mnist", summary: "60,000 + 10,000 gray images of clothes, 28 x 28, ten classes",
                isInstalled: isFashionMNISTInstalled, installation: fashionMNISTInstallation,
                load: { () throws(DatasetError) in try fashionMNIST() }),
            CatalogEntry(
                name: "shapes",
                summary: "10,000 + 2,000 generated gray images of shapes, 28 x 28, factors known, no file needed",
                isInstalled: true, installation: nil, load: { () throws(DatasetError) in try shapes() }),
        ]
            + PlaneDensity.allCases.map { density in
                CatalogEntry(
                    name: density.rawValue,
                    summary: "50,000 + 10,000 generated points in the plane: \(density.summary)",
                    isInstalled: true, installation: nil,
                    load: { () throws(DatasetError) in try plane(density) })
            } + [
                CatalogEntry(
                    name: "gaussian-64",
                    summary: "50,000 + 10,000 generated rows of a correlated normal of 64 dimensions, entropy known",
                    isInstalled: true, installation: nil, load: { () throws(DatasetError) in try gaussian64() })
            ]
    }
}
