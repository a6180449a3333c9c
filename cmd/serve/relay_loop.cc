#include "cmd/serve/relay_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

// How often a busy loop looks whether it is to end.
constexpr int64_t kLookNs = 10'000'000;
// How often it is looked after messages that were held back.
constexpr int64_t kLogTickNs = 1'000'000'000;

void fill_random(void* to, size_t bytes) {
  if (getrandom(to, bytes, 0) != static_cast<ssize_t>(bytes)) {
    throw std::system_error(errno, std::generic_category(), "getrandom");
  }
}

// libzmq has copies of the keys that nobody can erase.
void keep_out_of_cores([[maybe_unused]] const LogSink& log) {
#ifndef SMT_ADDRESS_SANITIZER  // LeakSanitizer looks at its own process
  if (prctl(PR_SET_DUMPABLE, 0) != 0) log.debug("a core file would have the keys in it");
#endif
}

LogLevel level_of(relay::Severity severity) {
  return severity == relay::Severity::kDebug     ? LogLevel::kDebug
         : severity == relay::Severity::kInfo    ? LogLevel::kInfo
         : severity == relay::Severity::kWarning ? LogLevel::kWarning
                                                 : LogLevel::kError;
}

int64_t thread_cpu_ns() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

uint64_t random64() {
  for (uint64_t n = 0;;) {
    fill_random(&n, sizeof n);
    if (n != 0) return n;
  }
}

Id128 random_id() {
  Id128 id;
  fill_random(id.data(), id.size());
  return id;
}

RelayLoop::RelayLoop(relay::Store* store, relay::RelayOptions relay, LoopOptions options)
    : source_(store),
      options_(std::move(options)),
      turns_(thread_cpu_ns),
      log_([this](relay::Severity severity, const std::string& text) {
        options_.log.log(level_of(severity), text);
      }),
      watch_(options_.tells_silence ? options_.log : LogSink(), options_.probe_after_ns),
      relay_(store, complete(std::move(relay))) {
  if (options_.keys == nullptr) return;
  keep_out_of_cores(options_.log);
  const auto refused = [this](const std::string& address, const std::string& fingerprint) {
    log(relay::Severity::kWarning, "refused " + address,
        fmt::format(
            "refused {}: {}", address,
            fingerprint.empty() ? "it has no key" : "no key in peers/ has its fingerprint " + fingerprint));
  };
  if (Status s = context_.set_keys(options_.keys, refused); !s.ok()) throw std::runtime_error(s.message());
}

relay::RelayOptions RelayLoop::complete(relay::RelayOptions relay) {
  relay.keys = options_.keys;
  relay.instance = random64();
  relay.random = random64;
  relay.now = boottime_ns;
  relay.cpu_time = [this] { return turns_.cpu_ns(); };
  relay.log = [this](relay::Severity severity, const relay::MessageKey& key, const std::string& text) {
    log(severity, key, text);
  };
  return relay;
}

Result<RelayLoop::Links> RelayLoop::bind(const std::string& endpoint, uint8_t dscp) {
  Result<std::unique_ptr<relay::Link>> link = context_.bind(endpoint, dscp);
  if (!link.ok()) return link.status();
  Links links;
  links.push_back(std::move(*link));
  return links;
}

Result<RelayLoop::Links> RelayLoop::dial(const std::vector<std::string>& endpoints, uint8_t dscp) {
  Links links;
  for (const std::string& endpoint : endpoints) {
    Result<std::unique_ptr<relay::Link>> link = context_.dial(endpoint, dscp);
    if (!link.ok()) return link.status();
    links.push_back(std::move(*link));
  }
  return links;
}

