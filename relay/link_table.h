// The links of a relay: what stands on each, and when those that dial are dialled.
#ifndef SMT_RELAY_LINK_TABLE_H_
#define SMT_RELAY_LINK_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relay/explain/explain.h"
#include "relay/link/link.h"
#include "relay/session/alternatives.h"
#include "relay/session/dial.h"
#include "relay/session/session.h"
#include "shm/status.h"

namespace smt::relay {

struct LinkState {
  uint64_t number = 0;  // several addresses of one peer share it
  std::unique_ptr<Link> link;
  LinkOptions options;
  Dial dial;                             // only of a link that dials
  std::map<PeerId, uint64_t> sessions;   // keys
  std::shared_ptr<Alternatives> others;  // of one peer's several addresses, this among them; null: it has one
  size_t rank = 0;                       // there
  int64_t since_ns = 0;  // of a link that dials: since when it has a session, or none; 0: not looked at yet
  Status refusal;        // see DialedEndpoint
  int64_t refused_ns = 0;

  bool dials() const { return link->dials(); }
  void refuse(Status why, int64_t now_ns) {
    refusal = std::move(why);
    refused_ns = now_ns;
  }
};

class LinkTable {
 public:
  // Several: the addresses of one peer, the preferred one first. Returns their number.
  uint64_t add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options);
  // REQUIRES: no session stands on it.
  void remove(uint64_t number);
  const std::vector<std::unique_ptr<LinkState>>& all() const { return links_; }
  // REQUIRES: `link` is one of them.
  LinkState& of(const Link* link) const;

  void on_session_ended(const Session& session, int64_t now_ns);
  // The first one; OK: there is none.
  Status refusal() const;

  // The endpoints that are dialled and do not answer.
  std::vector<Viewpoint::Lost> lost() const;
  bool readable() const;
  // When a link or a dialling is due.
  int64_t due_ns(int64_t now_ns) const;

 private:
  std::vector<std::unique_ptr<LinkState>> links_;
  uint64_t next_number_ = 1;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_LINK_TABLE_H_
