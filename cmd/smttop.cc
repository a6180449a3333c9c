// smttop: a domain or its relays, live.
#include <fmt/format.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/terminal.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/topic_table.h"
#include "cmd/monitor/rates.h"
#include "cmd/text/text.h"
#include "cmd/top/top_view.h"
#include "cmd/value/value.h"
#include "shm/clock.h"
#include "shm/list.h"
#include "shm/reader.h"
#include "shm/waiter.h"

namespace smt::cmd {
namespace {

constexpr std::string_view kRelayTopics = "smt/relay/";

struct TopOptions {
  std::vector<std::string> patterns;
  int64_t interval_ns = 1'000'000'000;
  uint64_t count = 0;  // screens; 0: no limit
  TopState state;
};

// What a domain holds, interval after interval. Nothing of it asks a writer to ring.
class DomainGauge {
 public:
  DomainGauge(const DomainOptions& domain, relay::PatternSet patterns)
      : options_(domain), patterns_(patterns), meter_(patterns) {
    options_.create = false;
  }

  TopData read() {
    TopData data;
    data.domain = options_.domain;
    const time_t now = time(nullptr);
    char text[16];
    tm parts;
    strftime(text, sizeof text, "%H:%M:%S", localtime_r(&now, &parts));
    data.time = text;
    problem_ = open();
    if (!problem_.ok()) {
      data.problem = problem_.message();
      return data;
    }
    const int64_t at = boottime_ns();
    if (!domain_->healthy()) {
      problem_ =
          Status(Code::kSystem, "the folder " + domain_->path() + " was removed while this program runs");
      data.problem = problem_.message();
    }
    waiter_->collect();  // without arm(): no writer is asked to ring
    meter_.look(waiter_->nodes());
    const std::map<std::string, Rate> rates = meter_.take();
    const double seconds = last_ns_ == 0 ? 0 : static_cast<double>(at - last_ns_) / 1e9;
    last_ns_ = at;
    Result<DomainListing> listing = list_topics(*domain_);
    if (!listing.ok()) {
      problem_ = listing.status();
      data.problem = problem_.message();
      return data;
    }
    for (const TopicInfo& topic : listing->topics) {
      if (topic.name.starts_with(kRelayTopics)) counters(topic, seconds, &data);
      if (patterns_.matches(topic.name)) data.topics.push_back(row_of(topic, rates, seconds));
    }
    struct statvfs folder;
    if (statvfs(domain_->path().c_str(), &folder) == 0) {
      data.folder_bytes = uint64_t{folder.f_blocks} * folder.f_frsize;
      data.folder_free_bytes = uint64_t{folder.f_bavail} * folder.f_frsize;
    }
    return data;
  }

  // Why the last read() found nothing.
  const Status& problem() const { return problem_; }

 private:
  Status open() {
    if (waiter_) return Status();
    Result<Domain> domain = Domain::open(options_);
    if (!domain.ok()) return domain.status();
    Result<Waiter> waiter = Waiter::open(*domain);
    if (!waiter.ok()) return waiter.status();
    domain_ = *domain;
    waiter_ = std::move(*waiter);
    return Status();
  }

  TopTopic row_of(const TopicInfo& topic, const std::map<std::string, Rate>& rates, double seconds) {
    TopTopic row;
    row.name = topic.name;
    row.type = topic.schema.type_name;
    row.writer = writer_cell(topic);
    row.state = topic.freshness.state;
    row.age_ns = topic.freshness.age_ns;
    const auto rate = rates.find(topic.name);
    if (rate == rates.end() || seconds == 0) return row;
    row.hz = static_cast<double>(rate->second.published) / seconds;
    row.bytes_per_s = rate->second.bytes_per_s(seconds);
    row.missed = missed_[topic.name] += rate->second.missed;
    return row;
  }

  void counters(const TopicInfo& topic, double seconds, TopData* data) {
    Result<Reader> reader = Reader::open(*domain_, topic.name);
    const Sample* sample = reader.ok() ? reader->latest() : nullptr;
    const size_t slash = topic.name.rfind('/');
    if (sample == nullptr || slash < kRelayTopics.size()) return;
    const Json value = value_to_json(topic.schema, sample->bytes);
    for (const auto& [name, number] : value.items()) {
      if (!number.is_number_unsigned()) continue;
      const auto total = number.get<uint64_t>();
      const auto [before, is_new] = counters_.try_emplace(topic.name + "/" + name, total);
      const uint64_t more = total - std::min(total, std::exchange(before->second, total));
      data->counters.push_back({topic.name.substr(kRelayTopics.size(), slash - kRelayTopics.size()),
                                topic.name.substr(slash + 1), name, total,
                                is_new || seconds == 0 ? 0 : static_cast<double>(more) / seconds});
    }
  }

