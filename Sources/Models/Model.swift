import Graph
import Networks
import Probability

/// A system that can be trained: hyperparameters, and pure functions that trace its mathematics.
public protocol Model: Codable, Sendable {
    /// What the command line and messages call it; the type's name unless given.
    static var name: String { get }

    /// The same model for rows of this shape, where it depends on it. Throws where it cannot take them.
    func adapted(to rowShape: [Int]) throws -> Self

    /// Whether rows must be gray levels k / 255 with an integer k in 0...255; no unless given.
    var takesLevels: Bool { get }

    /// What training minimises, for a batch `x` [rows, ...]. `scope` is the model's root.
    func objective(_ x: Tensor, _ scope: Scope) throws -> Objective

    /// What is known of each row's likelihood, with `draws` draws of every latent variable. Never with the weights or
    /// the relaxations of training.
    func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment
}

extension Model {
    public static var name: String { "\(Self.self)" }

    public func adapted(to rowShape: [Int]) throws -> Self { self }

    public var takesLevels: Bool { false }

    public func assessment(_ x: Tensor, draws: Int, _ scope: Scope) throws -> Assessment {
        throw GraphError("evaluate", "\(Self.name) does not say how it is evaluated")
    }
}

/// A model that makes new rows.
public protocol GenerativeModel: Model {
    /// One new row for each of the trace's samples, [rows] + rowShape.
    ///
    /// - Parameters:
    ///   - temperature: Multiplies the standard deviation of the noise that rows are made of.
    ///   - output: Of latent-variable models; others make what they make.
    func sample(_ rowShape: [Int], temperature: Double, output: DecoderOutput, _ root: Scope) throws -> Tensor
}

/// A sum of weighted terms, each given per row; the loss is its mean over the rows.
public struct Objective {
    public struct Term {
        public var name: String
        /// [rows], in nats where it is a log-probability.
        public var value: Tensor
        public var weight: Double
    }

    public var terms: [Term] = []

    public init() {}

    public mutating func add(_ name: String, _ value: Tensor, weight: Double = 1) {
        terms.append(Term(name: name, value: value, weight: weight))
    }

    /// The mean over the rows of the weighted sum, [].
    public func loss() throws(GraphError) -> Tensor {
        guard let first = terms.first else { throw GraphError("objective", "has no terms") }
        var total = first.value.graph.constant(0, first.value.scalar)
        for term in terms {
            let mean = try term.value.mean(compensated: true)
            total = try total + (term.weight == 1 ? mean : mean * term.weight)
        }
        return total
    }
}

/// What a model says of each row's likelihood.
public struct Assessment {
    /// A part of minus the bound on the log-likelihood, in nats.
    public struct Term {
        public var name: String
        /// [rows, draws], or [rows, 1] where it has a closed form.
        public var value: Tensor
        /// Whether it depends on the draws.
        public var isDrawn: Bool

        public init(_ name: String, _ value: Tensor, isDrawn: Bool) {
            self.name = name
            self.value = value
            self.isDrawn = isDrawn
        }
    }

    /// What the terms say of log p(x).
    public enum Likelihood {
        /// Nothing: the model gives rows no probability.
        case none
        /// They sum to -log p(x).
        case exact
        /// They sum to minus a lower bound. [rows, draws]: log of p(x, z) / q(z | x) for each draw.
        case bound(logWeights: Tensor)
    }

    public var terms: [Term]
    public var likelihood: Likelihood
    /// Of the likelihood p(x | z).
    public var support: Support
    /// Other figures, each [rows].
    public var others: [(name: String, unit: String, value: Tensor)]

    public init(
        terms: [Term], likelihood: Likelihood = .none, support: Support,
        others: [(name: String, unit: String, value: Tensor)] = []
    ) {
        self.terms = terms
        self.likelihood = likelihood
        self.support = support
        self.others = others
    }
}
