#include "tests/relay/link_mem.h"

#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string_view>

namespace smt::relay {

namespace {

struct OnTheWay {
  int64_t at_ns;
  MemMessage message;
};

constexpr std::string_view kOfNet("\0mem", 4);  // begins the id of each connection

uint64_t number_of(const PeerId& id) {
  uint64_t number = 0;
  if (id.size() == kOfNet.size() + sizeof number) memcpy(&number, id.data() + kOfNet.size(), sizeof number);
  return number;
}

struct Connection {
  uint64_t number;
  PeerId id;
  std::string dialer;
  bool open = true;  // false: what is on its way still arrives
  std::deque<OnTheWay> to_binder, to_dialer;
};

}  // namespace

struct MemNet::Net {
  MemNet* owner;
  const int64_t* now_ns;
  int64_t to_binder_ns = 0, to_dialer_ns = 0;
  size_t room = 1000;
  std::map<std::string, size_t> room_to;  // by dialler
  bool bound = false;
  std::set<std::string> cut;
  std::map<uint64_t, std::shared_ptr<Connection>> connections;  // that are open, or have left something
  std::set<uint64_t> waiting;                                   // those with something for the binder
  uint64_t next_number = 1;
  std::map<std::pair<std::string, bool>, Traffic> traffic;

  // `linger`: what is on its way to the other end still arrives.
  void close(const std::shared_ptr<Connection>& c, bool linger = false) {
    if (c == nullptr) return;
    c->open = false;
    if (!linger) c->to_binder.clear(), c->to_dialer.clear();
    settle(c.get());
  }
  // After something has gone to the binder, or was taken there.
  void settle(const Connection* c) {
    if (!c->to_binder.empty()) {
      waiting.insert(c->number);
      return;
    }
    waiting.erase(c->number);
    if (!c->open) connections.erase(c->number);
  }
  std::shared_ptr<Connection> find(const PeerId& id) const {
    const auto c = connections.find(number_of(id));
    return c != connections.end() && c->second->id == id ? c->second : nullptr;
  }
  std::shared_ptr<Connection> connect(const std::string& dialer) {
    if (!bound || cut.count(dialer) != 0) return nullptr;
    auto c = std::make_shared<Connection>();
    c->number = next_number++;
    c->id = std::string(kOfNet) + std::string(reinterpret_cast<const char*>(&c->number), sizeof c->number);
    c->dialer = dialer;
    connections[c->number] = c;
    return c;
  }
  Sent send(Connection* c, bool to_binder, std::span<const std::byte> header,
            std::span<const std::byte> payload) {
    std::deque<OnTheWay>& queue = to_binder ? c->to_binder : c->to_dialer;
    const auto own = room_to.find(c->dialer);
    if (queue.size() >= (own == room_to.end() || to_binder ? room : own->second)) return Sent::kFull;
    const auto text = [](std::span<const std::byte> bytes) {
      return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    MemMessage m{c->dialer, to_binder, text(header), text(payload)};
    Traffic& t = traffic[{c->dialer, to_binder}];
    ++t.messages;
    t.header_bytes += header.size();
    t.payload_bytes += payload.size();
    const Fate fate = owner->hook ? owner->hook(&m) : Fate::kDeliver;
    if (!c->open || fate == Fate::kDrop) return Sent::kOk;  // the hook may have cut it
    const int64_t at = *now_ns + (to_binder ? to_binder_ns : to_dialer_ns);
    if (fate == Fate::kTwice) queue.push_back({at, m});
    queue.push_back({at, std::move(m)});
    if (to_binder) settle(c);
    return Sent::kOk;
  }
};

class MemLink : public Link {
 public:
  MemLink(std::shared_ptr<MemNet::Net> net, std::string endpoint, std::string dialer)
      : net_(std::move(net)), endpoint_(std::move(endpoint)), dialer_(std::move(dialer)) {}
  ~MemLink() override {
    if (dials()) {
      net_->close(connection_, true);
    } else {
      net_->bound = false;
      for (const auto& [number, c] : net_->connections) {
        c->open = false;
        c->to_binder.clear();
      }
      net_->connections.clear();
      net_->waiting.clear();
    }
  }

  bool dials() const override { return !dialer_.empty(); }
  const std::string& endpoint() const override { return endpoint_; }

