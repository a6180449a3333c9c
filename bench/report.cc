#include "bench/report.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/machine.h"
#include "bench/measure.h"

namespace smt::bench {

void Report::add(const std::string& group, const std::string& name, std::vector<double> rounds,
                 std::string unit) {
  rows_.push_back({group, name, std::move(unit), std::move(rounds)});
}

void Report::leave_out(const std::string& group, const std::string& name, const std::string& why) {
  left_out_.push_back({group, name, why});
}

void Report::accept(const std::string& what, double value, double limit, const std::string& unit) {
  goals_.push_back({what, unit, value, limit});
}

double Report::ratio_of(const Row& row, const std::string& baseline) const {
  const auto base = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) {
    return r.group == row.group && r.name == baseline && r.unit == row.unit;
  });
  if (base == rows_.end() || !row.unit.empty()) return 0;
  std::vector<double> ratios;
  for (size_t i = 0; i < row.rounds.size(); ++i) ratios.push_back(row.rounds[i] / base->rounds[i]);
  return median_of(ratios);
}

namespace {

// As many digits as a reader can use.
std::string number(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size >= 100 ? 0 : size >= 0.1 || size == 0 ? 2 : 4);
}

}  // namespace

std::string Report::table() const {
  std::string s = title_ + "\n";
  s += fmt::format("{:34} {:>10} {:>22}", "", "median", "(min - max)");
  const auto width = [](const std::string& baseline) { return std::max<size_t>(11, baseline.size() + 2); };
  for (const std::string& b : baselines_) s += fmt::format(" {:>{}}", "x " + b, width(b));
  s += "\n";
  std::string group;
  for (const Row& row : rows_) {
    if (row.group != group) s += (group = row.group) + "\n";
    const auto [min, max] = std::minmax_element(row.rounds.begin(), row.rounds.end());
    s += fmt::format("  {:32} {:>10} {:>22}", row.name, number(median_of(row.rounds)),
                     fmt::format("({} - {})", number(*min), number(*max)));
    for (const std::string& b : baselines_) {
      const double ratio = ratio_of(row, b);
      s += fmt::format(" {:>{}}", ratio == 0 ? "" : number(ratio), width(b));
    }
    s += row.unit.empty() ? "\n" : " " + row.unit + "\n";
  }
  for (const LeftOut& l : left_out_) s += fmt::format("left out of {}: {}: {}\n", l.group, l.name, l.why);
  for (const Goal& g : goals_) {
    s += fmt::format("goal: {}: {} {}, at most {:g}: {}\n", g.what, number(g.value), g.unit, g.limit,
                     g.value <= g.limit ? "met" : "NOT MET");
  }
  return s;
}

std::string Report::json(const std::string& bench) const {
  nlohmann::ordered_json j = {{"bench", bench},
                              {"title", title_},
                              {"machine", nlohmann::json::object()},
                              {"rows", nlohmann::json::array()},
                              {"left_out", nlohmann::json::array()},
                              {"goals", nlohmann::json::array()}};
  for (const auto& [name, value] : machine()) j["machine"][name] = value;
  for (const Row& row : rows_) {
    const auto [min, max] = std::minmax_element(row.rounds.begin(), row.rounds.end());
    nlohmann::ordered_json r = {{"group", row.group},
                                {"name", row.name},
                                {"unit", row.unit},
                                {"median", median_of(row.rounds)},
                                {"min", *min},
                                {"max", *max},
                                {"rounds", row.rounds.size()},
                                {"ratios", nlohmann::json::object()}};
    if (const Place& at = row.place; !at.axis.empty()) {
      r["axis"] = at.axis;
      r["x"] = at.x;
      r["metric"] = at.metric;
    }
    for (const std::string& b : baselines_) {
      if (const double ratio = ratio_of(row, b); ratio != 0) r["ratios"][b] = ratio;
    }
    j["rows"].push_back(std::move(r));
  }
  for (const LeftOut& l : left_out_)
    j["left_out"].push_back({{"group", l.group}, {"name", l.name}, {"why", l.why}});
  for (const Goal& g : goals_) {
    j["goals"].push_back({{"what", g.what},
                          {"value", g.value},
                          {"limit", g.limit},
                          {"unit", g.unit},
                          {"met", g.value <= g.limit}});
  }
  return j.dump();
}

void fail(const Status& status) {
  fmt::print(stderr, "{}\n", status.message());
  _exit(1);
}

TopicOptions bytes_topic(const std::string& name, size_t bytes) {
  TopicOptions topic;
  topic.name = name;
  topic.schema = Schema::scalar(Type::kU8, static_cast<uint32_t>(bytes), true);
  return topic;
}

int main(int argc, char** argv, const std::function<Report(const Options&, const Domain&)>& body) {
  Options options;
  CLI::App app;
  app.add_flag("--quick", options.quick, "a look of a few seconds");
  app.add_flag("--smoke", options.smoke, "does it run? a second whose figures mean nothing");
  app.add_flag("--json", options.json, "one JSON object instead of the table");
  CLI11_PARSE(app, argc, argv);

  std::string folder = "/dev/shm/smt-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    fmt::print(stderr, "cannot make a folder in /dev/shm: {}\n", strerror(errno));
    return 1;
  }
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) check(Status::from_errno("cannot fork", errno));
  if (child == 0) {
    DomainOptions at;
    at.root = folder + "/smt";
    const Report report = body(options, check(Domain::open(at)));
    const std::string name = std::filesystem::path(argv[0]).filename();
    fmt::print("{}\n", options.json ? report.json(name) : report.table());
    fflush(stdout);
    _exit(0);
  }
  // An interrupt from the terminal reaches the child as well; this process stays to clean up.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  int status = 0;
  waitpid(child, &status, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  fmt::print(stderr, "ended by signal {}\n", WTERMSIG(status));
  return 1;
}

}  // namespace smt::bench
