// smtrelay_client watch: samples of another machine as they arrive.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/sample_printer.h"
#include "cmd/cli/tool.h"
#include "cmd/client/client.h"
#include "relay/names/pattern.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

struct WatchOptions {
  std::string pattern;
  bool history = false;
  uint64_t count = 0;  // 0: no limit
  std::optional<int64_t> duration_ns;
};

// Prints each sample once; a topic that is announced again brings the one that is there already. The state of
// a sample is known when the message that brought it is done, so samples are kept until then.
class Watcher {
 public:
  Watcher(const relay::MemStore& store, Format format, uint64_t count)
      : store_(store), printer_(format), count_(count) {}

  void take(uint32_t id) {
    const relay::TopicDescription& topic = *store_.topic(id);
    const SampleHead& head = store_.head(id);
    Seen& seen = seen_[id];
    const bool same = seen.segment_id == topic.origin->segment_id;
    if (same && head.sequence == seen.sequence) return;
    if (seen.schema_hash != topic.schema_hash || seen.sequence == 0) seen.schema = described_schema(topic);
    ShownSample shown = show_stored(store_, id, seen.schema);
    if (same && seen.sequence != 0 && head.sequence > seen.sequence) {
      shown.sample.missed = head.sequence - seen.sequence - 1;
    }
    seen.segment_id = topic.origin->segment_id;
    seen.sequence = head.sequence;
    seen.schema_hash = topic.schema_hash;
    const std::span<const std::byte> value = shown.sample.bytes;
    came_.push_back({id, std::move(shown), {value.begin(), value.end()}});
  }
  // What has come. False: all that was asked for is printed, or stdout failed.
  bool print(int64_t now) {
    bool more = true;
    for (Came& came : came_) {
      Sample& sample = came.shown.sample;
      sample.bytes = came.value;
      came.shown.age_ns = age_at(now, sample.born_ns);
      if (store_.topic(came.id) != nullptr) {
        const SampleHead head = {sample.sequence, sample.stamp_ns, sample.born_ns, sample.written_ns};
        came.shown.state = state_of(store_, came.id, head, now);
      }
      more = printer_.print(came.shown) && printer_.printed() != count_;
      if (!more) break;
    }
    came_.clear();
    return more;
  }
  void finish() { printer_.finish(); }

 private:
  struct Seen {
    Id128 segment_id{};
    uint64_t sequence = 0;
    uint64_t schema_hash = 0;
    Schema schema;
  };
  struct Came {
    uint32_t id;
    ShownSample shown;
    std::vector<std::byte> value;
  };
  const relay::MemStore& store_;
  SamplePrinter printer_;
  uint64_t count_;
  std::vector<Came> came_;
  std::unordered_map<uint32_t, Seen> seen_;
};

int run_watch(const ClientOptions& options, const WatchOptions& watch) {
  require_output();
  if (Result<relay::Pattern> parsed = relay::Pattern::parse(watch.pattern); !parsed.ok()) {
    return fail(parsed.status());
  }
  relay::ReceiveRule rule;
  rule.topic = {watch.pattern};
  rule.pacing.every = watch.history;
  Client client(options, {rule});
  const int64_t end = deadline_after(watch.duration_ns);
  Watcher watcher(client.store(), options.format, watch.count);
  client.store().on_sample = [&](uint32_t id) { watcher.take(id); };
  if (Status s = client.dial(); !s.ok()) return fail(s);
  if (const std::optional<int> code = client.meet_source(kExitFailure)) return *code;
  client.loop().run([&](int64_t now) -> std::optional<int64_t> {
    if (!watcher.print(now) || now >= end) return std::nullopt;
    return end;
  });
  watcher.finish();
  return kExitOk;
}

}  // namespace

void add_client_watch(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto watch = std::make_shared<WatchOptions>();
  verb->add_option("PATTERN", watch->pattern, "Topics, those that appear later too")->required();
  verb->add_flag("--history", watch->history,
                 "Begin with the oldest sample that is still there, and print each one in order");
  add_count(*verb, &watch->count, "End after so many samples");
  add_duration(*verb, "--duration", &watch->duration_ns, "End after so long");
  verb->callback([=, &options] { *run = [=, &options] { return run_watch(options, *watch); }; });
}

}  // namespace smt::cmd
