// The writing half of a ShmStore: one mirror node, adopted when the relay starts again.
#ifndef SMT_RELAY_SHM_SINK_H_
#define SMT_RELAY_SHM_SINK_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/shm_store.h"
#include "relay/store.h"
#include "shm/domain.h"
#include "shm/node.h"
#include "shm/publisher.h"
#include "shm/segment_view.h"

namespace smt::relay {

class ShmSink {
 public:
  // As Node::open.
  static Result<std::unique_ptr<ShmSink>> open(const Domain& domain, const ShmStoreOptions& options);

  // As in Store.
  Result<uint32_t> open_topic(const TopicDescription& topic);
  Put put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value);
  std::span<std::byte> loan(uint32_t handle, uint64_t bytes);
  Put commit(uint32_t handle, const SampleHead& head);
  void abandon(uint32_t handle) { topics_[handle].loan.reset(); }
  void tell_state(uint32_t handle, State state);
  void remove(uint32_t handle);
  void flush(int64_t now_ns);

 private:
  struct Topic {
    std::string name;
    std::optional<Publisher> publisher;  // none: the handle is free
    uint64_t sequence = 0;               // of the newest sample
    bool confirmed = false;              // published or confirmed since this process opened it
    State told = State::kEmpty;
    std::optional<Loan> loan;
    uint64_t loan_bytes = 0;
  };
  // Another relay's mirror in this domain, and what it has.
  struct OtherMirror {
    std::shared_ptr<SegmentView> view;
    uint64_t directory_version = ~uint64_t{0};
    std::set<std::string> topics;
  };

  ShmSink(const Domain& domain, const ShmStoreOptions& options, std::unique_ptr<Node> node);
  Status CheckOtherMirrors(const std::string& topic);
  void LookForOtherMirrors();
  Put Done(Topic* t, const Status& published, uint64_t sequence);

  Domain domain_;
  ShmStoreOptions options_;
  std::unique_ptr<Node> node_;
  std::optional<Burst> burst_;  // of this step
  std::vector<Topic> topics_;   // after node_: the publishers go before it
  std::vector<uint32_t> free_;
  std::unordered_map<std::string, uint32_t> by_name_;
  std::map<std::string, OtherMirror> others_;
  int64_t others_seen_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_SHM_SINK_H_
