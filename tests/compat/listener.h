// A receiver by hand: what the messages of a pub say, by PROTOCOL.md.
#ifndef SMT_TESTS_COMPAT_LISTENER_H_
#define SMT_TESTS_COMPAT_LISTENER_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codec.h"
#include "relay/frame/compression.h"
#include "tests/compat/scenes.h"

namespace smt::relay {

class Listener {
 public:
  // Returns false if this is no message.
  bool hear(std::string_view header, std::string_view payload);

  // The samples that a store would take: those of each topic whose sequences rise.
  const Samples& came() const { return came_; }
  // Each reply to a request, as a sentence.
  const std::vector<std::string>& replies() const { return replies_; }
  // The kinds of message that came, by their numbers in Envelope.
  const std::set<int>& kinds() const { return kinds_; }

 private:
  struct Topic {
    std::string name;
    uint64_t value_bytes = 0;
    uint64_t sequence = 0;  // see Batch.sequence
    std::string pieces;
  };
  void announce(const proto::Announce& all);
  bool take_batch(const proto::Batch& batch, std::string_view payload);
  bool take_chunk(const proto::Chunk& chunk, std::string_view payload);
  bool expand(uint64_t raw_bytes, std::string_view* payload);
  void sample(const Topic& topic, std::string_view value);

  Expander expander_;
  std::map<uint64_t, uint64_t> sizes_;  // by the hash of a schema
  std::map<uint32_t, Topic> topics_;
  std::map<std::string, uint64_t> newest_;
  Samples came_;
  std::vector<std::string> replies_;
  std::set<int> kinds_;
};

}  // namespace smt::relay

#endif  // SMT_TESTS_COMPAT_LISTENER_H_
