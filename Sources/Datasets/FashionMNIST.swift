import Glibc

extension Dataset {
    /// Where Debian's package `dataset-fashion-mnist` puts its files.
    static let fashionMNISTFolder = "/usr/share/datasets/fashion-mnist"
    /// The environment variable that names another folder.
    static let fashionMNISTVariable = "PUSHFORWARD_FASHION_MNIST"
    static let fashionMNISTInstallation = "sudo apt-get install dataset-fashion-mnist"

    /// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): gray images of clothes in ten classes, 60,000 for training and
    /// 10,000 for test, of shape [1, 28, 28].
    ///
    /// Read from `root`, else from the folder that the environment variable PUSHFORWARD_FASHION_MNIST names, else from
    /// where Debian's package installs it. Throws with the command that installs it where it is absent.
    public static func fashionMNIST(root: String? = nil) throws(DatasetError) -> Dataset {
        try fashionMNIST(root: root, variable: fashionMNISTVariableValue)
    }

    /// As above, with the variable's value given.
    static func fashionMNIST(root: String?, variable: String?) throws(DatasetError) -> Dataset {
        let folder = root ?? variable ?? fashionMNISTFolder
        guard InputFile.kind(folder) == .folder else {
            throw DatasetError(
                "fashion-mnist", "is not installed (no folder \(folder))",
                root == nil && variable != nil
                    ? "correct or unset \(fashionMNISTVariable)" : "install it: \(fashionMNISTInstallation)")
        }
        return try IDX.load(folder: folder, name: "fashion-mnist")
    }

    static var isFashionMNISTInstalled: Bool {
        InputFile.kind(fashionMNISTVariableValue ?? fashionMNISTFolder) == .folder
    }

    private static var fashionMNISTVariableValue: String? {
        guard let value = getenv(fashionMNISTVariable), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
