import Foundation
import Pushforward
import Testing

/// Models that are told the class or the factors of a row.
@Suite struct ConditionTests {
    /// Two round clusters: class 0 around (-2, 0), class 1 around (2, 1).
    private func clusters(labelled: Bool = true) throws -> Dataset {
        var numbers = Numbers(seed: 3)
        let labels = (0..<400).map { Int32($0 % 2) }
        var rows: [Float] = []
        for label in labels {
            rows.append(Float(4 * label - 2) + Float(numbers.normal() * 0.3))
            rows.append(Float(label) + Float(numbers.normal() * 0.3))
        }
        return try Dataset(rows: rows, shape: [2], labels: labelled ? labels : nil, name: "clusters")
    }

    private func flow(_ condition: Condition) -> RealNVP { RealNVP(layers: 2, hidden: [16], condition: condition) }

    private func mean(_ samples: HostArray, _ column: Int) -> Double {
        let values = samples.doubles
        let picked = stride(from: column, to: values.count, by: 2).map { values[$0] }
        return picked.reduce(0, +) / Double(picked.count)
    }

    @Test func samplesAndDensitiesFollowTheClass() throws {
        let training = try Training(
            flow(.label(LabelCondition())), on: clusters(), device: .cpu(threads: 1),
            optimizer: .adam(learningRate: 1e-2))
        #expect(training.model.condition == .label(LabelCondition(classes: 2)))
        try training.run(steps: 200, batchSize: 100)
        let trained = try training.finish()
        for (label, centre) in [(0, -2.0), (1, 2.0)] {
            let given = try trained.condition.values(ofClasses: [label])
            #expect(abs(mean(try trained.sample(count: 400, conditions: given), 0) - centre) < 0.2)
        }
        // By turns unless told otherwise; a sample does not depend on the others.
        let both = try trained.sample(count: 10, batchSize: 3)
        let second = try trained.sample(5..<6, conditions: trained.condition.values(ofClasses: [1]))
        #expect(Array(both.doubles[10..<12]) == second.doubles)

        // Rows are likely with their own labels and not with the other's.
        let own = try trained.evaluate(clusters().train)
        let swapped = try Rows(
            .float(clusters().train.floats), shape: [2], labels: clusters().train.labels.map { $0.map { 1 - $0 } })
        let nll = try #require(own["negative_log_likelihood"]).value
        let other = try trained.evaluate(swapped)
        let theirs = try #require(other["negative_log_likelihood"]).value
        #expect(nll < 2 && theirs > nll + 5)

        let folder = try TemporaryFolder()
        try trained.save(to: folder.path + "/run")
        let again = try Trained<RealNVP>(contentsOf: folder.path + "/run", device: .cpu(threads: 1))
        #expect(again.condition == trained.condition)
        #expect(try again.sample(count: 4).bytes == (try trained.sample(count: 4).bytes))
    }

    @Test func factorsAreGivenAsTheyAre() throws {
        let shapes = try Dataset.shapes(count: 40, testCount: 10)
        let names = ["x", "y"]
        let training = try Training(
            flow(.factors(FactorCondition(names: names))), on: shapes, device: .cpu(threads: 1))
        try training.run(steps: 2, batchSize: 20)
        let trained = try training.finish()
        #expect(trained.condition.width == 2)
        #expect(message { _ = try trained.sample(count: 1) }.contains("conditional, and nothing is given"))
        for wrong in [array([], [0, 2]), array([1, 2, 3], [1, 3]), array([1, 2], [2])] {
            #expect(message { _ = try trained.sample(count: 1, conditions: wrong) }.contains("takes [rows, 2]"))
        }
        #expect(try trained.sample(count: 2, conditions: array([12, 14], [1, 2], .float32)).shape == [2, 1, 28, 28])
        #expect(try trained.evaluate(shapes.test).nonFinite == 0)
    }

    @Test func whatDoesNotFitIsAnError() throws {
        func training(_ condition: Condition, _ data: Dataset) throws {
            _ = try Training(flow(condition), on: data, device: .cpu(threads: 1))
        }
        #expect(message { try training(.label(LabelCondition()), clusters(labelled: false)) }.contains("no labels"))
        #expect(message { try training(.label(LabelCondition(classes: 1)), clusters()) }.contains("data have 2"))
        for classes in [-1, 1 << 20] {
            let wrong = Condition.label(LabelCondition(classes: classes))
            #expect(message { try training(wrong, clusters()) }.contains("cannot be one of \(classes) classes"))
        }
        #expect(message { try training(.factors(FactorCondition()), clusters()) }.contains("no known factors"))
        let label = Condition.label(LabelCondition(classes: 2))
        #expect(message { _ = try label.values(ofClasses: [2]) }.contains("use one of 0 to 1"))
        #expect(message { _ = try Condition.none.values(ofClasses: [0]) }.contains("not conditioned on labels"))
    }
}
