// Of the doctor: whether the topics are here that somebody expects, and fresh.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>

#include "cmd/doctor/doctor_nodes.h"
#include "cmd/monitor/census.h"
#include "cmd/text/commands.h"
#include "cmd/text/text.h"
#include "shm/clock.h"
#include "shm/reader.h"

namespace smt::cmd {
namespace {

using Kind = Finding::Kind;

constexpr size_t kMaxShown = 8;  // of one pattern

std::set<std::string> topics_of(const Domain& domain) {
  Census census(domain);
  std::set<std::string> topics;
  if (!census.look().ok()) return topics;  // which check_nodes tells
  for (const auto& [node, member] : census.members())
    topics.insert(member.topics.begin(), member.topics.end());
  return topics;
}

// What stands between the topic and a fresh value; "": nothing.
std::string fault_of(Reader* reader) {
  const Freshness now = reader->freshness();
  const std::string node = reader->writers().empty() ? "?" : reader->writers().front().segment->node();
  const std::string age =
      now.age_ns ? fmt::format("; its newest value is {} old", duration_text(*now.age_ns)) : "";
  const std::string source = fmt::format("node {} on {}", now.origin.node, now.origin.host);
  switch (now.state) {
    case State::kFresh:
      return "";
    case State::kEmpty:
      return fmt::format("is empty: node {} has published no value yet", node);
    case State::kStale:
      return fmt::format("is stale: {} lives and publishes too seldom for its maximum age of {}{}",
                         now.hops == 0 ? "node " + node : source, duration_text(now.max_age_ns), age);
    case State::kSourceDead:
      return now.hops == 0
                 ? fmt::format("is source-dead: node {} has ended or died{}; start its program", node, age)
                 : fmt::format("is source-dead: its publisher, {}, has ended or died{}; start it there",
                               source, age);
    case State::kLinkDown:
      return fmt::format(
          "is link-down: the relay of node {} is cut off from the source, stopped or dead{}; what it "
          "dials is tried by --connect",
          node, age);
    case State::kSubstituted:
      return fmt::format("is substituted: a fail-safe value stands in for what a peer had set{}", age);
    case State::kRemoved:
      break;
  }
  return "was removed";
}

}  // namespace

void check_topics(const DoctorOptions& options, const Domain* domain, std::vector<Finding>* findings) {
  if (options.topics.empty()) return;
  const std::set<std::string> topics = domain != nullptr ? topics_of(*domain) : std::set<std::string>();
  for (const relay::Pattern& pattern : options.topics) {
    size_t matched = 0, faults = 0;
    for (const std::string& topic : topics) {
      if (!pattern.matches(topic)) continue;
      ++matched;
      Result<Reader> reader = Reader::open(*domain, topic);
      const Status found = reader.ok() ? reader->refresh() : reader.status();
      const std::string fault = found.ok() ? fault_of(&*reader) : found.message();
      if (fault.empty() || ++faults > kMaxShown) continue;
      findings->push_back({Kind::kProblem, "topic", topic + " " + fault, ""});
    }
    if (matched == 0) {
      findings->push_back({Kind::kProblem, "topic", fmt::format("no topic here matches '{}'", pattern.text()),
                           fmt::format("smttopic list {}   # what is here", domain_flags(options.domain))});
    } else if (faults == 0) {
      findings->push_back({Kind::kFine, "topic",
                           fmt::format("{} topic{} match{} '{}', all fresh", matched, matched == 1 ? "" : "s",
                                       matched == 1 ? "es" : "", pattern.text()),
                           ""});
    } else if (faults > kMaxShown) {
      findings->push_back({Kind::kProblem, "topic",
                           fmt::format("{} more of '{}' are not fresh", faults - kMaxShown, pattern.text()),
                           ""});
    }
  }
}

}  // namespace smt::cmd