  DomainOptions options_;
  relay::PatternSet patterns_;
  RateMeter meter_;
  std::optional<Domain> domain_;
  std::optional<Waiter> waiter_;
  Status problem_;
  std::map<std::string, uint64_t> missed_, counters_;
  int64_t last_ns_ = 0;
};

// For a file, a pipe or a dumb terminal: whole tables one after the other.
int print_tables(DomainGauge* gauge, TopOptions options, const Stop& stop) {
  TopData data = gauge->read();  // rates need two looks
  for (uint64_t n = 0; n < std::max<uint64_t>(1, options.count); ++n) {
    if (stop.sleep_until(boottime_ns() + options.interval_ns) || output_gone()) return kExitOk;
    data = gauge->read();
    std::string out = n == 0 ? "" : "\n";
    for (const std::string& line : draw_top(data, &options.state, 132, 0, false)) out += line + "\n";
    if (!gauge->problem().ok()) return fail(gauge->problem());
    print_text(out);
  }
  return kExitOk;
}

int show_screen(DomainGauge* gauge, TopOptions options, const Stop& stop) {
  Screen screen;
  KeyInput keys;
  const bool colour = colour_on(STDOUT_FILENO);
  TopState& state = options.state;
  TopData data = gauge->read();
  int64_t due = boottime_ns() + std::min<int64_t>(options.interval_ns, 200'000'000);  // the first rates soon
  for (uint64_t shown = 0;;) {
    const Screen::Size size = Screen::size();
    const auto rows = static_cast<size_t>(size.rows);
    if (!screen.draw(draw_top(data, &state, static_cast<size_t>(size.columns), rows, colour))) return kExitOk;
    if (stop.sleep_until(due, keys.fd()) || output_gone()) return kExitOk;
    for (const std::string& key : keys.read()) state.key(key, rows);
    if (state.quit) return kExitOk;
    const int64_t now = boottime_ns();
    if (now < due) continue;
    if (!state.paused) data = gauge->read();
    due = std::max(due + options.interval_ns, now);
    if (++shown == options.count) {
      screen.draw(draw_top(data, &state, static_cast<size_t>(size.columns), rows, colour));
      return kExitOk;
    }
  }
}

int top(const ToolOptions& tool, const TopOptions& options) {
  require_output();
  Result<relay::PatternSet> patterns = relay::PatternSet::parse(options.patterns);
  if (!patterns.ok()) return fail(patterns.status());
  const Stop stop;
  DomainGauge gauge(tool.domain, std::move(*patterns));
  return takes_escapes(STDOUT_FILENO) ? show_screen(&gauge, options, stop)
                                      : print_tables(&gauge, options, stop);
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smttop_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app(
      "Show the topics of a domain, or what its relays count, live: rates, ages, states, what was missed and "
      "dropped",
      "smttop");
  ToolOptions tool;
  TopOptions options;
  options.patterns = {"**"};
  std::string sorts;
  for (const TopSortKey& s : kTopSorts) sorts += (sorts.empty() ? "" : "|") + std::string(s.name);
  app.add_option("PATTERN", options.patterns, "Only topics that these name [**]");
  app.add_flag("--relays", options.state.relays, "Begin with what the relays of this domain count");
  app.add_option_function<std::string>(
         "--sort",
         [&](const std::string& name) {
           const auto* found = std::find_if(std::begin(kTopSorts), std::end(kTopSorts),
                                            [&](const TopSortKey& s) { return s.name == name; });
           if (found == std::end(kTopSorts)) {
             throw CLI::ValidationError("--sort", "\"" + name + "\" is none of " + sorts);
           }
           options.state.sort = found->sort;
         },
         "What the rows are sorted by [name]")
      ->type_name(sorts);
  add_duration(app, "--interval", &options.interval_ns, "Between two looks [1s]", interval_of(50'000'000));
  add_count(app, &options.count, "End after so many screens; without a terminal [1]");
  app.footer(
      "Keys: n r b a m s sort (again: reverse), / filter, v topics or relays, space pause, arrows and pages, "
      "q quit.\n"
      "Without a terminal, or on one that TERM calls dumb, it prints whole tables.");
  add_common_flags(app, &tool);
  return run_tool(app, argc, argv, tool, [&] { return top(tool, options); });
}
