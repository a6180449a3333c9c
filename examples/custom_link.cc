// A link of one's own under a relay: it loses every tenth message of values, as a bad radio does. The far side still
// shows the newest values. custom_link [ENDPOINT]; ends with stdin.
#include <unistd.h>

#include <cstdio>

#include "cmd/serve/relay_loop.h"
#include "relay/store/shm_store.h"

struct LossyLink : smt::relay::Link {
  bool dials() const override { return inner->dials(); }
  const std::string& endpoint() const override { return inner->endpoint(); }
  bool receive(smt::relay::Incoming* message) override { return inner->receive(message); }
  smt::relay::Sent send(const smt::relay::PeerId& to, std::span<const std::byte> header,
                        const smt::relay::Frame& payload) override {
    const bool lost = !payload.bytes.empty() && ++values % 10 == 0;
    return lost ? smt::relay::Sent::kOk : inner->send(to, header, payload);
  }
  void redial() override { inner->redial(); }
  void drop(const smt::relay::PeerId& peer) override { inner->drop(peer); }
  int fd() const override { return inner->fd(); }
  bool readable() override { return inner->readable(); }
  std::unique_ptr<smt::relay::Link> inner;
  uint64_t values = 0;
};

int main(int argc, char** argv) {
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  const auto store = smt::relay::ShmStore::open(*domain, {});
  smt::relay::RelayOptions options;
  options.name = "radio";
  options.origin_id = *domain->origin_id();
  options.send = {smt::relay::SendRule()};
  smt::cmd::RelayLoop relay(store->get(), std::move(options), {.stop_fd = STDIN_FILENO});
  auto links = relay.bind(argc > 1 ? argv[1] : "tcp://127.0.0.1:7401");
  if (!links.ok()) return std::puts(links.status().message().c_str()), 1;
  auto lossy = std::make_unique<LossyLink>();
  lossy->inner = std::exchange(links->front(), nullptr);
  links->front() = std::move(lossy);
  relay.add(std::move(*links));
  std::printf("ready %s\n", relay.endpoints().front().c_str());
  std::fflush(stdout);
  relay.run([](int64_t now_ns) { return now_ns + 1'000'000'000; });
}
