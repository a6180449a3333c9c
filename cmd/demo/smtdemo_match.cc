// smtdemo_match: compares each sample of the mirror with the sample of the same sequence in the robot's
// memory, and publishes the count in the base's domain, until SIGINT.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <deque>
#include <vector>

#include "cmd/cli/tool.h"
#include "cmd/demo/publish.h"
#include "shm/reader.h"
#include "shm/waiter.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

// One topic in both memories.
class Pair {
 public:
  Pair(const smt::Domain& robot, const smt::Domain& base, const Plan& plan)
      : source_(must(smt::Reader::open(robot, plan.topic, {.begin = smt::Begin::kOldest}))),
        mirror_(must(smt::Reader::open(base, plan.topic, {.begin = smt::Begin::kOldest}))),
        kept_(2 * plan.history) {}

  void compare(Match* match) {
    (void)source_.refresh();  // "not there yet" is no error here
    (void)mirror_.refresh();
    // The source first: what the mirror has is older than that.
    while (const smt::Sample* s = source_.next()) {
      if (recent_.size() == kept_) recent_.pop_front();
      recent_.push_back({s->sequence, s->stamp_ns, {s->bytes.begin(), s->bytes.end()}});
    }
    while (const smt::Sample* s = mirror_.next()) {
      const auto same = std::find_if(recent_.rbegin(), recent_.rend(),
                                     [&](const Kept& k) { return k.sequence == s->sequence; });
      if (same == recent_.rend()) {
        ++match->unknown;
      } else if (same->stamp_ns == s->stamp_ns && std::ranges::equal(same->bytes, s->bytes)) {
        ++match->equal;
      } else {
        ++match->different;
      }
    }
  }

 private:
  struct Kept {
    uint64_t sequence;
    int64_t stamp_ns;
    std::vector<std::byte> bytes;
  };
  smt::Reader source_, mirror_;
  size_t kept_;
  std::deque<Kept> recent_;
};

int compare_all(const smt::DomainOptions& options, const std::string& robot_name) {
  Pace pace(2 * kMs);
  smt::DomainOptions robot_options = options;
  robot_options.domain = robot_name;
  const smt::Domain robot = must(smt::Domain::open(robot_options)), base = must(smt::Domain::open(options));
  const auto node = must(smt::Node::open(base, {.name = "match"}));
  auto topic = must(smt::Topic<Match>::advertise(*node, {.name = "match"}));
  std::vector<Pair> pairs;
  for (const Plan& plan : kHostTopics) pairs.emplace_back(robot, base, plan);
  for (const Plan& plan : kRobotTopics) pairs.emplace_back(robot, base, plan);
  Match match{};
  while (pace.tick()) {
    for (Pair& pair : pairs) pair.compare(&match);
    publish(topic, match);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Compares the topics of the demo in two domains, sample by sample, until SIGINT.",
               "smtdemo_match");
  smt::cmd::ToolOptions options;
  std::string robot = "robot";
  smt::cmd::add_common_flags(app, &options);
  app.add_option("--robot", robot, "Domain of the sources [robot]");
  return smt::cmd::run_tool(app, argc, argv, options, [&] { return compare_all(options.domain, robot); });
}
