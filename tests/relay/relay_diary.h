// What arrives at a host, each sample with its time, for tests of which ones do and when.
#ifndef SMT_TESTS_RELAY_RELAY_DIARY_H_
#define SMT_TESTS_RELAY_RELAY_DIARY_H_

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/relay/relay_fixture.h"

namespace smt::relay {

class Diary {
 public:
  struct Entry {
    uint64_t sequence;
    int64_t at_ns, age_ns;
    std::string value;
  };

  explicit Diary(const int64_t* now_ns) : now_ns_(now_ns) {}
  // From here on; again after Host::start(), which makes a new store. REQUIRES: the diary outlives the
  // store's last step.
  void follow(Host& h) {
    h.store().on_sample = [this, &h](uint32_t id) {
      const std::string& name = h.store().topic(id)->name;
      const SampleHead head = h.head(name);
      of_[name].push_back({head.sequence, *now_ns_, *now_ns_ + h.clock_ns() - head.born_ns, h.value(name)});
    };
  }
  const std::vector<Entry>& of(const std::string& topic) { return of_[topic]; }
  uint64_t count(const std::string& topic) { return of_[topic].size(); }
  std::vector<uint64_t> sequences(const std::string& topic) {
    std::vector<uint64_t> out;
    for (const Entry& e : of_[topic]) out.push_back(e.sequence);
    return out;
  }
  // Sequences that are missing between those that came.
  uint64_t missing(const std::string& topic) {
    const std::vector<Entry>& all = of_[topic];
    return all.empty() ? 0 : all.back().sequence - all.front().sequence + 1 - all.size();
  }
  bool rises(const std::string& topic) {
    const std::vector<uint64_t> all = sequences(topic);
    return std::adjacent_find(all.begin(), all.end(), std::greater_equal<>()) == all.end();
  }
  void clear() { of_.clear(); }

 private:
  const int64_t* now_ns_;
  std::map<std::string, std::vector<Entry>> of_;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_RELAY_DIARY_H_
