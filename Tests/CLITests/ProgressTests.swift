import Foundation
import Synchronization
import Testing
import Configuration

@testable import CLI

/// What a console wrote, and a clock that stands still until it is moved.
private final class Recorder: Sendable {
    let output = Mutex("")
    let errors = Mutex("")
    let time = Mutex(100.0)

    func console(isJSON: Bool = false) -> Console {
        Console(
            isJSON: isJSON, isTerminal: true, output: { text in self.output.withLock { $0 += text } },
            errors: { text in self.errors.withLock { $0 += text } })
    }

    func progress(total: Int?, start: Int = 0, isRedrawn: Bool, width: Int = 100) -> ProgressBar {
        let style = ProgressBar.Style(
            isRedrawn: isRedrawn, isUnicode: false, interval: isRedrawn ? 0.1 : 10, width: { width })
        return ProgressBar(
            "train", total: total, start: start, unitsPerStep: 128, unit: "images", console: console(), style: style,
            clock: { self.time.withLock { $0 } })
    }

    func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

    /// What was drawn, oldest first, without the codes that move the cursor.
    var drawings: [String] {
        errors.withLock { $0 }.split(whereSeparator: { $0 == "\r" || $0 == "\n" })
            .map { String($0).replacing("\u{1B}[K", with: "") }
    }
}

@Suite struct ProgressTests {
    @Test func aTerminalIsRedrawnTenTimesASecondAtMost() {
        let recorder = Recorder()
        let progress = recorder.progress(total: 10_000, isRedrawn: true)
        var asked = 0
        for step in 1...10_000 {
            recorder.advance(0.001)
            progress.update(step) {
                asked += 1
                return [("loss", 243.0213)]
            }
        }
        progress.finish()
        progress.finish()
        // Ten seconds, the first drawing and the last.
        #expect((95...102).contains(recorder.drawings.count))
        #expect(asked <= 100)
        #expect(
            recorder.drawings[50].hasPrefix("train  [#"), "\(recorder.drawings[50])")
        #expect(recorder.errors.withLock { $0.filter { $0 == "\n" }.count } == 1)
        #expect(recorder.errors.withLock { $0.hasSuffix("\n") })
    }

    @Test func elsewhereThereIsALineNowAndThenAndOneAtTheEnd() {
        let recorder = Recorder()
        let progress = recorder.progress(total: 200, isRedrawn: false)
        for step in 1...200 {
            recorder.advance(0.125)
            progress.update(step) { [("loss", Double(step))] }
        }
        progress.finish()
        progress.finish()
        #expect(
            recorder.drawings == [
                "train  40%  80/200  1,024 images/s  loss 80.000  0:10, 0:15 left",
                "train  80%  160/200  1,024 images/s  loss 160.00  0:20, 0:05 left",
                "train  100%  200/200  1,024 images/s  loss 160.00  0:25",
            ])
        #expect(!recorder.errors.withLock { $0.contains("\u{1B}") || $0.contains("\r") })
    }

    @Test func theRateForgetsAPauseAndTheEndRemembersIt() throws {
        let recorder = Recorder()
        let progress = recorder.progress(total: 2000, isRedrawn: true)
        recorder.advance(60)
        for step in 1...1000 {
            recorder.advance(0.01)
            progress.update(step)
        }
        #expect(try #require(recorder.drawings.last).contains("12,800 images/s"))
        #expect(try #require(recorder.drawings.last).hasSuffix("1:10, 0:10 left"))
        progress.finish()
        #expect(try #require(recorder.drawings.last).contains("1,829 images/s"))
    }

    @Test func aResumedRunCountsOnlyWhatItDoes() throws {
        let recorder = Recorder()
        let progress = recorder.progress(total: 200, start: 100, isRedrawn: true)
        #expect(try #require(recorder.drawings.last).contains(" 50%  100/200  0:00"))
        recorder.advance(1)
        progress.update(150)
        let line = try #require(recorder.drawings.last)
        #expect(line.contains(" 75%  150/200  6,400 images/s  0:01, 0:01 left"), "\(line)")
    }

    @Test(arguments: 1...120) func noLineIsWiderThanItsPlace(width: Int) {
        for (step, isUnicode) in [(0, false), (77, true), (985, true)] {
            let line = ProgressLine(
                title: "train", step: step, total: 2345, unitsPerSecond: 12345, unit: "images",
                figures: [("loss", 243.0213), ("kl", 13.01)], elapsed: 42, left: 63
            ).text(width: width, isUnicode: isUnicode)
            #expect(line.count <= width)
            if width >= 11 { #expect(line.hasPrefix("train")) }
            #expect(line.contains("%") || width < 4)
        }
    }

    @Test func aWideLineHasEverything() {
        let line = ProgressLine(
            title: "train", step: 985, total: 2345, unitsPerSecond: 12345, unit: "images",
            figures: [("loss", 243.0213)],
            elapsed: 42, left: 63)
        #expect(
            line.text(width: 100, isUnicode: true)
                == "train  ▕███████████▊                ▏   42%  985/2345  12,345 images/s  loss 243.02  0:42, 1:03 left"
        )
        #expect(
            line.text(width: nil, isUnicode: true)
                == "train  42%  985/2345  12,345 images/s  loss 243.02  0:42, 1:03 left")
    }

    @Test func anUnknownTotalHasNoBarAndNoEnd() {
        let recorder = Recorder()
        let progress = recorder.progress(total: nil, isRedrawn: true)
        recorder.advance(2)
        progress.update(10)
        #expect(recorder.drawings.last == "train  step 10  640 images/s  0:02")
    }

    @Test func emptyWorkEndsAtOnce() {
        let recorder = Recorder()
        recorder.progress(total: 0, isRedrawn: false).finish()
        #expect(recorder.drawings == ["train  0/0  0:00"])
    }

    @Test(arguments: [
        (0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (360_000, "4 days"), (.infinity, "?"),
        (.nan, "?"),
    ])
    func timesRead(seconds: Double, expected: String) {
        #expect(ProgressLine.timeText(seconds) == expected)
    }
}