  bool receive(Incoming* in) override {
    Connection* c = ready();
    if (c == nullptr) return false;
    std::deque<OnTheWay>& queue = dials() ? c->to_dialer : c->to_binder;
    here_ = std::move(queue.front().message);
    queue.pop_front();
    in->peer = dials() ? "" : c->id;
    if (!dials()) {
      turn_ = c->number;
      net_->settle(c);
    }
    in->malformed = here_.malformed;
    in->header = in->payload = {};
    if (here_.malformed) return true;
    in->header = std::as_bytes(std::span(here_.header));
    in->payload = std::as_bytes(std::span(here_.payload));
    return true;
  }
  Sent send(const PeerId& to, std::span<const std::byte> header, const Frame& payload) override {
    if (dials()) {
      connect();
      if (connection_ != nullptr && connection_->open)
        return net_->send(connection_.get(), true, header, payload.bytes);
      return connection_ != nullptr || ended_ ? Sent::kGone : Sent::kFull;
    }
    const std::shared_ptr<Connection> c = net_->find(to);
    return c != nullptr && c->open ? net_->send(c.get(), false, header, payload.bytes) : Sent::kGone;
  }
  void redial() override {
    net_->close(connection_);
    connection_ = nullptr;
    ended_ = false;
    connect();
  }
  bool has_ended() override {
    return ended_ || (connection_ != nullptr && !connection_->open && connection_->to_dialer.empty());
  }
  bool is_refused() override { return !net_->bound; }
  int fd() const override { return -1; }
  bool readable() override { return ready() != nullptr; }

 private:
  void connect() {
    if (connection_ != nullptr && !connection_->open && !connection_->to_dialer.empty()) return;
    if (connection_ != nullptr && connection_->open) return;
    ended_ = ended_ || connection_ != nullptr;
    connection_ = net_->connect(dialer_);
    if (connection_ != nullptr) ended_ = false;
  }
  // One with a message that has arrived; those that bind take turns among their connections.
  Connection* ready() {
    const auto has = [&](const std::deque<OnTheWay>& queue) {
      return !queue.empty() && queue.front().at_ns <= *net_->now_ns;
    };
    if (dials()) {
      connect();
      return connection_ != nullptr && has(connection_->to_dialer) ? connection_.get() : nullptr;
    }
    const std::set<uint64_t>& waiting = net_->waiting;
    auto next = waiting.upper_bound(turn_);
    for (size_t i = 0; i < waiting.size(); ++i, ++next) {
      if (next == waiting.end()) next = waiting.begin();
      Connection* const c = net_->connections.at(*next).get();
      if (has(c->to_binder)) return c;
    }
    return nullptr;
  }

  std::shared_ptr<MemNet::Net> net_;
  const std::string endpoint_, dialer_;
  std::shared_ptr<Connection> connection_;
  bool ended_ = false;  // the connection before, and there is no other one yet
  MemMessage here_;
  uint64_t turn_ = 0;  // the connection that was taken from last
};

MemNet::MemNet(const int64_t* now_ns) : net_(std::make_shared<Net>()) {
  net_->owner = this;
  net_->now_ns = now_ns;
}
std::unique_ptr<Link> MemNet::bind(const std::string& endpoint) {
  net_->bound = true;
  return std::make_unique<MemLink>(net_, endpoint, "");
}
std::unique_ptr<Link> MemNet::dial(const std::string& endpoint, const std::string& name) {
  return std::make_unique<MemLink>(net_, endpoint, name);
}
void MemNet::set_delay(int64_t to_binder_ns, int64_t to_dialer_ns) {
  net_->to_binder_ns = to_binder_ns;
  net_->to_dialer_ns = to_dialer_ns;
}
void MemNet::cut(const std::string& dialer) {
  net_->cut.insert(dialer);
  const auto all = net_->connections;
  for (const auto& [number, c] : all) {
    if (c->dialer == dialer) net_->close(c);
  }
}
void MemNet::heal(const std::string& dialer) { net_->cut.erase(dialer); }
void MemNet::set_room(size_t messages) { net_->room = messages; }
void MemNet::set_room(const std::string& dialer, size_t messages) { net_->room_to[dialer] = messages; }
MemNet::Traffic MemNet::traffic(const std::string& dialer, bool to_binder) const {
  return net_->traffic[{dialer, to_binder}];
}

}  // namespace smt::relay
