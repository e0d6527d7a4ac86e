import Foundation
import Testing

@testable import Configuration

private struct Model: Codable, Equatable {
    var latent = 32
    var learningRate = 1e-3
    var activation = Activation.relu
    var hidden = [256, 128]
    var tied = false
    var temperature: Float = 0.1
    var maxGradNorm: Double?
    var posterior = Posterior.planar(Planar(layers: 3))
    var note = "plain"
}

private struct Whole: Codable, Equatable {
    struct Data: Codable, Equatable { var binarize = "none" }
    var model = Model()
    var data = Data()
    var seed: UInt64 = 0
}

private enum Activation: String, Codable, CaseIterable { case relu, gelu, tanh }

private struct Planar: Codable, Equatable, Sendable {
    var layers = 8
    var hiddenWidth = 64
}

private enum Posterior: Variant, Equatable {
    case diagonal
    case planar(Planar)

    static let kinds: [VariantKind<Posterior>] = [
        .init("diagonal", .diagonal),
        .init("planar", Planar(), Posterior.planar),
    ]

    var selected: Selected {
        switch self {
        case .diagonal: Selected("diagonal")
        case .planar(let options): Selected("planar", options)
        }
    }
}

private func parsed(_ text: String) throws -> JSONTree { try JSONTree(parsing: text, source: "config.json") }

