#include "relay/link/link_impair.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace smt::relay {

namespace {

constexpr size_t kPacketBytes = 1400;
constexpr int64_t kMinTimeoutNs = 200'000'000;
// How soon a message is offered again that the link below did not take: nobody is connected.
constexpr int64_t kAgainNs = 5'000'000;
constexpr size_t kMaxGone = 1000;

}  // namespace

ImpairedLink::ImpairedLink(std::unique_ptr<Link> link, const Impairment& impairment,
                           std::function<int64_t()> now)
    : WrappedLink(std::move(link)), impairment_(impairment), now_(std::move(now)), random_(impairment.seed) {}

ImpairedLink::Held ImpairedLink::Direction::take() {
  Held message = std::move(held.front());
  held.pop_front();
  bytes -= message.bytes();
  return message;
}

// It is due after the bottleneck and the way, and passes no sooner than the message before it.
void ImpairedLink::hold(Direction* d, Held message) {
  const Impairment& i = impairment_;
  const size_t bytes = message.bytes();
  d->idle_ns = std::max(d->idle_ns, now_());
  if (i.bits_per_s != 0) {
    const double seconds = static_cast<double>(bytes) * 8 / static_cast<double>(i.bits_per_s);
    d->idle_ns += std::llround(seconds * 1e9);
  }
  const int64_t off = std::uniform_int_distribution<int64_t>(-i.jitter_ns, i.jitter_ns)(random_);
  message.due_ns = d->idle_ns + std::max<int64_t>(0, i.delay_ns + off);
  const auto packets = static_cast<double>(bytes / kPacketBytes + 1);
  if (std::bernoulli_distribution(1 - std::pow(1 - i.loss, packets))(random_)) {
    message.due_ns += std::max(kMinTimeoutNs, 2 * i.delay_ns);
  }
  d->bytes += bytes;
  d->held.push_back(std::move(message));
}

// Takes in what has come, and gives the link below what is due.
void ImpairedLink::pass() {
  for (Incoming in; !in_.full() && link().receive(&in);) {
    Held message{0, in.peer, {}, {}, in.malformed, std::string(in.cut), std::string(in.key)};
    message.header.assign(reinterpret_cast<const char*>(in.header.data()), in.header.size());
    if (!in.payload.empty()) {
      std::shared_ptr<std::byte[]> room = Frame::room(in.payload.size());
      memcpy(room.get(), in.payload.data(), in.payload.size());
      message.payload.bytes = {room.get(), in.payload.size()};
      message.payload.block = std::move(room);
    }
    hold(&in_, std::move(message));
  }
  const int64_t now = now_();
  while (!out_.held.empty() && std::max(out_.held.front().due_ns, again_ns_) <= now) {
    const Held& first = out_.held.front();
    const Sent sent = link().send(first.peer, bytes_of(first.header), first.payload);
    if (sent == Sent::kFull) {
      again_ns_ = now + kAgainNs;
      return;
    }
    if (sent == Sent::kGone) {
      if (gone_.size() == kMaxGone) gone_.clear();  // their sessions have ended long since, by silence
      gone_.insert(first.peer);
    }
    out_.take();
  }
}

bool ImpairedLink::receive(Incoming* in) {
  pass();
  if (in_.held.empty() || in_.held.front().due_ns > now_()) return false;
  here_ = in_.take();
  in->peer = here_.peer;
  in->malformed = here_.malformed;
  in->cut = here_.cut;
  in->key = here_.key;
  in->header = bytes_of(here_.header);
  in->payload = here_.payload.bytes;
  return true;
}

Sent ImpairedLink::send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) {
  if (gone_.erase(to) != 0) return Sent::kGone;
  if (out_.full()) return Sent::kFull;
  hold(&out_, {0, to, {reinterpret_cast<const char*>(header.data()), header.size()}, payload});
  pass();
  return Sent::kOk;
}

void ImpairedLink::redial() {
  out_ = in_ = Direction();
  again_ns_ = 0;
  gone_.clear();
  link().redial();
}

bool ImpairedLink::readable() { return due_ns() <= now_() || (!in_.full() && link().readable()); }

int64_t ImpairedLink::due_ns() const {
  int64_t due = INT64_MAX;
  if (!in_.held.empty()) due = in_.held.front().due_ns;
  if (!out_.held.empty()) due = std::min(due, std::max(out_.held.front().due_ns, again_ns_));
  return std::min(due, link().due_ns());
}

}  // namespace smt::relay
