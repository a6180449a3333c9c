#include "cmd/relay_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "cmd/exit_code.h"
#include "cmd/impair.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/tool.h"
#include "relay/link_zmq.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

// So that "relay-proxy-<name>" is a name of a node.
constexpr size_t kLongestName = 52;

Status CheckRelayName(const std::string& name) {
  if (Status s = CheckName("relay", name); !s.ok()) return s;
  if (name.size() <= kLongestName) return Status();
  return Status(Code::kInvalid, fmt::format("relay name '{}': longer than {} bytes", name, kLongestName));
}

// Several after one flag, or the flag several times; they replace the default.
void AddList(CLI::App& app, const std::string& flag, std::vector<std::string>* list, const std::string& type,
             const std::string& what) {
  app.add_option(flag, *list, what)->type_name(type);
}

}  // namespace

std::string_view RoleName(Role role) {
  return role == Role::kPub ? "pub" : role == Role::kSub ? "sub" : "proxy";
}

std::string HostRelayName() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::string name = host;
  for (char& c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!legal) c = '-';
  }
  name.erase(0, name.find_first_not_of('.'));
  if (name.size() > kLongestName) name.resize(kLongestName);
  return CheckRelayName(name).ok() ? name : "host";
}

void AddRelayFlags(CLI::App& app, RelayFlags* flags) {
  flags->name = HostRelayName();
  AddList(app, "--bind", &flags->bind, "EP",
          "Take connections at tcp://ADDR:PORT (PORT * is a free one) or ipc://PATH");
  AddList(app, "--connect", &flags->connect, "EP",
          "Dial tcp://HOST:PORT or ipc://PATH, and dial again when it is lost");
  app.add_option("--name", flags->name, fmt::format("Of this relay, as others log it [{}]", flags->name));
  const char* const topics[] = {"Send topics that it names",
                                "Ask for topics that it names, as the sender calls them",
                                "Pass on topics that it names"};
  AddList(app, "--topic", &flags->topics, "PATTERN",
          std::string(topics[static_cast<size_t>(flags->role)]) + " [**]");
  AddList(app, "--exclude", &flags->excludes, "PATTERN", "But not these");
  if (flags->role != Role::kProxy) {
    app.add_option("--rate", flags->rate_hz,
                   flags->role == Role::kPub
                       ? "Send each topic to each subscriber at most so often a second [no limit]"
                       : "Ask for each topic at most so often a second [no limit]")
        ->check(CLI::Range(1e-6, 1e6))
        ->type_name("HZ");
  }
  if (flags->role == Role::kSub) {
    app.add_option("--prefix", flags->prefix, "Put before the names of topics that arrive, with a '/'")
        ->type_name("P");
    AddDuration(app, "--max-age", &flags->max_age_ns,
                "A sample older than this is stale, whatever its source says");
    app.add_option(
           "--on-stale", flags->on_stale,
           "What becomes of a topic with a maximum age when that is over: hold (its last value), zero, "
           "or tombstone (it is removed) [hold]")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, relay::OnStale>{{"hold", relay::OnStale::kHold},
                                                  {"zero", relay::OnStale::kZero},
                                                  {"tombstone", relay::OnStale::kTombstone}}))
        ->type_name("hold|zero|tombstone");
    app.add_option("--segment-size", flags->segment_bytes,
                   "Virtual size of the mirror's segment, as 64M or 2G [the one that is there, else 1G]")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("BYTES");
    app.add_flag("--remove-on-exit", flags->remove_on_exit,
                 "Remove the mirrored topics at the end; else their last values stay");
  }
  if (flags->role == Role::kProxy) {
    AddList(app, "--cache", &flags->cache, "PATTERN",
            "Ask for these even while nobody wants them, so that a late joiner has them at once");
  }
  app.add_flag("--insecure", flags->insecure,
               "Allow endpoints that other machines reach, without encryption");
  app.add_flag("--spin", flags->spin, "Never sleep: less delay for a whole processor");
  app.add_option_function<std::string>(
         "--impair",
         [flags](const std::string& text) {
           Result<relay::Impairment> impairment = ParseImpairment(text);
           if (!impairment.ok()) throw CLI::ValidationError(impairment.status().message());
           flags->impair = *impairment;
         },
         "Rehearse a bad network on every link, each way: delay=80ms,jitter=20ms,loss=2%,rate=2mbit (bits "
         "per "
         "second), seed=7; a lost packet is a stall, as over TCP")
      ->type_name("PART,...");
  app.add_option("--explain", flags->explain, "Say which pattern lets TOPIC pass or stops it, and end")
      ->type_name("TOPIC");
  app.footer(
      "Prints `ready NAME ENDPOINT...` when it serves; SIGINT ends it.\n"
      "PATTERN: a topic name in which * is any text inside one segment and ** any number of segments;\n"
      "re:EXPRESSION is RE2. --exclude wins. smt/** is named only by patterns that begin with smt/.");
}

