import Compiler
import Graph

/// The text of a loop's scalar program, for frames that provide the coordinates i0, i1 ... along the axes.
///
/// A register is a constant named r0, r1 ... and stands where all it depends on is known: once, once per row (the last
/// axis is a row), or at each element, where `at` is its position in the iteration space.
struct LoopText {
    enum Place: Int, Comparable {
        case once, row, element
        static func < (a: Place, b: Place) -> Bool { a.rawValue < b.rawValue }
    }

    /// Where elements find their random words.
    enum Words {
        /// Each makes its own.
        case own
        /// Four neighbours share them: `word` is the number among them, `group` that of the four.
        case four
        /// In arrays for elements start..<end, at most 1024.
        case arrays
    }

    private(set) var parameters: LoopParameters
    /// Whether elements need no coordinates but `at`.
    private(set) var isLinear = true
    private var usedAxes: Set<Int> = []
    private let words: Words
    private let extents: [Int]
    private let stored: Set<BufferID>
    private let index: String
    /// Names for the memory that is used.
    private(set) var pointers: [String] = []
    private var named: Set<Int> = []
    private var lines: [Place: [String]] = [:]
    private var names: [String] = []
    private var places: [Place] = []
    /// What makes random words for `Words.four` and `.arrays`, before the elements that use them.
    private(set) var fillWords: [String] = []

    /// - Parameter parameters: those of the loops before it in the same kernel.
    init(_ loop: FusedLoop, index: String, words: Words, _ parameters: LoopParameters) {
        self.parameters = parameters
        self.index = index
        self.words = words
        extents = loop.extents
        var stored = Set(loop.stores.map(\.access.buffer))
        if let reduction = loop.reduction { stored.insert(reduction.result) }
        self.stored = stored
        for source in loop.sources { add(source) }
        for instruction in loop.instructions {
            let place = instruction.operands.map { places[$0] }.max() ?? .once
            define(instruction.resultType, place, instruction.text(instruction.operands.map { names[$0] }))
        }
        for store in loop.stores {
            let scalar = store.access.scalar
            let value = scalar.memoryValue(names[store.register])
            lines[.element, default: []].append("\(element(store.access)) = \(value);")
        }
    }

    func register(_ number: Int) -> String { names[number] }
    subscript(_ place: Place) -> [String] { lines[place] ?? [] }

    /// Those coordinates of some neighbouring axes that the program needs, given the position in the space they span.
    func coordinates(_ axes: Range<Int>, of position: String) -> [String] {
        axes.filter(usedAxes.contains).map { axis in
            let outer = quotient(position, Array(extents[(axis + 1)..<axes.upperBound]).product)
            return "const \(index) i\(axis) = \(axis == axes.lowerBound ? outer : remainder(outer, extents[axis]));"
        }
    }

    // MARK: memory

    /// A name for memory as elements of its size. Elements of 4 bytes are all of one C type, because a result may lie in
    /// the memory of an operand of another type, and compilers may take different types for different memory.
    mutating func pointer(_ buffer: BufferID, _ scalar: ScalarType, offset: Int = 0) -> String {
        let isStored = stored.contains(buffer)
        let number = parameters.number(.buffer(buffer, byteOffset: offset * scalar.byteCount), isStored: isStored)
        guard named.insert(number).inserted else { return "x\(number)" }
        let type = (isStored ? "" : "const ") + scalar.memoryType
        pointers.append("__global \(type) *x\(number) = PF_POINTER(\(type), b\(number));")
        return "x\(number)"
    }

    /// The axes that an element's place, or whether it is there, depends on.
    private func axes(of map: IndexMap) -> [Int] {
        extents.indices.filter { map.strides[$0] != 0 && extents[$0] != 1 || map.isMasked($0) }
    }

    private mutating func element(_ access: Access) -> String {
        // The offset is an argument where it can be one, so that more loops have the same text.
        let map = access.map
        let baked = Swift.min(map.offset, 0)
        let name = pointer(access.buffer, access.scalar, offset: map.offset - baked)
        if map.isLinear(extents) { return "\(name)[at]" }
        if !axes(of: map).isEmpty && extents.count > 1 { isLinear = false }
        var terms = baked == 0 ? [] : ["\(baked)"]
        for axis in axes(of: map) {
            usedAxes.insert(axis)
            terms.append(map.strides[axis] == 1 ? "i\(axis)" : "i\(axis) * \(map.strides[axis])")
        }
        return "\(name)[\(terms.isEmpty ? "0" : terms.joined(separator: " + "))]"
    }

    // MARK: sources

    private mutating func add(_ source: LoopSource) {
        switch source {
        case .constant(let literal):
            names.append(literal.text)
            places.append(.once)
        case .load(let access):
            let map = access.map
            let tests = extents.indices.filter(map.isMasked).flatMap { axis in
                let valid = map.valid[axis]
                return (valid.lowerBound > 0 ? ["(i\(axis) >= \(valid.lowerBound))"] : [])
                    + (valid.upperBound < map.shape[axis] ? ["(i\(axis) < \(valid.upperBound))"] : [])
            }
            let value = access.scalar.value(ofMemory: element(access))
            let zero = ScalarLiteral(bits: 0, access.scalar).text
            define(
                access.scalar, map.isLinear(extents) ? .element : place(axes(of: map)),
                tests.isEmpty ? value : "(\(tests.joined(separator: " & "))) ? \(value) : \(zero)")
        case .index(let axis, let scale, let start):
            let (scale, start) = (UInt32(truncatingIfNeeded: scale), UInt32(truncatingIfNeeded: start))
            if extents.count > 1 { isLinear = false }
            usedAxes.insert(axis)
            define(.int32, place([axis]), "(int)(\(start)u + \(scale)u * (uint)i\(axis))")
        case .random(let stream, let sample, let step, let seed, let rowLength):
            addRandom(stream, sample, step, seed, rowLength)
        }
    }

