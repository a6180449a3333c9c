// An audit that a test holds up.
#ifndef SMT_TESTS_RELAY_WRITES_FAKE_AUDIT_H_
#define SMT_TESTS_RELAY_WRITES_FAKE_AUDIT_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "relay/writes/audit.h"

namespace smt::relay {

class FakeAudit : public Audit {
 public:
  struct Told {
    WriteAct act;
    std::string text;  // "holder by peer: topic: why"
    bool takes_back = false;
  };

  uint64_t begin(std::span<const WriteEvent> events) override {
    const uint64_t ticket = ++last_ticket_;
    for (const WriteEvent& e : events) lines_.push_back({told(e), ticket});
    fates_[ticket] = stalled ? LineFate::kWaits : !works ? LineFate::kFailed : LineFate::kWritten;
    if (!works) std::erase_if(lines_, [&](const Line& line) { return line.ticket == ticket; });
    return ticket;
  }
  LineFate fate(uint64_t ticket) const override { return fates_.at(ticket); }
  bool withdraw(uint64_t ticket) override {
    const LineFate fate = fates_.at(ticket);
    fates_.erase(ticket);
    if (fate == LineFate::kFailed) return true;
    if (fate == LineFate::kWritten || ticket == being_written) return false;
    std::erase_if(lines_, [&](const Line& line) { return line.ticket == ticket; });
    return true;
  }
  void done(const WriteEvent& e) override { reports.push_back(told(e)); }
  void tell(const WriteEvent& e) override {
    lines_.push_back({told(e), 0});
    reports.push_back(told(e));
  }

  // What was held up is written, or fails.
  void go_on(LineFate fate = LineFate::kWritten) {
    stalled = false;
    for (auto& [ticket, f] : fates_) {
      if (f == LineFate::kWaits) f = fate;
    }
  }
  // The next one that was handed over is written.
  void write_one() {
    for (auto& [ticket, f] : fates_) {
      if (f != LineFate::kWaits) continue;
      f = LineFate::kWritten;
      return;
    }
  }
  size_t open_tickets() const { return fates_.size(); }
  // What the record says in the end, "set anna by gate: cmd/speed".
  std::vector<std::string> record() const {
    std::vector<std::string> out;
    for (const Line& line : lines_)
      out.push_back(name_of(line.told.act) + std::string(line.told.takes_back ? "! " : " ") + line.told.text);
    return out;
  }

  bool works = true, stalled = false;
  uint64_t being_written = 0;  // the ticket of lines that cannot be taken back any more
  std::vector<Told> reports;   // what is done and refused, as the log has it

 private:
  struct Line {
    Told told;
    uint64_t ticket;
  };
  static Told told(const WriteEvent& e) {
    return {e.act, e.holder + " by " + e.peer + ": " + e.topic + (e.text.empty() ? "" : ": ") + e.text,
            e.takes_back};
  }
  static const char* name_of(WriteAct act) {
    static constexpr const char* kNames[] = {"lease",    "set",     "refused",  "denied",
                                             "released", "expired", "withdrawn"};
    return kNames[static_cast<size_t>(act)];
  }

  uint64_t last_ticket_ = 0;
  std::map<uint64_t, LineFate> fates_;
  std::vector<Line> lines_;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_WRITES_FAKE_AUDIT_H_