Status CheckRelayEndpoint(const std::string& endpoint, bool binding, bool insecure) {
  if (Status s = relay::CheckEndpoint(endpoint, binding); !s.ok()) return s;
  if (insecure || relay::IsLoopback(endpoint)) return Status();
  return Status(
      Code::kInvalid,
      fmt::format("{} reaches other machines, and nothing on it would be encrypted or asked who it is; "
                  "use tcp://127.0.0.1:PORT or ipc://PATH, or say --insecure if all who reach it may "
                  "read and write these topics",
                  endpoint));
}

Result<RelayRules> CheckRelayFlags(const RelayFlags& flags) {
  if (Status s = CheckRelayName(flags.name); !s.ok()) return s;
  Result<relay::PatternSet> topics = relay::PatternSet::parse(flags.topics, flags.excludes);
  if (!topics.ok()) return topics.status();
  RelayRules rules;
  rules.topics = std::move(*topics);
  if (flags.rate_hz > 0) rules.period_ns = std::llround(1e9 / flags.rate_hz);
  rules.selection = {flags.topics, flags.excludes, 0, flags.role == Role::kSub ? rules.period_ns : 0};
  if (!flags.cache.empty()) {
    if (Result<relay::PatternSet> cache = relay::PatternSet::parse(flags.cache); !cache.ok()) {
      return cache.status();
    }
    rules.cache = relay::Selection{flags.cache, flags.excludes, 0};
  }
  if (!flags.prefix.empty()) {
    if (Status s = CheckTopicName(flags.prefix); !s.ok()) return s;
  }
  if (flags.explain) {
    if (Status s = CheckTopicName(*flags.explain); !s.ok()) return s;
    return rules;
  }
  if (flags.bind.empty() && flags.connect.empty()) {
    return {Code::kInvalid, "no endpoint; give --bind or --connect, as --bind tcp://127.0.0.1:7000"};
  }
  for (const std::string& endpoint : flags.bind) {
    if (Status s = CheckRelayEndpoint(endpoint, true, flags.insecure); !s.ok()) return s;
  }
  for (const std::string& endpoint : flags.connect) {
    if (Status s = CheckRelayEndpoint(endpoint, false, flags.insecure); !s.ok()) return s;
  }
  return rules;
}

int Explain(const RelayFlags& flags, const RelayRules& rules) {
  const std::string& topic = *flags.explain;
  const auto tell = [&](const char* allow, const relay::PatternSet::Decision& d) {
    if (d.pattern == nullptr) return fmt::format("stopped: no {} names it", allow);
    return fmt::format("{} {} {}", d.allowed ? "passes by" : "stopped by", d.allowed ? allow : "--exclude",
                       d.pattern->text());
  };
  const relay::PatternSet::Decision decision = rules.topics.decide(topic);
  std::string out = fmt::format("{} {}", topic, tell("--topic", decision));
  if (decision.allowed && !flags.prefix.empty()) {
    out += fmt::format("; it is {}/{} here", flags.prefix, topic);
  }
  out += '\n';
  if (rules.cache && decision.allowed) {
    const auto cache = relay::PatternSet::parse(rules.cache->topic, rules.cache->exclude);
    const auto cached = cache->decide(topic);
    out += cached.allowed ? fmt::format("{} is kept by --cache {}\n", topic, cached.pattern->text())
                          : fmt::format("{} is asked for only while somebody wants it\n", topic);
  }
  Print(out);
  return kExitOk;
}

}  // namespace smt::cmd
