// smtrelay_client set: a value into another machine's memory, where a rule of its relay allows it.
#include <fmt/format.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/lines.h"
#include "cmd/cli/output.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/tool.h"
#include "cmd/client/client.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"
#include "proto/codec.h"
#include "shm/clock.h"
#include "shm/domain.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using relay::Relay;

constexpr size_t kMaxLine = 4 << 20;
// For the release, when nobody may be there any more.
constexpr int64_t kReleaseNs = 500'000'000;

struct SetOptions {
  std::string topic, value, at;
  std::optional<int64_t> every_ns, duration_ns;
  bool keep = false;
};

// "anna@ops1", for people at the other end.
std::string holder_name() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const passwd* user = getpwuid(geteuid());
  std::string name =
      fmt::format("{}@{}", user != nullptr ? user->pw_name : std::to_string(geteuid()).c_str(), host);
  for (char& c : name) c = c > ' ' && c <= '~' ? c : '?';
  return name.substr(0, 64);
}

int exit_code_for(proto::SetOutcome outcome) {
  switch (outcome) {
    case proto::SET_DONE:
      return kExitOk;
    case proto::SET_NO_TOPIC:
      return kExitNoTopic;
    case proto::SET_MISMATCH:
      return kExitMismatch;
    case proto::SET_NO_ROUTE:
    case proto::SET_NO_ANSWER:
      return kExitTimeout;
    case proto::SET_NO_ROOM:
      return kExitFailure;
    default:
      return kExitDenied;
  }
}

class Setter {
 public:
  Setter(const ClientOptions& options, const SetOptions& set)
      : options_(options),
        set_(set),
        reads_(set.value == "-"),
        client_(options, {}, reads_ ? STDIN_FILENO : -1),
        holder_(holder_name()) {}

  int run();

 private:
  // Each: the exit code if the tool is to end with it; kStopped: a signal came; kAgain: nobody knows yet.
  static constexpr int kStopped = -1, kAgain = -2;
  std::optional<int> find_target();
  std::optional<int> choose(const Relay::SetResult& result);
  // Of the value, in front of what is wrong with it: "" for the one of the command line.
  std::string where() const { return line_ == 0 ? "" : fmt::format("stdin, line {}: ", line_); }
  std::optional<int> parse(const std::string& text);
  std::optional<int> send();
  std::optional<int> sent(const proto::SetAnswer& answer);
  int renew();
  std::optional<int> next_line();
  void show(const proto::SetAnswer& answer);
  void release();

  const ClientOptions& options_;
  const SetOptions& set_;
  const bool reads_;
  Client client_;
  const std::string holder_;
  Lines lines_{STDIN_FILENO, kMaxLine};
  uint64_t line_ = 0;  // from 1
  int64_t end_ns_ = kNever;
  uint64_t target_ = 0;
  std::string relay_;  // its name
  Schema schema_;
  std::vector<std::byte> value_;
  bool has_value_ = false, shown_ = false, holds_ = false, lost_ = false;
  std::vector<Json> told_;  // with -f json: told at the end
  bool header_ = true;      // of CSV
};

std::optional<int> Setter::find_target() {
  const std::optional<Relay::SetResult> result =
      client_.set({.kind = proto::SET_PROBE, .topic = set_.topic, .holder_name = holder_});
  return result ? choose(*result) : kStopped;
}

