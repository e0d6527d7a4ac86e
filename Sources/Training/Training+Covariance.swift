import Execution

extension Training {
    /// Throws where a covariance of the data is singular, with the elements that make it so.
    func checkCovariances() throws {
        for parameter in layout.parameters where parameter.initializer == .dataCovarianceFactor {
            let factor = try states.read(parameter.path)
            let singular = factor.rowLengths().enumerated().filter(\.element.isNaN).map(\.offset)
            guard !singular.isEmpty else { continue }
            let rows = dataset.train.floats
            let constant = singular.filter { place in
                stride(from: place, to: rows.count, by: dataset.train.rowSize).allSatisfy { rows[$0] == rows[place] }
            }
            let dependent = singular.filter { !constant.contains($0) }
            let name = dataset.shape.count == 1 ? "column" : "element"
            let problems =
                listed(constant, name, "is constant", "are constant")
                + listed(
                    dependent, name, "depends linearly on those before it", "depend linearly on those before them")
            throw TrainingError(
                M.name,
                "\(problems.joined(separator: ", and ")), as far as \(precision.rawValue) can tell (the first is \(name) 1):"
                    + " rows have no density",
                precision == .float32 ? "leave out such \(name)s, or compute in float64" : "leave out such \(name)s")
        }
    }
}

/// "columns 3 and 6 are constant"; nothing where there are none. Places count from 0, what is said from 1.
private func listed(_ places: [Int], _ name: String, _ one: String, _ several: String) -> [String] {
    guard let last = places.last else { return [] }
    if places.count == 1 { return ["\(name) \(last + 1) \(one)"] }
    let others = places.dropLast().map { "\($0 + 1)" }.joined(separator: ", ")
    return ["\(name)s \(others) and \(last + 1) \(several)"]
}
