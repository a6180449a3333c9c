// How serious a message for people is.
#ifndef SMT_RELAY_COUNTERS_SEVERITY_H_
#define SMT_RELAY_COUNTERS_SEVERITY_H_

namespace smt::relay {

enum class Severity { kDebug, kInfo, kWarning, kError };

}  // namespace smt::relay

#endif  // SMT_RELAY_COUNTERS_SEVERITY_H_
