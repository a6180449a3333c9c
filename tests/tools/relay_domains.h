// Relays between a domain "robot" and a domain "base", as processes.
#ifndef SMT_TESTS_TOOLS_RELAY_DOMAINS_H_
#define SMT_TESTS_TOOLS_RELAY_DOMAINS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shm/reader.h"
#include "tests/tools/process.h"

namespace smt::tools {

// What a memory holds of a topic.
struct Held {
  uint64_t sequence;
  int64_t stamp_ns;
  std::vector<std::byte> bytes;
  Freshness freshness;
};

class RelayTest : public ToolTest {
 protected:
  struct Relay {
    std::unique_ptr<Process> process;
    std::vector<std::string> ready;  // the words of its line
    // The first one bound or dialled.
    const std::string& endpoint() const { return ready[2]; }
  };
  // Starts a relay and waits for its line.
  Relay start(const std::vector<std::string>& args) const {
    Relay relay{std::make_unique<Process>(args, env()), {}};
    relay.process->wait_for_output("\n");
    std::string word;
    for (const char c : relay.process->output()) {
      if (c != ' ' && c != '\n') {
        word += c;
      } else {
        relay.ready.push_back(std::exchange(word, ""));
      }
    }
    if (relay.ready.size() < 3) {
      ADD_FAILURE() << "no line of `ready`: " << relay.process->output();
      relay.ready.resize(4);
    }
    return relay;
  }
  // One that binds a free port on the loopback.
  Relay pub(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"smtrelay_pub", "--domain", "robot", "--name", "robot"});
    if (std::find(more.begin(), more.end(), "--connect") == more.end()) {
      more.insert(more.end(), {"--bind", "tcp://127.0.0.1:*"});
    }
    return start(more);
  }
  Relay sub(const std::string& endpoint, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"smtrelay_sub", "--domain", "base", "--name", "base", "--connect", endpoint});
    return start(more);
  }
  Relay proxy(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"smtrelay_proxy", "--name", "gate", "--bind", "tcp://127.0.0.1:*"});
    return start(more);
  }
  Ended client(const std::string& endpoint, std::vector<std::string> more) const {
    more.insert(more.begin(), {"smtrelay_client", "--connect", endpoint});
    return run(more);
  }
  // Where a relay that was started with --metrics 127.0.0.1:* serves its pages.
  static std::string pages_of(Relay& relay) {
    const std::string begin = "metrics are at http://", end = "/metrics\n";
    relay.process->wait_for_error(end);
    const std::string log = relay.process->errors();
    const size_t at = log.find(begin);
    if (at == log.npos) return ADD_FAILURE() << log, "";
    return log.substr(at + begin.size(), log.find(end, at) - at - begin.size());
  }
  // A value that stays.
  void publish(const std::string& topic, const std::string& type, const std::string& value) const {
    const Ended ended = run({"smttopic", "pub", "--domain", "robot", topic, type, value});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }

  std::optional<Held> held(const std::string& in, const std::string& topic) const {
    Result<Domain> d = Domain::open({.root = root_, .domain = in, .create = false});
    if (!d.ok()) return std::nullopt;
    Result<Reader> reader = Reader::open(*d, topic);
    if (!reader.ok() || !reader->refresh().ok()) return std::nullopt;
    const Sample* sample = reader->latest();
    if (sample == nullptr) return std::nullopt;
    return Held{sample->sequence,
                sample->stamp_ns,
                {sample->bytes.begin(), sample->bytes.end()},
                reader->freshness()};
  }
  // What a relay counts, as its topic in its domain says; 0: nothing yet.
  uint64_t counter(const std::string& in, const std::string& topic, const std::string& field) const {
    Result<Domain> d = Domain::open({.root = root_, .domain = in});
    if (!d.ok()) return 0;
    Result<Reader> reader = Reader::open(*d, topic);
    if (!reader.ok()) return 0;
    const Sample* sample = reader->latest();
    const std::optional<Schema> schema = reader->schema();
    if (sample == nullptr || !schema) return 0;
    for (const Field& f : schema->fields) {
      uint64_t count = 0;
      if (f.name != field || sample->bytes.size() < f.offset + sizeof count) continue;
      memcpy(&count, sample->bytes.data() + f.offset, sizeof count);
      return count;
    }
    ADD_FAILURE() << topic << " has no field " << field;
    return 0;
  }
  // The mirror comes to hold this state.
  bool becomes(const std::string& in, const std::string& topic, State state) const {
    return eventually([&] {
      const std::optional<Held> now = held(in, topic);
      return now && now->freshness.state == state;
    });
  }
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_RELAY_DOMAINS_H_
