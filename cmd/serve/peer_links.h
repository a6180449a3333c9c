// The peers of a relay while it runs: those of its configuration, and after a reload those of another one.
#ifndef SMT_CMD_SERVE_PEER_LINKS_H_
#define SMT_CMD_SERVE_PEER_LINKS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cmd/config/relay_config.h"
#include "cmd/serve/relay_loop.h"
#include "shm/status.h"

namespace smt::cmd {

// A peer is known again by its endpoints, wherever it stands in the file.
class PeerLinks {
  struct Peer {
    PeerConfig config;
    uint64_t number = 0;                    // see RelayLoop::add; 0: not in use yet
    std::optional<RelayLoop::Links> links;  // while it is not
  };

 public:
  // `loop` outlives it.
  explicit PeerLinks(RelayLoop* loop) : loop_(loop) {}

  // Other peers, of which the new ones are bound or dial already. Until it is applied nothing else has
  // happened; without that it leaves nothing behind.
  class Change {
    friend class PeerLinks;
    std::vector<Peer> peers_;
  };
  // The status of what cannot be bound or dialled.
  Result<Change> prepare(const std::vector<Entry<PeerConfig>>& peers);

  struct Count {
    size_t added = 0, removed = 0, changed = 0;  // changed: in what is sent over the link
  };
  // Peers that stay go on undisturbed. REQUIRES: the last prepare() made it
  Count apply(Change change);

 private:
  RelayLoop* loop_;
  std::vector<Peer> peers_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_SERVE_PEER_LINKS_H_