std::optional<int> Setter::choose(const Relay::SetResult& result) {
  std::vector<const proto::SetAnswer*> would;
  const proto::SetAnswer* refused = nullptr;
  std::vector<std::string> names;
  const std::string& at = lost_ ? relay_ : set_.at;
  for (const proto::SetAnswer& a : result.answers) {
    // Who denies it may stand in front of that one.
    if (!at.empty() && a.relay() != at && a.outcome() != proto::SET_DENIED) continue;
    if (a.outcome() == proto::SET_DONE) {
      would.push_back(&a);
      names.push_back(a.relay());
    } else if (refused == nullptr || refused->outcome() == proto::SET_NO_RULE) {
      refused = &a;
    }
  }
  if (would.size() > 1) {
    return fail(kExitUsage,
                fmt::format("{} relays have a topic {} that may be set: {}; say which with --at NAME",
                            would.size(), set_.topic, fmt::join(names, ", ")));
  }
  if (would.size() == 1) {
    Result<Schema> schema = Schema::from_text(would[0]->schema());
    if (!schema.ok()) return fail(kExitFailure, schema.status().message());
    target_ = would[0]->instance();
    relay_ = would[0]->relay();
    schema_ = std::move(*schema);
    return std::nullopt;
  }
  // Who wrote it before may be on its way back.
  if (lost_ && refused == nullptr) return kAgain;
  const bool known = refused != nullptr && (refused->outcome() != proto::SET_NO_RULE || result.complete);
  if (known)
    return fail(exit_code_for(refused->outcome()), fmt::format("{}: {}", refused->relay(), refused->text()));
  if (result.peers != 0 && result.complete && !set_.at.empty())
    return fail(kExitNoPeer, fmt::format("no relay {} is behind {}", set_.at, options_.connect));
  return fail(kExitTimeout,
              fmt::format("not all relays behind {} have answered within {}; --timeout gives them longer",
                          options_.connect, duration_text(options_.timeout_ns)));
}

std::optional<int> Setter::parse(const std::string& text) {
  Result<std::vector<std::byte>> value = parse_value(schema_, text);
  if (!value.ok()) return fail(exit_code_of(value.status()), where() + value.status().message());
  if (value->size() > proto::kMaxFrame) {
    return fail(kExitUsage, fmt::format("{}the value has {} bytes, and {} are the most that can be set",
                                        where(), value->size(), proto::kMaxFrame));
  }
  value_ = std::move(*value);
  has_value_ = true;
  shown_ = false;
  return std::nullopt;
}

std::optional<int> Setter::send() {
  if (lost_) {
    // Who wrote it may have begun anew; its type may be another one.
    const uint64_t hash = schema_.hash();
    if (const std::optional<int> end = find_target()) return end == kAgain ? std::nullopt : end;
    if (schema_.hash() != hash) return fail(kExitMismatch, set_.topic + " has another type now");
    lost_ = false;
  }
  const std::optional<Relay::SetResult> result = client_.set({.kind = proto::SET_VALUE,
                                                              .topic = set_.topic,
                                                              .target = target_,
                                                              .schema_hash = schema_.hash(),
                                                              .value = value_,
                                                              .stamp_ns = realtime_ns(),
                                                              .holder_name = holder_});
  if (!result) return kStopped;
  proto::SetAnswer none;
  none.set_outcome(proto::SET_NO_ANSWER);
  none.set_relay(options_.connect);
  none.set_text(fmt::format("no answer within {}; the value may be set", duration_text(options_.timeout_ns)));
  return sent(result->answers.empty() ? none : result->answers.front());
}

std::optional<int> Setter::sent(const proto::SetAnswer& a) {
  if (a.outcome() == proto::SET_DONE) {
    holds_ = true;
    if (!std::exchange(shown_, true)) show(a);
    return std::nullopt;
  }
  const std::string why = fmt::format("{}: {}", a.relay(), a.text());
  const int code = exit_code_for(a.outcome());
  // A link that comes back is no reason to end; the dead man's time is there for the meantime.
  if (code != kExitTimeout || !set_.every_ns) return fail(code, why);
  if (!std::exchange(lost_, true)) spdlog::warn("{}; trying again", why);
  return std::nullopt;
}

void Setter::show(const proto::SetAnswer& a) {
  const Json value = value_to_json(schema_, value_);
  const auto lease = static_cast<int64_t>(a.lease_ns()), dead_man = static_cast<int64_t>(a.dead_man_ns());
  if (options_.format == Format::kTable) {
    const bool single = value.size() == 1 && value.contains("value");
    const std::string line =
        fmt::format("{} = {} at {}, sample {}; lease {}, {}", set_.topic,
                    bare_text(single ? value["value"] : value), a.relay(), a.sequence(), duration_text(lease),
                    dead_man == 0 ? "no dead man's time" : "dead man's time " + duration_text(dead_man));
    print_note(printable(line) + "\n");
    return;
  }
  Json told{{"topic", set_.topic},      {"value", value},    {"relay", a.relay()},
            {"sequence", a.sequence()}, {"lease_ns", lease}, {"dead_man_ns", dead_man}};
  if (options_.format == Format::kJson) {
    told_.push_back(std::move(told));
  } else {
    print_note(objects_for_output({std::move(told)}, options_.format, std::exchange(header_, false)));
  }
}

