/// The losses on the validation rows so far. What a training decides by them (when to stop, which checkpoint is the
/// best, a lower learning rate) is a function of this list alone, so a resumed training decides the same.
public struct ValidationHistory: Codable, Hashable, Sendable {
    public struct Entry: Codable, Hashable, Sendable {
        /// Steps done.
        public let step: Int
        /// Nil where it was not finite.
        public let loss: Double?
    }

    public private(set) var entries: [Entry] = []

    public init() {}

    public init(from decoder: any Decoder) throws {
        entries = try decoder.singleValueContainer().decode([Entry].self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(entries)
    }

    mutating func append(_ loss: Double, at step: Int) {
        entries.append(Entry(step: step, loss: loss.isFinite ? loss : nil))
    }

    /// The first of the least losses; nil where none was finite.
    public var best: (step: Int, loss: Double)? {
        var best: (step: Int, loss: Double)?
        for entry in entries {
            if let loss = entry.loss, loss < best?.loss ?? .infinity { best = (entry.step, loss) }
        }
        return best
    }

    /// How many entries there are after the best one.
    public var countSinceBest: Int {
        let best = best?.step
        return entries.reversed().prefix { $0.step != best }.count
    }

    /// How many times `patience` entries in a row brought nothing better than what was before them.
    func plateauCount(patience: Int) -> Int {
        var (best, waited, count) = (Double.infinity, 0, 0)
        for entry in entries {
            if let loss = entry.loss, loss < best {
                (best, waited) = (loss, 0)
            } else {
                waited += 1
            }
            if waited == patience { (waited, count) = (0, count + 1) }
        }
        return count
    }
}
