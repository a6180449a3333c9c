#include "cmd/client/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/serve/meeting.h"
#include "cmd/text/text.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

// The relay itself ends a request when its time is over; this is for one that never does.
constexpr int64_t kGraceNs = 200'000'000;

relay::RelayOptions asking(std::vector<relay::ReceiveRule> receive) {
  relay::RelayOptions relay = asking_options("client");
  relay.receive = std::move(receive);
  return relay;
}

}  // namespace

Client::Client(const ClientOptions& options, std::vector<relay::ReceiveRule> receive, int wake_fd)
    : options_(options),
      deadline_ns_(deadline_after(options.timeout_ns)),
      loop_(&store_, asking(std::move(receive)),
            {.stop_fd = stop_.fd(),
             .wake_fds = {wake_fd},
             .log = log_but_meeting(),
             .log_from = relay::Severity::kWarning,
             .keys = options.keys,
             .tells_silence = false,
             .probe_after_ns = std::min(DialWatch::kProbeAfterNs, options.timeout_ns / 4)}) {
  raise_file_limit();
  keep_large_blocks();
}

Status Client::dial() {
  Result<RelayLoop::Links> links = loop_.dial({options_.connect});
  if (links.ok()) loop_.add(std::move(*links));
  return links.status();
}

// What the relay logs while the client meets nobody is the sentence with which the client ends.
LogSink Client::log_but_meeting() {
  return LogSink([this, log = tool_log()](LogLevel level, const std::string& line) {
    if (is_meeting_) return held_.push_back({level, line});
    log.log(level, line);
  });
}

std::optional<int> Client::meet() {
  using Outcome = Meeting::Outcome;
  is_meeting_ = true;
  const Meeting meeting = cmd::meet(&loop_, deadline_ns_);
  is_meeting_ = false;
  for (const auto& [level, line] : std::exchange(held_, {})) {
    if (line != meeting.text) tool_log().log(level, line);
  }
  switch (meeting.outcome) {
    case Outcome::kMet:
      return std::nullopt;
    case Outcome::kStopped:
      return kExitOk;
    case Outcome::kDenied:
      return fail(kExitDenied, meeting.text);
    case Outcome::kRefused:
      return fail(kExitFailure, meeting.text);
    case Outcome::kNobody:
      break;
  }
  return fail(kExitNoPeer, fmt::format("nobody answered at {} within {}: {}", options_.connect,
                                       duration_text(options_.timeout_ns),
                                       meeting.text.empty() ? "does a relay listen there?" : meeting.text));
}

std::optional<int> Client::meet_source(int code) {
  if (const std::optional<int> end = meet()) return end;
  const std::vector<relay::PeerInfo> peers = loop_.engine().peers();
  if (std::any_of(peers.begin(), peers.end(), [](const relay::PeerInfo& p) { return p.serves; }))
    return std::nullopt;
  return fail(code, fmt::format("{} only takes topics and has none to give, as a smtrelay_sub; connect to a "
                                "smtrelay_pub or a smtrelay_proxy",
                                options_.connect));
}

// Begins a request with `begin(now, timeout)` and waits until `look(number)` is done.
template <class Answer, class Begin, class Look>
std::optional<Answer> Client::await(int64_t deadline_ns, Begin begin, Look look) {
  std::optional<Answer> answer;
  std::optional<uint64_t> request;
  loop_.run([&](int64_t now) -> std::optional<int64_t> {
    if (!request) {
      request = begin(now, std::max<int64_t>(0, deadline_ns - now));
      return now;
    }
    const Answer so_far = look(*request);
    const int64_t last = deadline_ns > kNever - kGraceNs ? kNever : deadline_ns + kGraceNs;
    if (!so_far.done && now < last) return last;
    answer = so_far;
    return std::nullopt;
  });
  return answer;
}

std::optional<relay::Relay::GetResult> Client::ask(const relay::Subscription& selection, bool list) {
  relay::Relay& relay = loop_.engine();
  return await<relay::Relay::GetResult>(
      deadline_ns_, [&](int64_t now, int64_t timeout) { return relay.get({selection}, list, now, timeout); },
      [&](uint64_t request) { return relay.get_result(request); });
}

std::optional<relay::Relay::TraceResult> Client::trace(const std::string& topic) {
  relay::Relay& relay = loop_.engine();
  return await<relay::Relay::TraceResult>(
      deadline_ns_, [&](int64_t now, int64_t timeout) { return relay.trace(topic, now, timeout); },
      [&](uint64_t request) { return relay.trace_result(request); });
}

std::optional<relay::Relay::SetResult> Client::set(const relay::Relay::SetRequest& wish) {
  relay::Relay& relay = loop_.engine();
  return await<relay::Relay::SetResult>(
      deadline_after(options_.timeout_ns),
      [&](int64_t now, int64_t timeout) { return relay.set(wish, now, timeout); },
      [&](uint64_t request) { return relay.set_result(request); });
}

std::vector<uint32_t> sorted_topics(const relay::MemStore& store) {
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < store.topic_limit(); ++id) {
    if (store.topic(id) != nullptr) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end(),
            [&](uint32_t a, uint32_t b) { return store.topic(a)->name < store.topic(b)->name; });
  return ids;
}

Schema described_schema(const relay::TopicDescription& topic) {
  if (topic.schema == nullptr) return Schema::bytes();
  Result<Schema> schema = Schema::from_text(*topic.schema);
  return schema.ok() ? std::move(*schema) : Schema::bytes();
}

State state_of(const relay::MemStore& store, uint32_t id, const SampleHead& head, int64_t now_ns) {
  const int64_t max_age_ns = store.topic(id)->max_age_ns;
  if (head.sequence == 0) return State::kEmpty;
  if (store.reported_state(id) != State::kEmpty) return store.reported_state(id);
  return max_age_ns > 0 && age_at(now_ns, head.born_ns) > max_age_ns ? State::kStale : State::kFresh;
}

ShownSample show_stored(const relay::MemStore& store, uint32_t id, const Schema& schema) {
  const SampleHead& head = store.head(id);
  const int64_t now = boottime_ns();
  ShownSample shown;
  shown.topic = store.topic(id)->name;
  shown.schema = schema;
  shown.state = state_of(store, id, head, now);
  if (head.sequence == 0) return shown;
  shown.sample = {head.sequence, head.stamp_ns, head.born_ns, head.written_ns, 0, store.value(id)};
  shown.receive_ns = realtime_ns() - now + head.written_ns;
  shown.age_ns = age_at(now, head.born_ns);
  return shown;
}

}  // namespace smt::cmd
