extension JSONTree {
    /// This tree of defaults with `overlay` laid over it.
    ///
    /// Objects merge key by key; a list is replaced as a whole. An object with a `kind` is a variant: a bare string, or
    /// an object of another kind, replaces it, and is then completed with that kind's defaults when it is decoded (see
    /// `Variant`).
    ///
    /// - Parameter path: The dotted key of this tree in the whole configuration, for errors.
    /// - Throws: `ConfigurationError.unknownKey`, or `.badValue` where the types differ.
    public func merged(with overlay: JSONTree, at path: String = "") throws(ConfigurationError) -> JSONTree {
        switch (self, overlay) {
        case (.object(let base), .string) where base["kind"]?.string != nil:
            return ["kind": overlay]
        case (.object(var base), .object(let changes)):
            if let kind = base["kind"]?.string, let other = changes["kind"], other.string != kind { return overlay }
            for (key, value) in changes.entries {
                let keyPath = KeyPathText.appending(key, to: path)
                guard let current = base[key] else { throw .unknown(keyPath, in: self, at: path) }
                base[key] = try current.merged(with: value, at: keyPath)
            }
            return .object(base)
        case (.null, _), (_, .null),  // An optional: whether null is allowed, and what else, is known when decoding.
            (.bool, .bool), (.number, .number), (.string, .string), (.array, .array):
            return overlay
        default:
            throw .badValue(path.isEmpty ? "configuration" : path, value: overlay.compact, expected: kindName)
        }
    }

    /// The keys whose values differ, one `key: a -> b` each, in the order of this tree's keys.
    public func differences(to other: JSONTree, at path: String = "") -> [String] {
        guard case .object(let left) = self, case .object(let right) = other else {
            return self == other ? [] : ["\(path): \(compact) -> \(other.compact)"]
        }
        let added = right.keys.filter { left[$0] == nil }
        return (left.keys + added).flatMap { key -> [String] in
            let keyPath = KeyPathText.appending(key, to: path)
            return switch (left[key], right[key]) {
            case (let a?, let b?): a.differences(to: b, at: keyPath)
            case (let a?, nil): ["\(keyPath): \(a.compact) -> nothing"]
            case (nil, let b?): ["\(keyPath): nothing -> \(b.compact)"]
            case (nil, nil): []
            }
        }
    }

    /// Throws for the first key that is in this tree and not in `known`.
    func checkKeys(areIn known: JSONTree, at path: String) throws(ConfigurationError) {
        switch (self, known) {
        case (.object(let object), .object(let knownObject)):
            for (key, value) in object.entries {
                let keyPath = KeyPathText.appending(key, to: path)
                guard let knownValue = knownObject[key] else { throw .unknown(keyPath, in: known, at: path) }
                try value.checkKeys(areIn: knownValue, at: keyPath)
            }
        case (.array(let elements), .array(let knownElements)):
            for (index, (element, knownElement)) in zip(elements, knownElements).enumerated() {
                try element.checkKeys(areIn: knownElement, at: KeyPathText.appending(index, to: path))
            }
        default: break
        }
    }
}

extension ConfigurationError {
    /// The error for a key that `tree` does not have. A key of another branch is suggested where the name is the same:
    /// `latent` is answered with `model.latent`.
    static func unknown(_ keyPath: String, in tree: JSONTree, at path: String) -> ConfigurationError {
        guard case .object(let object) = tree else { return .unknownKey(keyPath, nearest: nil) }
        let name = keyPath.split(separator: ".").last.map(String.init) ?? keyPath
        if let deeper = object.entries.first(where: { $0.value[name] != nil }) {
            let branch = KeyPathText.appending(deeper.key, to: path)
            return .unknownKey(keyPath, nearest: KeyPathText.appending(name, to: branch))
        }
        let sibling = nearest(name, among: object.keys)
        return .unknownKey(keyPath, nearest: sibling.map { KeyPathText.appending($0, to: path) })
    }
}
