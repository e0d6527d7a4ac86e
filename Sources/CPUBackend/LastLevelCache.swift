import Foundation

/// Bytes that the third-level caches of all processors hold together; nil where the system does not say.
///
/// Linux lists them by processor, with the processors that share each. The C library's figure comes second: on virtual
/// machines it may be that of the whole host.
let lastLevelCacheByteCount: Int? = {
    func line(_ processor: Int, _ name: String) -> String? {
        let path = "/sys/devices/system/cpu/cpu\(processor)/cache/index3/\(name)"
        let text = try? String(contentsOfFile: path, encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    var caches: [String: Int] = [:]
    for processor in 0..<ProcessInfo.processInfo.processorCount {
        guard let sharers = line(processor, "shared_cpu_list"), let size = line(processor, "size"), size.hasSuffix("K"),
            let kibibytes = Int(size.dropLast())
        else { continue }
        caches[sharers] = kibibytes << 10
    }
    if !caches.isEmpty { return caches.values.reduce(0, +) }
    let size = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE))
    return size > 0 ? size : nil
}()