Status RelayLoop::change_keys(std::shared_ptr<const relay::Keyring> keys) {
  // libzmq closes a listener together with the connections that it has taken: peers that are not told would
  // notice by the silence. They are given time to read it, as a connection closed while they speak takes with
  // it what they have not read.
  if (keys->self().public_key != options_.keys->self().public_key) {
    relay_.hang_up("this relay has another key now");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  options_.keys = keys;
  const Status changed = context_.change_keys(std::move(keys));
  // A second for libzmq to close the old listeners.
  Status listens = context_.listen_again();
  for (int tries = 1; listens.code() == Code::kInUse && tries < 1000; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    listens = context_.listen_again();
  }
  return changed.ok() ? listens : changed;
}

uint64_t RelayLoop::add(Links links, const relay::LinkOptions& options, relay::AddressOrder order) {
  std::vector<relay::Link*> added;
  for (std::unique_ptr<relay::Link>& link : links) {
    if (options_.impair) {
      relay::Impairment impairment = *options_.impair;
      impairment.seed += impaired_++;
      link = std::make_unique<relay::ImpairedLink>(std::move(link), impairment, boottime_ns);
    }
    added.push_back(link.get());
  }
  const uint64_t number = relay_.add(std::move(links), options, order);
  for (relay::Link* link : added) links_.push_back({number, link});
  return number;
}

void RelayLoop::remove(uint64_t number) {
  std::erase_if(links_, [&](const Followed& f) { return f.number == number; });
  relay_.remove(number);
}

std::vector<std::string> RelayLoop::endpoints() const {
  std::vector<std::string> out;
  for (const Followed& f : links_) out.push_back(f.link->endpoint());
  return out;
}

RelayLoop::~RelayLoop() { log_.finish(boottime_ns()); }

void RelayLoop::log(relay::Severity severity, const relay::MessageKey& key, const std::string& text) {
  if (severity >= options_.log_from) log_.log(severity, key, text, boottime_ns());
}

bool RelayLoop::ended() const { return !finishing_ && is_stopped(options_.stop_fd); }

bool RelayLoop::sleep(int64_t until_ns) {
  fds_.assign({{finishing_ ? -1 : options_.stop_fd, POLLIN, 0}, {context_.fd(), POLLIN, 0}});
  for (const int fd : options_.wake_fds) fds_.push_back({fd, POLLIN, 0});
  const size_t first_link = fds_.size();
  for (const Followed& f : links_) fds_.push_back({f.link->fd(), POLLIN, 0});
  for (const Followed& f : links_) fds_.push_back({f.link->event_fd(), POLLIN, 0});
  int64_t max_ns = kNever;
  if (relay_.has_demand()) {
    if (!source_->arm()) return true;
    fds_.push_back({source_->fd(), POLLIN, 0});
    max_ns = next_tick_ns(boottime_ns(), std::chrono::nanoseconds(source_->poll_limit()).count());
  }
  // The last look before poll(): the links' descriptors tell of changes only.
  if (!relay_.idle()) return true;
  const int64_t now = boottime_ns();
  turns_.end(now);
  const int64_t ns = std::max<int64_t>(0, std::min(until_ns, max_ns) - now);
  const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
  const int ready = ppoll(fds_.data(), fds_.size(), &timeout, nullptr);
  if (ready < 0) return true;
  looked_ = true;
  for (size_t i = 0; i < links_.size(); ++i) {
    if (fds_[first_link + links_.size() + i].revents != 0) {
      links_[i]
          .link->on_event();  // and what the peer said last may have come since its descriptor was polled
    } else if (fds_[first_link + i].revents == 0) {
      links_[i].link->quiet();
    }
  }
  if (ready == 0) return true;
  return fds_[0].revents == 0;
}

void RelayLoop::run(const After& after) {
  finishing_ = false;
  run_loop(after);
}

void RelayLoop::finish(const After& after) {
  finishing_ = true;
  run_loop(after);
}

void RelayLoop::run_loop(const After& after) {
  for (int64_t look = 0, tick = 0, watch = 0;;) {
    const int64_t now = boottime_ns();
    turns_.begin(now);
    context_.admit();
    relay_.step(now);
    if (now >= watch) watch = watch_.look(relay_.dialed(), has_keys(), now);
    const std::optional<int64_t> due = after(now);
    if (!due) return;
    if (now >= tick) {
      log_.tick(now);
      tick = next_tick_ns(now, kLogTickNs);
    }
    const bool looked = std::exchange(looked_, false);
    if (looked || now >= look) {
      if (!looked && ended()) return;
      look = now + kLookNs;
    }
    if (options_.spin) {
      sched_yield();
    } else if (!sleep(std::min({relay_.next_due_ns(), *due, tick, watch}))) {
      return;
    }
  }
}

}  // namespace smt::cmd
