// A link of one's own: it loses every tenth message of values, as a bad radio does, and passes on everything
// else.
#ifndef SMT_EXAMPLES_LOSSY_LINK_H_
#define SMT_EXAMPLES_LOSSY_LINK_H_

#include "relay/link/wrapped_link.h"

class LossyLink : public smt::relay::WrappedLink {
 public:
  using WrappedLink::WrappedLink;
  smt::relay::Sent send(const smt::relay::PeerId& to, std::span<const std::byte> header,
                        const smt::relay::Frame& payload) override {
    if (!payload.bytes.empty() && ++values_ % 10 == 0) return smt::relay::Sent::kOk;
    return WrappedLink::send(to, header, payload);
  }

 private:
  uint64_t values_ = 0;
};

#endif  // SMT_EXAMPLES_LOSSY_LINK_H_
