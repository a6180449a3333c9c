// A link over another one: it passes every call on. A link that changes some of them derives from it.
#ifndef SMT_RELAY_LINK_WRAPPED_LINK_H_
#define SMT_RELAY_LINK_WRAPPED_LINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "relay/link/link.h"

namespace smt::relay {

class WrappedLink : public Link {
 public:
  explicit WrappedLink(std::unique_ptr<Link> link) : link_(std::move(link)) {}

  bool dials() const override { return link_->dials(); }
  const std::string& endpoint() const override { return link_->endpoint(); }
  uint8_t dscp() const override { return link_->dscp(); }
  bool receive(Incoming* in) override { return link_->receive(in); }
  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override {
    return link_->send(to, header, payload);
  }
  void redial() override { link_->redial(); }
  void drop(const PeerId& peer) override { link_->drop(peer); }
  bool has_ended() override { return link_->has_ended(); }
  bool is_refused() override { return link_->is_refused(); }
  Status trouble() override { return link_->trouble(); }
  int fd() const override { return link_->fd(); }
  bool readable() override { return link_->readable(); }
  void quiet() override { link_->quiet(); }
  int event_fd() const override { return link_->event_fd(); }
  void on_event() override { link_->on_event(); }
  int64_t due_ns() const override { return link_->due_ns(); }

 protected:
  Link& link() const { return *link_; }

 private:
  const std::unique_ptr<Link> link_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_LINK_WRAPPED_LINK_H_
