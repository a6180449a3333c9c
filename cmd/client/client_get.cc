// smtrelay_client get, list: what another machine has, once.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/sample_printer.h"
#include "cmd/cli/tool.h"
#include "cmd/cli/topic_table.h"
#include "cmd/client/client.h"
#include "cmd/text/text.h"
#include "relay/names/pattern.h"
#include "relay/names/pattern_set.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

// Meets a peer and asks it; nothing if the tool ends with `*code`.
std::optional<relay::Relay::GetResult> ask(Client* client, const std::vector<std::string>& patterns,
                                           bool list, int* code) {
  *code = kExitOk;
  if (Status s = client->dial(); !s.ok()) {
    *code = fail(s);
    return std::nullopt;
  }
  if (const std::optional<int> end = client->meet_source(list ? kExitFailure : kExitNoTopic)) {
    *code = *end;
    return std::nullopt;
  }
  return client->ask({patterns, {}, 0}, list);
}

// The exit code for what was answered, after a sentence if it is not all that was asked for.
int judge(const ClientOptions& options, const relay::Relay::GetResult& answer) {
  if (answer.done && answer.complete) return kExitOk;
  if (answer.peers == 0) {
    return fail(kExitTimeout, fmt::format("{} has not answered within {}; --timeout gives it longer",
                                          options.connect, duration_text(options.timeout_ns)));
  }
  return fail(kExitTimeout,
              fmt::format("{} answered, but a relay behind it did not within {}: topics may be missing",
                          options.connect, duration_text(options.timeout_ns)));
}

int run_get(const ClientOptions& options, const std::vector<std::string>& pattern_texts) {
  require_output();
  const Result<relay::PatternSet> patterns = relay::PatternSet::parse(pattern_texts);
  if (!patterns.ok()) return fail(patterns.status());
  Client client(options);
  int code;
  const std::optional<relay::Relay::GetResult> answer = ask(&client, pattern_texts, false, &code);
  if (!answer) return code;

  const relay::MemStore& store = client.store();
  const std::vector<uint32_t> topics = sorted_topics(store);
  SamplePrinter printer(options.format);
  for (const uint32_t id : topics) {
    if (!printer.print(show_stored(store, id, described_schema(*store.topic(id))))) break;
  }
  printer.finish();
  if (const int judged = judge(options, *answer); judged != kExitOk) return judged;
  std::vector<std::string> names;
  for (const uint32_t id : topics) names.push_back(store.topic(id)->name);
  const std::vector<std::string> unmatched = relay::unmatched_patterns(*patterns, names);
  if (unmatched.empty()) return kExitOk;
  return fail(kExitNoTopic, fmt::format("no topic matches {} at {}; smtrelay_client list shows what is there",
                                        fmt::join(unmatched, " "), options.connect));
}

TopicInfo describe(const relay::MemStore& store, uint32_t id, int64_t now) {
  const relay::TopicDescription& topic = *store.topic(id);
  const SampleHead& head = store.head(id);
  TopicInfo info;
  info.name = topic.name;
  info.schema = described_schema(topic);
  info.max_bytes = topic.max_bytes;
  info.history = topic.history;
  info.generation = topic.generation;
  info.freshness.state = state_of(store, id, head, now);
  info.freshness.max_age_ns = topic.max_age_ns;
  info.freshness.hops = topic.hops;
  info.freshness.origin = *topic.origin;
  if (head.sequence != 0) {
    info.sequence = head.sequence;
    info.stamp_ns = head.stamp_ns;
    info.freshness.age_ns = age_at(now, head.born_ns);
    const relay::Provenance way = store.provenance(id, head.sequence);
    if (way.age_error_ns != relay::Provenance::kUnknown) info.freshness.age_error_ns = way.age_error_ns;
    if (way.delay_ns != relay::Provenance::kUnknown) info.freshness.delay_ns = way.delay_ns;
  }
  return info;
}

int run_list(const ClientOptions& options, const std::string& pattern) {
  require_output();
  if (Result<relay::Pattern> parsed = relay::Pattern::parse(pattern); !parsed.ok())
    return fail(parsed.status());
  Client client(options);
  int code;
  const std::optional<relay::Relay::GetResult> answer = ask(&client, {pattern}, true, &code);
  if (!answer) return code;
  std::vector<TopicInfo> topics;
  const int64_t now = boottime_ns();
  for (const uint32_t id : sorted_topics(client.store())) topics.push_back(describe(client.store(), id, now));
  print_topics(topics, options.format);
  return judge(options, *answer);
}

}  // namespace

void add_client_get(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto patterns = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATTERN", *patterns, "Topics; each pattern must name one at least")->required();
  verb->callback([=, &options] { *run = [=, &options] { return run_get(options, *patterns); }; });
}

void add_client_list(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto pattern = std::make_shared<std::string>("**");
  verb->add_option("PATTERN", *pattern, "Only topics that it names; smt/** is shown only when asked for");
  verb->callback([=, &options] { *run = [=, &options] { return run_list(options, *pattern); }; });
}

}  // namespace smt::cmd
