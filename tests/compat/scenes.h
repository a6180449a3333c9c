// The sessions that each release records: a pub, a sub, what programs do on both sides, and for how long. A
// scene that has been recorded stays as it is, as the programs of a side act in it while the other side is
// replayed; what is new gets a scene of its own.
#ifndef SMT_TESTS_COMPAT_SCENES_H_
#define SMT_TESTS_COMPAT_SCENES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/relay.h"
#include "relay/store/mem_store.h"

namespace smt::relay {

// By topic: "sequence value" of each sample, in the order in which they came.
using Samples = std::map<std::string, std::vector<std::string>>;
std::string told(uint64_t sequence, std::string_view value);

struct Scene;

// A relay over plain memory, and the programs beside it.
class Side {
 public:
  Side(const Scene& scene, bool pub);

  void publish(const std::string& topic, std::string_view value, int64_t now_ns);
  void remove(const std::string& topic) { store_.remove(*store_.find(topic)); }
  void report(const std::string& topic, State state) { store_.report_state(*store_.find(topic), state); }
  MemStore& store() { return store_; }
  Relay& relay() { return *relay_; }
  void stop() { relay_.reset(); }

  Samples came;                      // from the other side
  std::vector<std::string> answers;  // to what the programs of this side asked
  uint64_t get = 0, trace = 0, set = 0;

 private:
  MemStore store_;
  std::unique_ptr<Relay> relay_;
  uint64_t sessions_ = 0;
};

struct Scene {
  std::string name;
  int64_t ms = 0;
  using Act = std::function<void(int64_t ms, int64_t now_ns, Side*)>;
  Act pub = {}, sub = {};  // what programs do in each millisecond
  std::vector<ReceiveRule> receive = {};
  LinkOptions link = {};
  Liveness liveness = {};
  int64_t cut_ms = -1, heal_ms = -1;  // the connection ends, and may come back
};

std::vector<Scene> scenes();

}  // namespace smt::relay

#endif  // SMT_TESTS_COMPAT_SCENES_H_
