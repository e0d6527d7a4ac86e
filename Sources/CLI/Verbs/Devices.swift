import Pushforward

/// What there is to compute on.
enum Devices {
    static let verb = Verb(
        name: "devices", summary: "list what there is to compute on", options: [Common.threads, Common.json],
        example: "devices", run: run)

    private static func run(_ arguments: Arguments, _ console: Console) throws {
        let auto = try DeviceName.auto.device(threads: arguments[Common.threads]).makeBackend().name
        let backends = [try Device(named: "cpu", threads: arguments[Common.threads]).makeBackend()]
        let devices = backends.map { backend -> JSONTree in
            [
                "name": .string(backend.name), "description": .string(backend.description),
                "is_default": .bool(backend.name == auto),
            ]
        }
        try console.report(["devices": .array(devices)] as JSONTree) { _ in
            columns(backends.map { ($0.name, $0.description + ($0.name == auto ? " (default)" : "")) })
        }
    }
}