@Suite struct ConsoleTests {
    private struct Result: Encodable {
        var samplesPerSecond = 12.5
        var finalLoss = Double.nan
    }

    @Test func noticesStandAboveTheLiveLine() {
        let recorder = Recorder()
        let console = recorder.console()
        console.redraw("train 10%")
        console.warning("odd")
        console.redraw(nil)
        console.notice("done")
        #expect(
            recorder.errors.withLock { $0 }
                == "\rtrain 10%\u{1B}[K\rwarning: odd\u{1B}[K\ntrain 10%\u{1B}[K\ndone\n")
        #expect(recorder.output.withLock { $0 }.isEmpty)
    }

    @Test func resultsAreTextOrOneJSONObject() throws {
        let recorder = Recorder()
        try recorder.console().report(Result()) { "\($0.samplesPerSecond) per second" }
        try recorder.console(isJSON: true).report(Result()) { _ in "not asked for" }
        #expect(
            recorder.output.withLock { $0 }
                == "12.5 per second\n{\"samples_per_second\": 12.5, \"final_loss\": null}\n")
    }

    @Test func errorsHaveTheirStatus() {
        struct Broken: Error, CustomStringConvertible { let description = "it broke\nbadly" }
        let recorder = Recorder()
        let console = recorder.console()
        #expect(console.status {} == 0)
        #expect(console.status { throw Broken() } == 1)
        #expect(console.status { throw UsageError("wrong") } == 2)
        #expect(console.status { throw ConfigurationError.missingKey("a") } == 2)
        #expect(console.status { throw Interrupted() } == 130)
        #expect(
            recorder.drawings == [
                "pushforward: it broke badly", "pushforward: wrong", "pushforward: the key a is missing",
                "pushforward: interrupted",
            ])
    }

    @Test func aFullDiskIsAnError() throws {
        let recorder = Recorder()
        let console = Console(
            isTerminal: false, output: { _ in throw StreamError(name: "standard output", code: ENOSPC) },
            errors: { text in recorder.errors.withLock { $0 += text } })
        #expect(console.status { try console.report(Result()) { _ in "x" } } == 1)
        #expect(recorder.drawings == ["pushforward: cannot write to standard output: No space left on device"])
    }
}

@Suite(.serialized) struct InterruptTests {
    @Test(arguments: [SIGINT, SIGTERM]) func aSignalIsSeenByTheLoop(signal: Int32) throws {
        Interrupt.listen()
        Interrupt.reset()
        defer { Interrupt.reset() }
        try Interrupt.check()
        // To the process: a thread of the pool, which this is, has signals blocked.
        kill(getpid(), signal)
        for _ in 0..<500 where !Interrupt.isRequested { usleep(10_000) }
        #expect(Interrupt.isRequested)
        #expect(throws: Interrupted.self) { try Interrupt.check() }
    }

    @Test func aSecondSignalEndsAtOnce() async {
        await #expect(processExitsWith: .exitCode(130)) {
            Interrupt.listen()
            kill(getpid(), SIGINT)
            for _ in 0..<500 where !Interrupt.isRequested { usleep(10_000) }
            kill(getpid(), SIGTERM)
            usleep(5_000_000)
        }
    }

    @Test func aSignalThatTheParentIgnoresStaysIgnored() async {
        await #expect(processExitsWith: .exitCode(7)) {
            signal(SIGINT, SIG_IGN)
            Interrupt.listen()
            kill(getpid(), SIGINT)
            kill(getpid(), SIGINT)
            usleep(50_000)
            exit(Interrupt.isRequested ? 1 : 7)
        }
    }
}
