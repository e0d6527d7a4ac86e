import Graph

extension FusedLoop {
    /// The same loop over as few axes as its index maps allow, with a reduction in one of its two modes: at least one
    /// reduced axis, and behind it either none (rows) or exactly one axis (columns).
    func normalized() -> FusedLoop {
        guard let reduction else { return collapsed() }
        var result = self
        if reduction.axes.isEmpty {
            let position = reduction.axes.lowerBound
            result = result.rearranged((0..<position).map { $0 } + [nil] + (position..<extents.count).map { $0 })
            result.reduction?.axes = position..<(position + 1)
        }
        result = result.collapsed()
        guard let axes = result.reduction?.axes, result.extents.count - axes.upperBound > 1 else { return result }
        // Several kept axes behind the reduced ones would not join: all but the last go to the front.
        let last = result.extents.count - 1
        let moved = Array(axes.upperBound..<last)
        let order = Array(0..<axes.lowerBound) + moved + Array(axes) + [last]
        result = result.rearranged(order)
        result.reduction?.axes = (axes.lowerBound + moved.count)..<last
        return result.collapsed()
    }

    /// Axes of size 1 dropped, and neighbours joined that every index map walks through like one.
    private func collapsed() -> FusedLoop {
        var result = self
        var axis = result.extents.count - 1
        while axis >= 0 {
            let sole = result.reduction.map { $0.axes == axis..<(axis + 1) } ?? false
            if result.extents[axis] == 1 && !sole && result.maps.allSatisfy({ $0.valid[axis] == 0..<1 }) {
                result = result.removing(axis)
            } else if axis + 1 < result.extents.count, result.canJoin(axis) {
                result = result.joining(axis)
            }
            axis -= 1
        }
        return result
    }

    private var maps: [IndexMap] {
        sources.compactMap { if case .load(let access) = $0 { access.map } else { nil } } + stores.map(\.access.map)
    }

    private func removing(_ axis: Int) -> FusedLoop {
        var result = rearranged(extents.indices.filter { $0 != axis }.map { $0 })
        if let axes = reduction?.axes {
            let lower = axes.lowerBound - (axis < axes.lowerBound ? 1 : 0)
            result.reduction?.axes = lower..<(axes.upperBound - (axis < axes.upperBound ? 1 : 0))
        }
        return result
    }

    private func canJoin(_ axis: Int) -> Bool {
        if let axes = reduction?.axes, axis + 1 == axes.lowerBound || axis + 1 == axes.upperBound { return false }
        for source in sources {
            if case .index(let used, _, _) = source, used == axis || used == axis + 1 { return false }
        }
        return maps.allSatisfy { map in
            map.strides[axis] == map.strides[axis + 1] * map.shape[axis + 1]
                && map.valid[axis] == 0..<map.shape[axis] && map.valid[axis + 1] == 0..<map.shape[axis + 1]
        }
    }

    private func joining(_ axis: Int) -> FusedLoop {
        var result = removing(axis)
        let size = extents[axis] * extents[axis + 1]
        result.extents[axis] = size
        return result.mapping { map in
            map.shape[axis] = size
            map.valid[axis] = 0..<size
        }
    }

    /// Axes chosen and ordered by `order`; nil makes a new axis of size 1.
    private func rearranged(_ order: [Int?]) -> FusedLoop {
        var result = mapping { map in
            let old = map
            map.shape = order.map { $0.map { old.shape[$0] } ?? 1 }
            map.strides = order.map { $0.map { old.strides[$0] } ?? 0 }
            map.valid = order.map { $0.map { old.valid[$0] } ?? 0..<1 }
        }
        for index in sources.indices {
            if case .index(let axis, let scale, let start) = sources[index] {
                // A coordinate along a dropped axis of size 1 is constant.
                result.sources[index] =
                    order.firstIndex(of: axis).map { .index(axis: $0, scale: scale, start: start) }
                    ?? .constant(ScalarLiteral(Double(start), .int32))
            }
        }
        result.extents = order.map { $0.map { extents[$0] } ?? 1 }
        return result
    }

    private func mapping(_ transform: (inout IndexMap) -> Void) -> FusedLoop {
        var result = self
        for index in sources.indices {
            if case .load(var access) = sources[index] {
                transform(&access.map)
                result.sources[index] = .load(access)
            }
        }
        for index in stores.indices { transform(&result.stores[index].access.map) }
        return result
    }
}
