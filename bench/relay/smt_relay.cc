// smtrelay itself: its two programs, and around them a writer and readers that use libsmt as any program
// would.
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "bench/relay/loopback.h"
#include "bench/relay/reader.h"
#include "bench/relay/variant.h"
#include "bench/relay/writer.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"

namespace smt::bench {
namespace {

using std::chrono::milliseconds;

Domain open_domain(const std::string& root, const std::string& name) {
  DomainOptions options;
  options.root = root;
  options.domain = name;
  return check(Domain::open(options));
}

// Many topics are published as one Burst, which rings once.
class Near {
 public:
  Near(const Domain& domain, const Load& load) : node_(check(Node::open(domain, {.name = "writer"}))) {
    for (int t = 0; t < load.topics; ++t)
      publishers_.push_back(check(node_->advertise(bytes_topic(topic_name(t), load.bytes))));
  }
  void put(int topic, const std::vector<uint64_t>& value, int64_t sent_ns) {
    if (!burst_) burst_.emplace();
    check(burst_->publish(publishers_[static_cast<size_t>(topic)], std::as_bytes(std::span(value)),
                          {0, sent_ns, sent_ns, sent_ns}));
  }
  void end() { burst_.reset(); }

 private:
  std::unique_ptr<Node> node_;
  std::vector<Publisher> publishers_;
  std::optional<Burst> burst_;
};

// One topic is waited for with its Reader, which sleeps in the futex; many with a Waiter.
class Far {
 public:
  Far(const Domain& domain, const Load& load) : load_(load), sequence_(static_cast<size_t>(load.watched())) {
    for (int i = 0; i < load.watched(); ++i)
      readers_.push_back(check(Reader::open(domain, topic_name(load.watched_topic(i)))));
    if (load.watched() > 1) waiter_ = check(Waiter::open(domain));
  }

  bool newest(int i, ValueWords* value) {
    const auto sample = readers_[static_cast<size_t>(i)].borrow();
    uint64_t& last = sequence_[static_cast<size_t>(i)];
    if (!sample || sample->head().sequence == last || sample->bytes().size() != load_.bytes) return false;
    *value = words_of(sample->bytes().data(), load_.bytes, load_.watched_topic(i));
    if (!sample->valid()) return false;
    last = sample->head().sequence;
    return true;
  }

  void wait() {
    if (!all_found_) {
      find();
    } else if (waiter_) {
      waiter_->wait(milliseconds(100));
    } else {
      readers_.front().wait(milliseconds(100));
    }
  }

 private:
  // Looks for the topics that are not there yet, which nobody announces to a reader that does not wait.
  void find() {
    all_found_ = true;
    for (Reader& reader : readers_) {
      if (all_found_ && reader.writers().empty()) all_found_ = reader.refresh().ok();
    }
    if (!all_found_) sleep_until(boottime_ns() + 20'000'000);
  }

  const Load load_;
  std::vector<Reader> readers_;
  std::vector<uint64_t> sequence_;
  std::optional<Waiter> waiter_;
  bool all_found_ = false;
};

// The mirrored topics of one domain and how often each was written.
class Mirror {
 public:
  explicit Mirror(Domain domain) : domain_(std::move(domain)) {}

  // True once `topics` topics are there.
  bool find(int topics) {
    if (!topics_.empty()) return true;
    std::vector<TopicView> found;
    for (const std::string& node : check(domain_.nodes())) {
      const auto view = SegmentView::open(domain_, node);
      if (!view.ok() || !(*view)->mirror() || (*view)->topic_limit() < static_cast<uint32_t>(topics))
        continue;
      for (uint32_t i = 0; i < (*view)->topic_limit(); ++i) {
        auto topic = (*view)->topic(i);
        if (topic && topic->name.starts_with("bench/")) found.push_back(std::move(*topic));
      }
    }
    if (found.size() == static_cast<size_t>(topics)) topics_ = std::move(found);
    return !topics_.empty();
  }
  uint64_t updates() const {
    uint64_t sum = 0;
    for (const TopicView& topic : topics_) sum += read_newest_head(*topic.counter);
    return sum;
  }

