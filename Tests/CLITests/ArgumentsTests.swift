import Testing
import Configuration

@testable import CLI

private enum Math: String, CaseIterable, Sendable { case exact, fast }

private let model = Positional("MODEL", .choice(["vae", "conv-vae", "realnvp"]), help: "what to train")
private let output = Positional(optional: "PATH", .path, help: "where to")
private let epochs = Option("--epochs", "N", .integer(atLeast: 1), help: "passes over the data")
private let rate = Option(
    "--learning-rate", "X", .number(above: 0), default: 1e-3, aliases: ["--lr"], help: "step size of the optimizer")
private let math = Option("--math", "M", .choice(Math.self), default: .exact, help: "exact: same bits everywhere")
private let seed = Option("--seed", "N", .seed, default: 0, help: "of all random numbers")
private let fraction = Option("--validation-fraction", "F", .number(from: 0, below: 1), default: 0, help: "held out")
private let rows = Option("--rows", "A:B", .range, help: "rows A up to B")
private let interval = Option("--range", "A:B", .interval, default: -3...3, help: "how far to walk")
private let latents = Option("--latents", "LIST", .selection, default: .all, defaultText: "all", help: "which")
private let settings = Option(repeated: "--set", "KEY=VALUE", .assignment, help: "one configuration value")
private let out = Option("--out", "DIR", .path, defaultText: "runs/MODEL-DATA", help: "the run's folder")
private let json = Option(flag: "--json", help: "one JSON object on standard output")

private let train = Verb(
    name: "train", summary: "train a model, write a run folder", positionals: [model, output],
    options: [epochs, rate, math, seed, fraction, rows, interval, latents, settings, out, json],
    example: "train conv-vae --data fashion-mnist")
private let program = Program(
    summary: "pushforward: deep generative models", example: train.example,
    verbs: [train, Verb(name: "sample", summary: "draw samples", example: "sample runs/x --count 64")])

private func parsed(_ words: String...) throws -> Arguments { try Arguments.parse(words, for: train) }

private func message(_ words: [String]) -> String {
    do {
        return "no error: \(try program.parse(words))"
    } catch {
        return error.description
    }
}

@Suite struct ArgumentsTests {
    @Test func everyKindIsRead() throws {
        let arguments = try parsed(
            "--epochs", "5", "conv-vae", "--lr=3e-4", "--math", "fast", "--seed", "18446744073709551615", "--set",
            "model.latent=16", "--set=a=b", "--latents", "0,3,7", "--rows=2:5", "--out", "x", "--json", "p")
        #expect(try arguments.value(model) == "conv-vae")
        #expect(try arguments.value(output) == "p")
        #expect(arguments[epochs] == 5)
        #expect(arguments[rate] == 3e-4)
        #expect(arguments[math] == .fast)
        #expect(arguments[seed] == .max)
        #expect(arguments[rows] == 2..<5)
        #expect(arguments[latents] == .indices([0, 3, 7]))
        #expect(arguments[settings] == [Assignment("model.latent=16"), Assignment("a=b")].compactMap { $0 })
        #expect(arguments[out] == "x")
        #expect(arguments[json])
    }

    @Test func whatIsNotGivenHasItsDefault() throws {
        let arguments = try parsed("vae", "--seed", "0")
        #expect(arguments[epochs] == nil)
        #expect(arguments[rate] == 1e-3)
        #expect(arguments[math] == .exact)
        #expect(arguments[interval] == -3...3)
        #expect(arguments[latents] == .all)
        #expect(arguments[settings].isEmpty)
        #expect(!arguments[json])
        #expect(try arguments.value(output) == nil)
        #expect(arguments.given(seed))
        #expect(!arguments.given(rate))
    }

    @Test func negativeNumbersAreValues() throws {
        #expect(try parsed("vae", "--range", "-3:3")[interval] == -3...3)
        #expect(try parsed("vae", "--range=-.5:-0.25")[interval] == -0.5...(-0.25))
        #expect(try parsed("vae", "-1.5")[epochs] == nil)
        #expect(try parsed("vae", "-1.5").value(output) == "-1.5")
        #expect(try parsed("vae", "-").value(output) == "-")
    }

    @Test func twoDashesEndTheOptions() throws {
        #expect(try parsed("vae", "--", "--json").value(output) == "--json")
        #expect(try !parsed("vae", "--", "--json")[json])
        #expect(try parsed("vae", "--", "--help").value(output) == "--help")
        #expect(try parsed("vae", "--out=--odd")[out] == "--odd")
    }