// Waits until there is a line, or it is time to say the last one again. kExitOk: there are no more.
std::optional<int> Setter::next_line() {
  std::optional<int> end = kStopped;
  const int64_t again = set_.every_ns && has_value_ ? deadline_after(set_.every_ns) : kNever;
  const int64_t last = end_ns_;
  client_.loop().run([&](int64_t now) -> std::optional<int64_t> {
    std::string line;
    if (lines_.next(&line)) {
      ++line_;
      end = lines_.too_long() ? fail(kExitUsage, fmt::format("{}more than {}, the maximum of a line", where(),
                                                             bytes_text(kMaxLine)))
                              : parse(line);
    } else if (lines_.ended() || now >= last) {
      end = kExitOk;
    } else if (now >= again) {
      end.reset();
    } else {
      return std::min(again, last);
    }
    return std::nullopt;
  });
  return end;
}

// Until a signal, the end of the time or of stdin.
int Setter::renew() {
  const int64_t end = end_ns_ = deadline_after(set_.duration_ns);
  for (int64_t next = boottime_ns();;) {
    if (reads_) {
      if (const std::optional<int> code = next_line()) return *code;
    }
    if (const std::optional<int> code = send()) return *code;
    if (reads_) continue;
    if (!set_.every_ns) return kExitOk;
    next = std::max(next + *set_.every_ns, boottime_ns());
    bool due = false;
    client_.loop().run([&](int64_t now) -> std::optional<int64_t> {
      due = now >= next && now < end;
      if (now >= std::min(next, end)) return std::nullopt;
      return std::min(next, end);
    });
    if (!due) return kExitOk;
  }
}

void Setter::release() {
  if (!holds_ || set_.keep) return;
  Relay& relay = client_.loop().engine();
  std::optional<uint64_t> request;
  int64_t last = kNever;
  client_.loop().finish([&](int64_t now) -> std::optional<int64_t> {
    if (!request) {
      last = now + kReleaseNs;
      request = relay.set(
          {.kind = proto::SET_RELEASE, .topic = set_.topic, .target = target_, .holder_name = holder_}, now,
          kReleaseNs);
      return now;
    }
    if (relay.set_result(*request).done || now >= last) return std::nullopt;
    return last;
  });
}

int Setter::run() {
  if (Status s = client_.dial(); !s.ok()) return fail(s);
  if (const std::optional<int> end = client_.meet()) return *end;
  std::optional<int> code = find_target();
  if (!code && !reads_) code = parse(set_.value);
  if (!code) code = renew();
  release();
  if (options_.format == Format::kJson) print_note(objects_text(told_, options_.format));
  return *code == kStopped ? kExitOk : *code;
}

int set_topic(const ClientOptions& options, const SetOptions& set) {
  if (Status s = check_topic_name(set.topic); !s.ok()) return fail(s);
  if (set.duration_ns && !set.every_ns && set.value != "-")
    return fail(kExitUsage, "--duration goes with --every, or with values from stdin");
  // What is no JSON is none for any type.
  if (set.value != "-" && !parse_json(set.value).ok())
    return fail(parse_value(Schema::bytes(), set.value).status());
  return Setter(options, set).run();
}

}  // namespace

void add_client_set(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto set = std::make_shared<SetOptions>();
  verb->add_option("TOPIC", set->topic, "As the relay at EP names it")->required();
  verb->add_option(
          "VALUE", set->value,
          "JSON, of the topic's type: 1.5, [1,2,3], '\"text\"', an object of its fields; - takes one "
          "value from each line of stdin")
      ->required();
  add_duration(*verb, "--every", &set->every_ns, "Set it again and again, so often, until SIGINT",
               interval_of(1'000'000));
  add_duration(*verb, "--duration", &set->duration_ns, "End after so long");
  verb->add_flag("--keep", set->keep, "Leave the lease as it is at the end; else it is released");
  verb->add_option("--at", set->at, "Which relay is to write it, where several could")->type_name("NAME");
  verb->callback([=, &options] { *run = [=, &options] { return set_topic(options, *set); }; });
}

}  // namespace smt::cmd
