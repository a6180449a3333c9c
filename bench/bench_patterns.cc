// What does it cost to ask which of many patterns names a topic?
#include <fmt/format.h>

#include <functional>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/report.h"
#include "relay/names/pattern_set.h"

namespace smt::bench {
namespace {

using Texts = std::vector<std::string>;

constexpr size_t kTopics = 1000;

// Of all kinds, as rules have them.
std::string mixed(size_t i) {
  switch (i % 10) {
    case 7:
      return fmt::format("a{:03}/*", i);
    case 8:
      return fmt::format("re:a{:03}/t[0-9]+", i);
    case 9:
      return fmt::format("a{:03}/t{}", i, i % kTopics);
    default:
      return fmt::format("a{:03}/**", i);
  }
}
// All of them are still possible wherever a name is read.
std::string floating(size_t i) { return fmt::format("**/x{:03}*", i); }

void measure(const Options& options, const std::string& group, size_t count,
             const std::function<std::string(size_t)>& pattern, Report* report) {
  Texts texts, topics;
  for (size_t i = 0; i < count; ++i) texts.push_back(pattern(i));
  for (size_t i = 0; i < kTopics; ++i) {
    topics.push_back(fmt::format("a{:03}/{}{:03}", i % count, i % 2 == 0 ? "t" : "y/x", i % count));
  }
  const relay::PatternSet set = check(relay::PatternSet::parse(texts));
  const std::vector<relay::Pattern> patterns = check(relay::parse_patterns(texts));
  const auto at_once = [&](const std::string& topic) { return set.decide(topic).pattern != nullptr; };
  const auto one_by_one = [&](const std::string& topic) {
    for (const relay::Pattern& p : patterns) {
      if (p.matches(topic)) return true;
    }
    return false;
  };
  for (const std::string& topic : topics) {
    if (at_once(topic) != one_by_one(topic)) fail(Status(Code::kSystem, topic + ": they disagree"));
  }
  const int rounds = options.choose(21, 5, 1);
  const auto each = [&](auto matches) {
    return [&, matches] {
      size_t matched = 0;
      return ns_per_call(2'000'000,
                         [&] {
                           for (const std::string& topic : topics) matched += matches(topic);
                           keep(&matched);
                         }) /
             static_cast<double>(kTopics);
    };
  };
  const auto ns = interleave(rounds, {each(at_once), each(one_by_one)});
  report->add(group, "PatternSet", ns[0]);
  report->add(group, "one by one", ns[1]);
  report->add(group, "compile",
              {ns_per_call(2'000'000,
                           [&] {
                             auto compiled = relay::PatternSet::parse(texts);
                             keep(&compiled);
                           }) /
               1e6},
              "ms");
  if (count == 1000 && group.ends_with("mixed")) {
    report->accept("1,000 patterns at once / one by one, quietest rounds", quietest(ns[0]) / quietest(ns[1]),
                   0.05, "");
  }
}

Report run(const Options& options, const Domain&) {
  pin(0);
  Report report("patterns: ns per topic to learn which pattern names it", {"one by one"});
  for (const size_t count : {1, 10, 100, 1000, 4000})
    measure(options, fmt::format("{} patterns, mixed", count), count, mixed, &report);
  for (const size_t count : {100, 1000})
    measure(options, fmt::format("{} patterns, all **/...", count), count, floating, &report);
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
