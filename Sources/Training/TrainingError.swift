/// Why training, or what follows it, cannot go on: one line that says where, what, and what to do.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    public let place: String
    public let problem: String
    public let remedy: String

    public init(_ place: String, _ problem: String, _ remedy: String) {
        self.place = place
        self.problem = problem
        self.remedy = remedy
    }

    public var description: String { "\(place): \(problem); \(remedy)" }
}
