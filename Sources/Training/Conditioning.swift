import Datasets
import Execution
import Graph
import Models

extension Model {
    /// What rows of this model are conditioned on.
    var givenCondition: Condition { (self as? any ConditionalModel)?.condition ?? .none }

    /// The model with what its condition takes from the data.
    func conditioned(on rows: Rows) throws -> Self {
        guard let model = self as? any ConditionalModel else { return self }
        return try model.resolved(rows) as? Self ?? self
    }
}

extension ConditionalModel {
    fileprivate func resolved(_ rows: Rows) throws -> Self {
        var model = self
        switch condition {
        case .none: break
        case .label(let wanted):
            let most = Int(try condition.labels(of: rows).max() ?? 0) + 1
            guard max(most, wanted.classes) <= LabelCondition.mostClasses, wanted.classes >= 0 else {
                throw TrainingError(
                    "model.condition", "cannot be one of \(wanted.classes == 0 ? most : wanted.classes) classes",
                    "number the classes from 0, below \(LabelCondition.mostClasses)")
            }
            guard wanted.classes == 0 || most <= wanted.classes else {
                throw TrainingError(
                    "model.condition", "has \(wanted.classes) classes, the data have \(most)",
                    "leave the number out, or give a larger one")
            }
            model.condition = .label(LabelCondition(classes: max(wanted.classes, most)))
        case .factors(let wanted):
            let names = try condition.factors(of: rows).names
            model.condition = .factors(FactorCondition(names: wanted.names.isEmpty ? names : wanted.names))
        }
        return model
    }
}

extension Condition {
    fileprivate func labels(of rows: Rows) throws -> [Int32] {
        guard let labels = rows.labels else {
            throw TrainingError("model.condition", "the data have no labels", "use data with labels, or no condition")
        }
        guard labels.allSatisfy({ $0 >= 0 }) else {
            throw TrainingError("model.condition", "the data have negative labels", "number the classes from 0")
        }
        return labels
    }

    fileprivate func factors(of rows: Rows) throws -> Rows.Factors {
        guard let factors = rows.factors else {
            throw TrainingError(
                "model.condition", "the data have no known factors", "use data with factors, or another condition")
        }
        return factors
    }

    /// What the rows are conditioned on, [rows, width].
    func values(of rows: Rows) throws -> HostArray {
        switch self {
        case .none: return array([], rows: rows.count)
        case .label: return try values(ofClasses: labels(of: rows).map { Int($0) })
        case .factors(let wanted):
            let factors = try factors(of: rows)
            let columns = try wanted.names.map { name in
                guard let column = factors.names.firstIndex(of: name) else {
                    throw TrainingError("model.condition", "the data have no factor \(name)", "use data that have it")
                }
                return column
            }
            let values = (0..<rows.count).flatMap { row in
                columns.map { factors.values[row * factors.names.count + $0] }
            }
            return array(values, rows: rows.count)
        }
    }

    /// - Throws: Where `values` are not what rows of this condition are given, [at least 1, width].
    func check(_ values: HostArray) throws {
        guard values.shape.count == 2, values.shape[0] > 0, values.shape[1] == width, width > 0 else {
            let problem = width > 0 ? "takes [rows, \(width)]" : "is given nothing"
            throw TrainingError(
                "condition", "has the shape \(values.shape), yet the model \(problem)", "give what it was trained with")
        }
    }

    /// Of the values of so many rows; nil where nothing is given.
    func type(rows: Int) -> TensorType? { width > 0 ? TensorType([rows, width], .float32) : nil }

    /// Declares what the host provides for each row, where something is given.
    func input(_ graph: Graph, rows: Int, _ precision: ScalarType) throws(GraphError) -> Tensor? {
        guard let type = type(rows: rows) else { return nil }
        return try graph.input("condition", type).cast(to: precision)
    }

    private func array(_ values: [Float], rows: Int) -> HostArray {
        HostArray(values, shape: [rows, width]) ?? HostArray(TensorType([rows, width], .float32))
    }

    /// One row for each class, [classes, width].
    ///
    /// - Throws: Where the condition is no label or has no such class.
    public func values(ofClasses classes: [Int]) throws -> HostArray {
        guard case .label(let label) = self else {
            throw TrainingError("class", "the model is not conditioned on labels", "leave the class out")
        }
        var values = [Float](repeating: 0, count: classes.count * width)
        for (row, index) in classes.enumerated() {
            guard 0..<label.classes ~= index else {
                throw TrainingError(
                    "class \(index)", "the model has \(label.classes) classes", "use one of 0 to \(label.classes - 1)")
            }
            values[row * width + index] = 1
        }
        return array(values, rows: classes.count)
    }
}