private func resolved(_ file: String? = nil, _ settings: String...) throws -> Whole {
    try Configuration.resolve(
        Whole(), file: file.map(parsed), assignments: settings.map { try #require(Assignment($0)) })
}

private func message(_ work: () throws -> some Any) -> String {
    do {
        return "no error: \(try work())"
    } catch {
        return "\(error)"
    }
}

@Suite struct JSONTreeTests {
    @Test func commentsAndTrailingCommasAreReadOver() throws {
        let tree = try parsed(
            """
            // a run
            { "a": /* not "b": */ [1, 2.5, -3e2,], // "c"
              "url": "http://x//y /* z */", /**/ "d": {"e": null,}, "t": true,
            }
            """)
        #expect(
            tree.compact
                == #"{"a": [1, 2.5, -300], "url": "http://x//y /* z */", "d": {"e": null}, "t": true}"#)
    }

    @Test(arguments: [
        ("{\"a\": 1 \"b\": 2}", "config.json:1:9: expected ',' or '}' after the value of \"a\""),
        ("{\n  \"a\": 01\n}", "config.json:2:8: '01' is no JSON value (strings take double quotes)"),
        ("{\"a\": relu}", "config.json:1:7: 'relu' is no JSON value (strings take double quotes)"),
        ("{\"a\": 1, \"a\": 2}", "config.json:1:10: the key \"a\" is given twice"),
        ("[1, /* 2]", "config.json:1:5: a comment without its end"),
        ("\"ab", "config.json:1:1: a string without its closing quote"),
        ("\"\\ud83d\"", "config.json:1:2: half a surrogate pair in a string"),
        ("\"\\u+123\"", "config.json:1:2: \\u takes four hexadecimal digits"),
        ("1e999", "config.json:1:1: the number 1e999 is out of range"),
        ("", "config.json:1:1: the text ends where a value is expected"),
        ("{} x", "config.json:1:4: something follows the end of the document"),
        ("[,]", "config.json:1:2: unexpected character"),
        (String(repeating: "[", count: 100_000), "config.json:1:201: nested more than 200 deep"),
    ])
    func syntaxErrorsNameThePlace(text: String, expected: String) {
        #expect(message { try parsed(text) } == expected)
    }

    @Test(arguments: [
        ("1e3", "1000"), ("1000.0", "1000"), ("18446744073709551615", "18446744073709551615"), ("-0", "-0.0"),
        ("1E-05", "1e-05"), ("0.1", "0.1"), ("-9223372036854775808", "-9223372036854775808"),
    ])
    func numbersHaveOneText(text: String, expected: String) throws {
        #expect(try parsed(text).compact == expected)
    }

    @Test func stringsSurviveARoundTrip() throws {
        let tree = JSONTree.string("a\"b\\c\n\t\u{1}é😀\u{7F}")
        #expect(try parsed(tree.compact) == tree)
        #expect(try parsed(#""\u00e9\ud83d\ude00\/""#) == .string("é😀/"))
    }

    @Test func prettyTextIsSortedAndReadsBack() throws {
        let tree = try parsed(#"{"b": [1, [2]], "a": {"d": [1, 2], "c": {}}, "e": []}"#)
        #expect(
            tree.pretty == """
                {
                  "a": {
                    "c": {},
                    "d": [1, 2]
                  },
                  "b": [
                    1,
                    [2]
                  ],
                  "e": []
                }
                """)
        #expect(try parsed(tree.pretty) == tree)
    }

    @Test func differencesNameEachKey() throws {
        let a = try parsed(#"{"model": {"latent": 32, "tied": true}, "seed": 0, "old": 1}"#)
        let b = try parsed(#"{"seed": 0, "model": {"tied": true, "latent": 16}, "new": "x"}"#)
        #expect(
            a.differences(to: b) == ["model.latent: 32 -> 16", "old: 1 -> nothing", #"new: nothing -> "x""#])
        #expect(a.differences(to: a).isEmpty)
    }

    @Test func otherCodersReadAndWriteTrees() throws {
        let tree = try parsed(#"{"a": [1, 0.5, "x", null, true], "b": {}}"#)
        #expect(try JSONDecoder().decode(JSONTree.self, from: JSONEncoder().encode(tree)) == tree)
    }
}

@Suite struct ConfigurationTests {
    @Test func defaultsBecomeATreeInSnakeCaseWithAbsentOptionals() throws {
        #expect(
            try JSONTree(encoding: Whole()).compact == """
                {"model": {"latent": 32, "learning_rate": 0.001, "activation": "relu", "hidden": [256, 128], \
                "tied": false, "temperature": 0.1, "max_grad_norm": null, \
                "posterior": {"kind": "planar", "layers": 3, "hidden_width": 64}, "note": "plain"}, \
                "data": {"binarize": "none"}, "seed": 0}
                """)
    }

    @Test func aTreeDecodesToWhatWasEncoded() throws {
        var whole = Whole()
        whole.model.maxGradNorm = 5
        whole.model.posterior = .diagonal
        whole.seed = .max
        #expect(try parsed(JSONTree(encoding: whole).pretty).decoded() == whole)
    }

    @Test func assignmentsLieOverTheFileOverTheDefaults() throws {
        let whole = try resolved(
            #"{"model": {"latent": 8, "activation": "tanh"}, "seed": 3}"#, "model.latent=16", "model.hidden=[64]",
            "model.max_grad_norm=1e1", "data.binarize=dynamic", "model.latent=24", "model.learning_rate=1")
        var expected = Whole()
        expected.model.latent = 24
        expected.model.activation = .tanh
        expected.model.hidden = [64]
        expected.model.maxGradNorm = 10
        expected.model.learningRate = 1
        expected.data.binarize = "dynamic"
        expected.seed = 3
        #expect(whole == expected)
    }

    @Test(arguments: [
        ("model.latnet=16", "unknown key model.latnet; did you mean model.latent?"),
        ("modle.latent=16", "unknown key modle; did you mean model?"),
        ("latent=16", "unknown key latent; did you mean model.latent?"),
        ("model.latent=1.5", "bad value for model.latent: 1.5 is not an integer"),
        ("model.latent=many", #"bad value for model.latent: "many" is not a number"#),
        ("model.note=5", "bad value for model.note: 5 is not a string"),
        ("model.tied=1", "bad value for model.tied: 1 is not true or false"),
        ("model.hidden=[256, 1.5]", "bad value for model.hidden[1]: 1.5 is not an integer"),
        ("model.hidden=256", "bad value for model.hidden: 256 is not a list"),
        ("model=3", "bad value for model: 3 is not an object"),
        ("model.latent.x=3", #"bad value for model.latent: {"x": 3} is not a number"#),
        ("model.latent=null", "bad value for model.latent: null is not an integer"),
        ("model.activation=rleu", #"bad value for model.activation: "rleu" is not one of relu, gelu, tanh"#),
        ("model.max_grad_norm=big", #"bad value for model.max_grad_norm: "big" is not a number"#),
        ("model.temperature=1e300", "bad value for model.temperature: 1e+300 is not a number in the range of float32"),
        ("seed=-1", "bad value for seed: -1 is not an integer of at least 0"),
        (
            "model.posterior=plnar",
            #"bad value for model.posterior: "plnar" is not one of diagonal, planar; did you mean planar?"#
        ),
        (
            "model.posterior.layer=4", "unknown key model.posterior.layer; did you mean model.posterior.layers?"
        ),
        ("model.posterior.layers=0.5", "bad value for model.posterior.layers: 0.5 is not an integer"),
        (
            #"model.posterior={"kind": "diagonal", "layers": 1}"#,
            "unknown key model.posterior.layers; no keys are known here"
        ),
    ])
    func wrongAssignmentsAreOneClearLine(setting: String, expected: String) {
        #expect(message { try resolved(nil, setting) } == expected)
    }

    @Test func assignmentsReadJSONElseText() {
        #expect(Assignment("a.b=[1, 2]")?.value == [1, 2])
        #expect(Assignment("a=x=y")?.value == "x=y")
        #expect(Assignment("a=\"5\"")?.value == "5")
        #expect(Assignment("a=")?.value == "")
        #expect(Assignment("a") == nil)
        #expect(Assignment("=1") == nil)
        #expect(Assignment("a..b=1") == nil)
    }

    @Test(arguments: [
        // The default is planar with 3 layers; the kind's own default is 8.
        (#"{}"#, Posterior.planar(Planar(layers: 3))),
        (#"{"posterior": "planar"}"#, .planar(Planar(layers: 8))),
        (#"{"posterior": "diagonal"}"#, .diagonal),
        (#"{"posterior": {"kind": "diagonal"}}"#, .diagonal),
        (#"{"posterior": {"hidden_width": 32}}"#, .planar(Planar(layers: 3, hiddenWidth: 32))),
        (#"{"posterior": {"kind": "planar", "layers": 1}}"#, .planar(Planar(layers: 1))),
    ])
    private func variantsMergeOrReplace(model: String, expected: Posterior) throws {
        #expect(try resolved("{\"model\": \(model)}").model.posterior == expected)
    }

    @Test func aKindOnTheCommandLineTakesItsOptions() throws {
        let file = #"{"model": {"posterior": {"kind": "diagonal"}}}"#
        let whole = try resolved(file, "model.posterior=planar", "model.posterior.layers=2")
        #expect(whole.model.posterior == .planar(Planar(layers: 2)))
    }

    @Test func listsOfVariantsComplete() throws {
        struct Stack: Codable { var layers: [Posterior] = [] }
        let file = try parsed(#"{"layers": ["planar", {"kind": "planar", "layers": 1}, "diagonal"]}"#)
        let stack = try Configuration.resolve(Stack(), file: file)
        #expect(stack.layers == [.planar(Planar()), .planar(Planar(layers: 1)), .diagonal])
        let wrong = try parsed(#"{"layers": ["planar", {"kind": "planar", "layer": 1}]}"#)
        #expect(
            message { try Configuration.resolve(Stack(), file: wrong, at: ["model"]) }
                == "unknown key model.layers[1].layer; did you mean model.layers[1].layers?")
    }

    @Test func keysBelowAnAbsentOptionalAreChecked() throws {
        struct Annealing: Codable { var epochs: Int }
        struct Options: Codable { var annealing: Annealing? }
        let read = { try Configuration.resolve(Options(), assignments: [try #require(Assignment($0))]) }
        #expect(try read(#"annealing={"epochs": 3}"#).annealing?.epochs == 3)
        #expect(
            message { try read(#"annealing={"epochs": 3, "epoch": 4}"#) }
                == "unknown key annealing.epoch; did you mean annealing.epochs?")
        #expect(message { try read(#"annealing={}"#) } == "the key annealing.epochs is missing")
    }

    @Test func valuesThatJSONLacksAreRefusedOrNull() throws {
        struct Loss: Codable { var finalLoss = Double.nan }
        #expect(message { try JSONTree(encoding: Loss()) } == "bad value for final_loss: nan is not a finite number")
        #expect(try JSONTree(encoding: Loss(), nonFinite: .null).compact == #"{"final_loss": null}"#)
        #expect(try JSONTree(encoding: ["Encoder/conv1": 1.5]).compact == #"{"Encoder/conv1": 1.5}"#)
        #expect(try parsed(#"{"Encoder/conv1": 1.5}"#).decoded() == ["Encoder/conv1": 1.5])
    }

    @Test(arguments: [
        ("learningRate", "learning_rate"), ("imageURL", "image_url"), ("URLPath", "url_path"), ("beta1", "beta1"),
        ("already_snake", "already_snake"), ("maxKL", "max_kl"),
    ])
    func keysAreInSnakeCase(name: String, expected: String) {
        #expect(snakeCase(name) == expected)
    }

    @Test(arguments: [
        ("epohcs", "epochs"), ("lr", "lr"), ("learn", "learning_rate"), ("batchsize", "batch_size"), ("zzz", "lr"),
    ])
    func theNearestNameIsFound(text: String, expected: String) {
        #expect(nearest(text, among: ["epochs", "learning_rate", "lr", "batch_size"]) == expected)
        #expect(nearest(text, among: []) == nil)
    }

    @Test func swapsCountOnce() {
        #expect(editDistance(Array("modle"), Array("model")) == 1)
        #expect(editDistance(Array("kitten"), Array("sitting")) == 3)
        #expect(editDistance([], Array("abc")) == 3)
    }
}
