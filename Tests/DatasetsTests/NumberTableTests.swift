import Foundation
import Testing

@testable import Datasets

struct NumberTableTests {
    private func load(_ name: String, _ text: String) throws -> Dataset { try load(name, Array(text.utf8)) }

    private func load(_ name: String, _ bytes: [UInt8]) throws -> Dataset {
        let folder = try TemporaryFolder()
        return try Dataset.load(folder.write(name, bytes))
    }

    @Test(arguments: [
        "1,2.5,-3\n4,5e-1,+6\n", "1;2.5;-3\r\n4;5e-1;+6\r\n", "1\t2.5\t-3\n4\t5e-1\t+6", "a,b,c\n1,2.5,-3\n\n4,.5,6.\n",
        "# made by hand\n1, 2.5, -3\n# more\n4, 0.5, 6", "\u{feff}\"a\",\"b b\",\"c\"\n\"1\",2.5,-3\n4,0.50000,6",
        "1 2.5  -3\n 4 0.5 6 \n", "1,2.50000000000000000000,-3\n4,0.00000000000000000005e19,6",
    ])
    func csv(text: String) throws {
        let data = try load("a.csv", text)
        #expect(data.shape == [3])
        #expect(data.train.floats == [1, 2.5, -3, 4, 0.5, 6])
        #expect(try load("a.csv.gz", gzipped(Array(text.utf8))).train.floats == data.train.floats)
    }

    @Test func numbersRoundAsTheStandardLibraryDoes() throws {
        var mutations = Mutations(seed: 4)
        let texts = (0..<2000).map { _ -> String in
            let digits = (0...mutations.next(18)).map { _ in String(mutations.next(10)) }.joined()
            let point = mutations.next(digits.count + 1)
            return "\(digits.prefix(point)).\(digits.dropFirst(point))"
        }
        let expected = texts.map { Double($0).map { Float($0) } }
        #expect(try load("a.csv", texts.joined(separator: "\n")).train.floats == expected)
    }

    @Test func labelsAndPixels() throws {
        let labelled = try load("a.csv", "x,Label,y\n1,7,2\n3,8,4\n")
        #expect(labelled.shape == [2])
        #expect(labelled.train.labels == [7, 8])
        #expect(labelled.train.floats == [1, 2, 3, 4])
        let pixels = try load("a.csv", "label,pixel1,pixel2,pixel3,pixel4\n5,0,1,2,255\n")
        #expect(pixels.shape == [1, 2, 2])
        #expect(pixels.train.labels == [5])
        #expect(pixels.train.elements == .gray8([0, 1, 2, 255]))
        expectError("other than levels") { try load("a.csv", "pixel0\n0.5\n") }
    }

    @Test func amat() throws {
        let row = (0..<784).map { $0 % 3 == 0 ? "1" : "0" }.joined(separator: " ")
        let data = try load("a.amat", "\(row)\n\(row)\n")
        #expect(data.shape == [1, 28, 28])
        #expect(data.train.floats == (0..<1568).map { $0 % 784 % 3 == 0 ? 1 : 0 })
        let labelled = try load("a.amat.gz", gzipped(Array("\(row) 6.0\n".utf8)))
        #expect(labelled.shape == [1, 28, 28])
        #expect(labelled.train.labels == [6])
        #expect(labelled.train.floats == Array(data.train.floats[..<784]))
        #expect(try load("a.amat", "1 2\n3 4\n").shape == [2])
    }

    @Test func wrongFiles() throws {
        expectError("a.csv: line 2, column 2 is \"x\", no number") { try load("a.csv", "1,2\n3,x\n") }
        expectError("line 3, column 1 is empty") { try load("a.csv", "a,b\n1,2\n,4\n") }
        expectError("line 2, column 1 is NaN", "from 1") { try load("a.csv", "1,2\nnan,4\n") }
        expectError("line 1, column 2 is infinite") { try load("a.csv", "1,1e39\n") }
        expectError("line 2 has 1 columns, the rows before it 2", "cut short") { try load("a.csv", "1,2\n3") }
        expectError("line 2 has 3 columns") { try load("a.csv", "1,2\n3,4,5") }
        expectError("line 2 has 1 columns, its header names 2") { try load("a.csv", "a,b\n3\n") }
        expectError("no rows of numbers") { try load("a.csv", "\n\n") }
        expectError("no rows of numbers") { try load("a.csv", "a,b,c\n") }
        expectError("a.amat: line 1, column 1 is \"a\", no number") { try load("a.amat", "a b\n1 2\n") }
        expectError("is \"?[31mred\"") { try load("a.csv", "1\n\u{1b}[31mred\n") }
    }
}
