// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "FirstModel",
    dependencies: [.package(name: "Pushforward", path: "../..")],
    targets: [
        .executableTarget(
            name: "FirstModel", dependencies: [.product(name: "Pushforward", package: "Pushforward")])
    ],
    swiftLanguageModes: [.v6]
)