 private:
  Domain domain_;
  std::vector<TopicView> topics_;
};

// The endpoint in the line `ready NAME ENDPOINT...`; "": none within 5 s.
std::string wait_until_ready(const Fd& out) {
  std::string text;
  const int64_t limit = boottime_ns() + 5'000'000'000;
  while (text.find('\n') == std::string::npos && boottime_ns() < limit) {
    pollfd readable = {out.get(), POLLIN, 0};
    if (poll(&readable, 1, 100) <= 0) continue;
    char piece[256];
    const ssize_t n = read(out.get(), piece, sizeof piece);
    if (n <= 0) break;
    text.append(piece, static_cast<size_t>(n));
  }
  std::istringstream words(text);
  std::string ready, name, endpoint;
  words >> ready >> name >> endpoint;
  return ready == "ready" ? endpoint : "";
}

// Starts the relay that `flags` begin and describe, and returns where it listens.
std::string start_listening(int core, std::vector<std::string> flags, const std::string& log, Process* relay,
                            Fd* out) {
  flags.insert(flags.end(), {"--bind", "tcp://127.0.0.1:*"});
  *relay = Process::execute(core, flags, log, out);
  const std::string endpoint = wait_until_ready(*out);
  if (!endpoint.empty()) return endpoint;
  std::ostringstream said;
  said << std::ifstream(log).rdbuf();
  fail(Status(Code::kSystem, flags.front() + " did not become ready: " + said.str()));
}

// Makes FOLDER/near and FOLDER/far, each with keys of its own and the public one of the other.
void make_keys(const std::string& bin, const std::string& folder, const std::string& log) {
  const std::string names[] = {"near", "far"};
  for (const std::string& name : names) {
    Fd out;
    Process keygen = Process::execute(
        kAnyCore, {bin + "/smtrelay_keygen", name, "--out", fmt::format("{}/{}", folder, name)}, log, &out);
    if (!keygen.finish()) fail(Status(Code::kSystem, "smtrelay_keygen failed"));
  }
  for (const std::string& name : names) {
    const std::string peers = fmt::format("{}/{}/peers", folder, name), other = names[name == "near"];
    std::filesystem::create_directories(peers);
    std::filesystem::copy_file(fmt::format("{}/{}/{}.pub", folder, other, other),
                               fmt::format("{}/{}.pub", peers, other));
  }
}

Cast start_relay(const std::string& bin, const SmtRelayOptions& options, const Load& load, Control* control,
                 const std::string& folder) {
  Cast cast;
  const std::string log = log_of(folder);
  if (options.keys) make_keys(bin, folder, log);
  std::vector<int> pages;
  const auto with_options = [&](std::vector<std::string> command, const char* end) {
    if (options.spin) command.push_back("--spin");
    if (options.asking.any())
      command.insert(command.end(),
                     {"--metrics", fmt::format("127.0.0.1:{}", pages.emplace_back(free_port()))});
    if (options.keys) command.insert(command.end(), {"--keys", folder + "/" + end});
    return command;
  };
  const Domain near = open_domain(folder, "a");
  cast.writer = Process::fork(kSenderCore, [&] { run_writer(load, control, Near(near, load)); });

  // Their ends stay open: a relay must not find its stdout closed.
  const auto outputs =
      std::make_shared<std::vector<Fd>>(1 + static_cast<size_t>(load.hops + load.subscribers));
  auto output = outputs->begin();
  std::string endpoint = start_listening(
      kSenderCore, with_options({bin + "/smtrelay_pub", "--domain", "a", "--root", folder}, "near"), log,
      &cast.sender, &*output++);
  for (int i = 0; i < load.hops; ++i) {
    endpoint = start_listening(
        kAnyCore, {bin + "/smtrelay_proxy", "--name", fmt::format("p{}", i), "--connect", endpoint}, log,
        &cast.between.emplace_back(), &*output++);
  }

  const auto mirrors = std::make_shared<std::vector<Mirror>>();
  for (int i = 0; i < load.subscribers; ++i) {
    const std::string name = fmt::format("b{}", i);
    const Domain far = open_domain(folder, name);
    mirrors->emplace_back(far);
    cast.receivers.push_back(Process::execute(kReceiverCore,
                                              with_options({bin + "/smtrelay_sub", "--domain", name, "--root",
                                                            folder, "--connect", endpoint, "--name", name},
                                                           "far"),
                                              log, &*output++));
    Watched* watched = &control->watched[i];
    cast.readers.push_back(
        Process::fork(kReceiverCore, [&] { run_watch(load, *control, watched, Far(far, load)); }));
  }
  cast.askers = start_askers(options.asking, pages, &control->scrapes);
  cast.complete = [mirrors, topics = load.topics] {
    bool all = true;
    for (Mirror& mirror : *mirrors) all = mirror.find(topics) && all;
    return all;
  };
  cast.updates = [mirrors, outputs] {
    uint64_t sum = 0;
    for (const Mirror& mirror : *mirrors) sum += mirror.updates();
    return sum;
  };
  return cast;
}

}  // namespace

Variant smt_relay(const std::string& name, const std::string& bin, const SmtRelayOptions& options) {
  const auto start = [bin, options](const Load& load, Control* control, const std::string& folder) {
    return start_relay(bin, options, load, control, folder);
  };
  return {name, start, false, Kind::kSmtRelay};
}

}  // namespace smt::bench
