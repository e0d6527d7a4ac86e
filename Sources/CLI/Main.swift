import Foundation
import Pushforward

@main
enum Main {
    static let program = Program(
        summary: "pushforward trains, evaluates and samples deep generative models.", example: Train.verb.example,
        verbs: [
            Train.verb, Sample.verb, Reconstruct.verb, Interpolate.verb, Traverse.verb, Encode.verb, Decode.verb,
            Evaluate.verb, LogProb.verb, AuditVerb.verb, Bench.verb, Tune.verb, DoctorVerb.verb, Devices.verb,
            Models.verb, Datasets.verb,
        ])

    static func main() {
        Interrupt.listen()
        // A reader that has gone away (`| head`) is an error to report, not a signal to die from.
        signal(SIGPIPE, SIG_IGN)
        let words = Array(CommandLine.arguments.dropFirst())
        exit(run(words))
    }

    private static func run(_ words: [String]) -> Int32 {
        var console = Console()
        var verb: Verb?
        var arguments = Arguments()
        let parsing = console.status {
            switch try program.parse(words) {
            case .help(let text): try console.show(text)
            case .verb(let called, let given): (verb, arguments) = (called, given)
            }
        }
        guard parsing == 0, let verb else { return parsing }
        console = Console(isJSON: arguments[Common.json])
        return console.status { try verb.run(arguments, console) }
    }
}
