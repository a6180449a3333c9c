#include "relay/relay.h"

#include <utility>

#include "relay/engine.h"

namespace smt::relay {

Relay::Relay(Store* store, RelayOptions options)
    : engine_(std::make_unique<Engine>(store, std::move(options))) {}
Relay::~Relay() = default;

uint64_t Relay::add(std::unique_ptr<Link> link, const LinkOptions& options) {
  std::vector<std::unique_ptr<Link>> links;
  links.push_back(std::move(link));
  return add(std::move(links), options);
}
uint64_t Relay::add(std::vector<std::unique_ptr<Link>> links, const LinkOptions& options,
                    AddressOrder order) {
  return engine_->add(std::move(links), options, order);
}
void Relay::remove(uint64_t number) { engine_->remove(number); }
void Relay::set_options(uint64_t number, const LinkOptions& options) {
  engine_->set_options(number, options);
}
Status Relay::configure(std::vector<SendRule> send, std::vector<ReceiveRule> receive,
                        std::vector<Subscription> cache, std::vector<WriteRule> write,
                        const AccessRules& access) {
  return engine_->configure(std::move(send), std::move(receive), std::move(cache), std::move(write), access);
}
void Relay::hang_up(const std::string& why) { engine_->hang_up(why); }
void Relay::change_keys(std::shared_ptr<const Keyring> keys) { engine_->change_keys(std::move(keys)); }

size_t Relay::step(int64_t now_ns) { return engine_->step(now_ns); }
bool Relay::idle() { return engine_->idle(); }
int64_t Relay::next_due_ns() const { return engine_->next_due_ns(); }
bool Relay::has_demand() const { return engine_->has_demand(); }

uint64_t Relay::get(const std::vector<Subscription>& subscriptions, bool list, int64_t now_ns,
                    int64_t timeout_ns) {
  return engine_->get(subscriptions, list, now_ns, timeout_ns);
}
Relay::GetResult Relay::get_result(uint64_t request) const {
  return engine_->get_requests().get_result(request);
}
uint64_t Relay::trace(const std::string& topic, int64_t now_ns, int64_t timeout_ns) {
  return engine_->trace(topic, now_ns, timeout_ns);
}
Relay::TraceResult Relay::trace_result(uint64_t request) const {
  return engine_->trace_requests().trace_result(request);
}
uint64_t Relay::set(const SetRequest& request, int64_t now_ns, int64_t timeout_ns) {
  return engine_->set(request, now_ns, timeout_ns);
}
Relay::SetResult Relay::set_result(uint64_t request) const { return engine_->set_requests().result(request); }
void Relay::end_writes(int64_t now_ns) { engine_->end_writes(now_ns); }

std::vector<PeerInfo> Relay::peers() const {
  std::vector<PeerInfo> out;
  for (const auto& [key, s] : engine_->sessions().all())
    out.push_back({s->peer().name, s->link()->endpoint(), s->peer().serves, s->rtt_ns()});
  return out;
}
Status Relay::refusal() const { return std::as_const(*engine_).links().refusal(); }
std::vector<DialedEndpoint> Relay::dialed() const { return engine_->dialed(); }
bool Relay::offers(const Pattern& pattern, int64_t now_ns) { return engine_->offers(pattern, now_ns); }
bool Relay::receives(const Pattern& pattern) const { return engine_->receives(pattern); }
Counters Relay::counters() const { return engine_->counters(); }

}  // namespace smt::relay