    private mutating func addRandom(
        _ stream: UInt32, _ sample: Operand, _ step: Operand, _ seed: Operand, _ length: Int
    ) {
        let number = names.count
        let samples = pointer(sample.buffer, .uint32, offset: sample.offset)
        let steps = pointer(step.buffer, .uint32, offset: step.offset)
        let seeds = pointer(seed.buffer, .uint32, offset: seed.offset)
        lines[.once, default: []].append(
            "const uint step\(number) = \(steps)[0], low\(number) = \(seeds)[0], high\(number) = \(seeds)[1];")
        let key = "step\(number), \(stream)u, low\(number), high\(number)"
        switch words {
        case .own:
            define(.uint32, .element, "pf_random((uint)(at % \(length)), \(samples)[at / \(length)], \(key))")
        case .four:
            let counter = "(uint)(group % \(length / 4)), \(samples)[group / \(length / 4)]"
            fillWords += [
                "const pf_u32x4 four\(number) = pf_philox(\(counter), \(key));",
                "const uint word\(number)[4] = {\("xyzw".map { "four\(number).\($0)" }.joined(separator: ", "))};",
            ]
            define(.uint32, .element, "word\(number)[word]")
        case .arrays:
            fillWords += wordArray("word\(number)", "\(samples)[sample], \(key)", length)
            define(.uint32, .element, "word\(number)[at - start + 4]")
        }
    }

    /// Fills an array with the words of elements start..<end, that of `start` at 4: four words belong together, so some
    /// before the first may be made too, and some behind the last.
    private func wordArray(_ name: String, _ arguments: String, _ length: Int) -> [String] {
        let groups = length.dividedUp(by: 4)
        let isWhole = length % 4 == 0
        let last = isWhole ? "(end + 3) / 4" : "(end - 1) / \(length) * \(groups) + (end - 1) % \(length) / 4 + 1"
        let first = isWhole ? "start / 4" : "start / \(length) * \(groups) + start % \(length) / 4"
        var body = [
            "const \(index) sample = group / \(groups), part = group - sample * \(groups);",
            "const \(index) place = \(isWhole ? "group * 4" : "sample * \(length) + part * 4") - start + 4;",
            "const pf_u32x4 four = pf_philox((uint)part, \(arguments));",
        ]
        for (lane, word) in ["x", "y", "z", "w"].enumerated() {
            let isInside = isWhole || lane == 0 ? "" : "if (part * 4 + \(lane) < \(length)) "
            body.append("\(isInside)\(name)[place + \(lane)] = four.\(word);")
        }
        return ["uint \(name)[\(FusedLoop.reductionBlock + 8)];"]
            + block("\(wideVectorsInPairs) for (\(index) group = \(first); group < \(last); group++)", body)
    }

    private func place(_ axes: [Int]) -> Place {
        axes.contains(extents.count - 1) ? .element : axes.isEmpty ? .once : .row
    }

    private mutating func define(_ scalar: ScalarType, _ place: Place, _ expression: String) {
        let name = "r\(names.count)"
        names.append(name)
        places.append(place)
        lines[place, default: []].append("const \(scalar.clType) \(name) = \(expression);")
    }
}

extension IndexMap {
    func isMasked(_ axis: Int) -> Bool { valid[axis] != 0..<shape[axis] }

    /// Whether the elements lie in the order of the iteration space.
    fileprivate func isLinear(_ extents: [Int]) -> Bool { isContiguous && shape == extents }
}

extension ScalarType {
    fileprivate var memoryType: String { byteCount == 1 ? "uchar" : "uint" }

    fileprivate func value(ofMemory text: String) -> String {
        switch self {
        case .float32, .float64: "as_float(\(text))"
        case .int32: "as_int(\(text))"
        case .uint32, .uint8, .bool: text
        }
    }

    func memoryValue(_ text: String) -> String { self == .float32 || self == .int32 ? "as_uint(\(text))" : text }
}

// MARK: lines

/// Stands before loops with many operations per element, of which compilers would take fewer at a time.
let wideVectors = "_Pragma(\"clang loop vectorize(assume_safety) vectorize_width(16)\")"
/// Likewise for making random words and numbers of them: measured a third faster.
let wideVectorsInPairs = "_Pragma(\"clang loop vectorize(assume_safety) vectorize_width(16) interleave_count(2)\")"

/// Stands before loops whose few turns should become straight code.
let unrolled = "_Pragma(\"unroll\")"

func quotient(_ a: String, _ b: Int) -> String { b == 1 ? a : "\(a) / \(b)" }
func remainder(_ a: String, _ b: Int) -> String { b == 1 ? "0" : "\(a) % \(b)" }

func block(_ head: String, _ body: [String]) -> [String] {
    [head.isEmpty ? "{" : "\(head) {"] + body.map { "    \($0)" } + ["}"]
}