    @Test(arguments: [
        ([], "no verb is given; see pushforward --help"),
        (["tarin"], "unknown verb tarin; did you mean train?"),
        (["--json"], "a verb comes before --json; see pushforward --help"),
        (["train", "vae", "--epoch", "5"], "unknown option --epoch; did you mean --epochs?"),
        (["train", "vae", "--learn=1"], "unknown option --learn; did you mean --learning-rate?"),
        (["train", "vae", "-e", "5"], "unknown option -e; did you mean --lr?"),
        (["train", "vae", "--epochs", "0"], "--epochs: '0' is not an integer of at least 1"),
        (["train", "vae", "--epochs", "-2"], "--epochs: '-2' is not an integer of at least 1"),
        (["train", "vae", "--epochs=ten"], "--epochs: 'ten' is not an integer of at least 1"),
        (["train", "vae", "--epochs="], "--epochs: '' is not an integer of at least 1"),
        (
            ["train", "vae", "--epochs", "99999999999999999999"],
            "--epochs: '99999999999999999999' is not an integer of at least 1"
        ),
        (["train", "vae", "--epochs"], "--epochs needs a value: --epochs N"),
        (["train", "vae", "--epochs", "--json"], "--epochs needs a value: --epochs N"),
        (["train", "vae", "--lr", "nan"], "--learning-rate: 'nan' is not a number above 0"),
        (["train", "vae", "--lr", "0x1p3"], "--learning-rate: '0x1p3' is not a number above 0"),
        (["train", "vae", "--lr", "1", "--learning-rate", "2"], "--learning-rate is given twice"),
        (["train", "vae", "--json", "--json"], "--json is given twice"),
        (["train", "vae", "--json=yes"], "--json takes no value, yet 'yes' is given"),
        (["train", "vae", "--math", "exat"], "--math: 'exat' is not one of exact, fast; did you mean exact?"),
        (
            ["train", "vae", "--validation-fraction", "1"],
            "--validation-fraction: '1' is not a number from 0 to below 1"
        ),
        (["train", "vae", "--range", "3:-3"], "--range: '3:-3' is not A:B with numbers A < B"),
        (["train", "vae", "--rows", "1:2:3"], "--rows: '1:2:3' is not A:B with integers 0 <= A < B"),
        (
            ["train", "vae", "--latents", "0,0"],
            "--latents: '0,0' is not all, or a list of different indices such as 0,3,7"
        ),
        (
            ["train", "vae", "--latents", "1,"],
            "--latents: '1,' is not all, or a list of different indices such as 0,3,7"
        ),
        (["train", "vae", "--set", "latent"], "--set: 'latent' is not KEY=VALUE"),
        (["train", "con-vae"], "MODEL: 'con-vae' is not one of vae, conv-vae, realnvp; did you mean conv-vae?"),
        (["train"], "MODEL is missing; usage: pushforward train MODEL [PATH] [options]"),
        (
            ["train", "vae", "a", "b"],
            "'b' is one argument too many; usage: pushforward train MODEL [PATH] [options]"
        ),
    ])
    func wrongCallsAreOneClearLine(words: [String], expected: String) {
        #expect(message(words) == expected)
    }

    @Test(arguments: [["--help"], ["-h"], ["train", "--help"], ["train", "vae", "--bogus", "--out", "-h"]])
    func helpIsAlwaysGiven(words: [String]) throws {
        guard case .help(let text) = try program.parse(words) else {
            Issue.record("no help")
            return
        }
        #expect(text.contains("Example: pushforward train conv-vae"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test func helpListsOptionsInColumns() {
        let verb = Verb(
            name: "v", summary: "s",
            options: [
                rate, settings,
                Option(
                    "--a-name-that-is-too-long-for-its-column", "N", .integer, default: 3,
                    help: String(repeating: "word ", count: 30)),
            ], example: "v")
        #expect(
            verb.help == """
                s

                Usage: pushforward v [options]

                Options:
                  --learning-rate, --lr X  step size of the optimizer (default: 0.001)
                  --set KEY=VALUE          one configuration value (repeatable)
                  --a-name-that-is-too-long-for-its-column N
                                           word word word word word word word word word word word word word word
                                           word word word word word word word word word word word word word word
                                           word word (default: 3)
                  --help                   this text

                Example: pushforward v
                """)
    }
}
