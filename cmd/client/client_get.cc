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
std::optional<relay::Relay::GetResult> Ask(Client* client, const std::vector<std::string>& patterns, bool list,
                                        int* code) {
  *code = kExitOk;
  if (Status s = client->dial(); !s.ok()) {
    *code = Fail(s);
    return std::nullopt;
  }
  if (const std::optional<int> end = client->meet()) {
    *code = *end;
    return std::nullopt;
  }
  return client->ask({patterns, {}, 0}, list);
}

// The exit code for what was answered, after a sentence if it is not all that was asked for.
int Judge(const ClientOptions& options, const relay::Relay::GetResult& answer) {
  if (answer.done && answer.complete) return kExitOk;
  if (answer.peers == 0) {
    return Fail(kExitTimeout, fmt::format("{} has not answered within {}; --timeout gives it longer",
                                          options.connect, DurationText(options.timeout_ns)));
  }
  return Fail(kExitTimeout,
              fmt::format("{} answered, but a relay behind it did not within {}: topics may be missing",
                          options.connect, DurationText(options.timeout_ns)));
}

// Those that name none of the topics, with spaces between them.
std::string Unmatched(const relay::PatternSet& patterns, const relay::MemStore& store,
                      const std::vector<uint32_t>& topics) {
  std::vector<std::string> out;
  for (const relay::Pattern& pattern : patterns.allow()) {
    const bool found = std::any_of(topics.begin(), topics.end(),
                                   [&](uint32_t id) { return pattern.matches(store.topic(id)->name); });
    if (!found) out.push_back(pattern.text());
  }
  return fmt::format("{}", fmt::join(out, " "));
}

int Get(const ClientOptions& options, const std::vector<std::string>& pattern_texts) {
  const Result<relay::PatternSet> patterns = relay::PatternSet::parse(pattern_texts);
  if (!patterns.ok()) return Fail(patterns.status());
  Client client(options);
  int code;
  const std::optional<relay::Relay::GetResult> answer = Ask(&client, pattern_texts, false, &code);
  if (!answer) return code;

  const relay::MemStore& store = client.store();
  const std::vector<uint32_t> topics = SortedTopics(store);
  SamplePrinter printer(options.format);
  for (const uint32_t id : topics) {
    if (!printer.print(ShowStored(store, id, DescribedSchema(*store.topic(id))))) break;
  }
  printer.finish();
  if (const int judged = Judge(options, *answer); judged != kExitOk) return judged;
  const std::string unmatched = Unmatched(*patterns, store, topics);
  if (unmatched.empty()) return kExitOk;
  return Fail(kExitNoTopic, fmt::format("no topic matches {} at {}; smtrelay_client list shows what is there",
                                        unmatched, options.connect));
}

TopicInfo Describe(const relay::MemStore& store, uint32_t id, int64_t now) {
  const relay::TopicDescription& topic = *store.topic(id);
  const SampleHead& head = store.head(id);
  TopicInfo info;
  info.name = topic.name;
  info.schema = DescribedSchema(topic);
  info.max_bytes = topic.max_bytes;
  info.history = topic.history;
  info.generation = topic.generation;
  info.freshness.state = StateOf(store, id, now);
  info.freshness.max_age_ns = topic.max_age_ns;
  info.freshness.hops = topic.hops;
  info.freshness.origin = topic.origin;
  if (head.sequence != 0) {
    info.sequence = head.sequence;
    info.stamp_ns = head.stamp_ns;
    info.freshness.age_ns = AgeNs(now, head.born_ns);
    const relay::Way way = store.way(id, head.sequence);
    if (way.age_error_ns != relay::Way::kUnknown) info.freshness.age_error_ns = way.age_error_ns;
    if (way.delay_ns != relay::Way::kUnknown) info.freshness.delay_ns = way.delay_ns;
  }
  return info;
}

int List(const ClientOptions& options, const std::string& pattern) {
  if (Result<relay::Pattern> parsed = relay::Pattern::parse(pattern); !parsed.ok())
    return Fail(parsed.status());
  Client client(options);
  int code;
  const std::optional<relay::Relay::GetResult> answer = Ask(&client, {pattern}, true, &code);
  if (!answer) return code;
  std::vector<TopicInfo> topics;
  const int64_t now = BoottimeNs();
  for (const uint32_t id : SortedTopics(client.store())) topics.push_back(Describe(client.store(), id, now));
  PrintTopics(topics, options.format);
  return Judge(options, *answer);
}

}  // namespace

void AddClientGet(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto patterns = std::make_shared<std::vector<std::string>>();
  verb->add_option("PATTERN", *patterns, "Topics; each pattern must name one at least")->required();
  verb->callback([=, &options] { *run = [=, &options] { return Get(options, *patterns); }; });
}

void AddClientList(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto pattern = std::make_shared<std::string>("**");
  verb->add_option("PATTERN", *pattern, "Only topics that it names; smt/** is shown only when asked for");
  verb->callback([=, &options] { *run = [=, &options] { return List(options, *pattern); }; });
}

}  // namespace smt::cmd
