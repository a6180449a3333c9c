#include "relay/store/shm_store.h"

#include <algorithm>
#include <array>

#include "relay/rules/local_names.h"
#include "relay/store/shm_sink.h"
#include "relay/store/shm_source.h"
#include "shm/segment_view.h"

namespace smt::relay {

namespace {

using Sinks = std::array<std::unique_ptr<ShmSink>, 2>;  // the mirror, what peers set; null: there is none

// Hands each call on to the half, and of the sinks to the one, that it is for.
class SourceAndSinks final : public Store {
 public:
  SourceAndSinks(std::unique_ptr<ShmSource> source, Sinks sinks)
      : source_(std::move(source)), sinks_(std::move(sinks)) {}

  void collect(int64_t now_ns, Changes* changes) override { source_->collect(now_ns, changes); }
  uint32_t topic_limit() const override { return source_->topic_limit(); }
  const TopicDescription* topic(uint32_t id) const override { return source_->topic(id); }
  State reported_state(uint32_t id) const override { return source_->reported_state(id); }
  SampleRead read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) override {
    return source_->read_newest(id, head, room, bytes);
  }
  size_t read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                     std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) override {
    return source_->read_newest(ids, sent, now_ns, room, out, busy);
  }
  SampleRead read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                        uint64_t* bytes) override {
    return source_->read_after(id, after, head, room, bytes);
  }
  size_t read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                    std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room, SampleRows* out,
                    std::vector<uint32_t>* busy) override {
    return source_->read_after(ids, after, max_samples, now_ns, room, out, busy);
  }
  SampleRead read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                        WholeSample* whole) override {
    return source_->read_whole(id, after, max_bytes, whole);
  }
  std::optional<SampleHead> newest_head(uint32_t id) const override { return source_->newest_head(id); }
  uint64_t newest_sequence(uint32_t id) const override { return source_->newest_sequence(id); }
  void newest_sequences(std::span<const uint32_t> ids, uint64_t* sequences) const override {
    source_->newest_sequences(ids, sequences);
  }
  Provenance provenance(uint32_t id, uint64_t sequence) const override {
    return source_->provenance(id, sequence);
  }
  std::vector<WriterInfo> writers(uint32_t id) const override { return source_->writers(id); }
  uint64_t slot_reads() const override { return source_->slot_reads(); }
  int fd() const override { return source_->fd(); }
  bool arm() override { return source_->arm(); }
  std::chrono::milliseconds poll_limit() const override { return source_->poll_limit(); }

  using TopicSink::open;
  Result<uint32_t> open(std::shared_ptr<const TopicDescription> topic, uint64_t session_key) override {
    const uint32_t which = session_key == 0 && sinks_[kOwn] != nullptr ? kOwnBit : 0;
    if (of(which) == nullptr) return Status(Code::kInvalid, "this relay takes no topics");
    Result<uint32_t> handle = of(which)->open(std::move(topic), session_key);
    return handle.ok() ? Result<uint32_t>(*handle | which) : handle;
  }
  uint64_t room_bytes() const override {
    return sinks_[kMirror] != nullptr ? sinks_[kMirror]->room_bytes() : 0;
  }
  uint64_t bytes_of(const TopicDescription& topic) const override {
    return ShmSink::bytes_of(topic, room_bytes());
  }
  SampleHead held(uint32_t handle) const override { return of(handle)->held(at(handle)); }
  PutResult put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
                const Provenance& provenance) override {
    return of(handle)->put(at(handle), head, value, provenance);
  }
  // Of a batch there are topics of the mirror only: peers set the others by one value at a time.
  size_t put_plain(std::span<const PlainSample> samples, const std::byte* values, int64_t written_ns,
                   const Provenance& provenance) override {
    return sinks_[kMirror] != nullptr ? sinks_[kMirror]->put_plain(samples, values, written_ns, provenance)
                                      : 0;
  }
  bool is_ready(uint32_t handle) const override { return of(handle)->is_ready(at(handle)); }
  std::span<std::byte> loan(uint32_t handle, uint64_t bytes) override {
    return of(handle)->loan(at(handle), bytes);
  }
  PutResult commit(uint32_t handle, const SampleHead& head, const Provenance& provenance) override {
    return of(handle)->commit(at(handle), head, provenance);
  }
  void abandon(uint32_t handle) override { of(handle)->abandon(at(handle)); }
  void report_state(uint32_t handle, State state) override { of(handle)->report_state(at(handle), state); }
  void remove(uint32_t handle) override { of(handle)->remove(at(handle)); }
  void flush(int64_t now_ns) override {
    for (const auto& sink : sinks_) {
      if (sink != nullptr) sink->flush(now_ns);
    }
  }
  bool healthy() const override {
    return std::all_of(sinks_.begin(), sinks_.end(),
                       [](const auto& s) { return s == nullptr || s->healthy(); });
  }
  Status remake() override {
    for (const auto& sink : sinks_) {
      if (sink == nullptr || sink->healthy()) continue;
      if (Status s = sink->remake(); !s.ok()) return s;
    }
    return Status();
  }
  bool advance() override {
    bool more = false;
    for (const auto& sink : sinks_) more |= sink != nullptr && sink->advance();
    return more;
  }
  int64_t due_ns() const override {
    int64_t due = INT64_MAX;
    for (const auto& sink : sinks_) {
      if (sink != nullptr) due = std::min(due, sink->due_ns());
    }
    return due;
  }

 private:
  static constexpr uint32_t kMirror = 0, kOwn = 1;
  // A handle is that of its sink, and whether that is the mirror, which takes handles as they are.
  static constexpr uint32_t kOwnBit = 1u << 31;
  static uint32_t at(uint32_t handle) { return handle & ~kOwnBit; }
  ShmSink* of(uint32_t handle) const { return sinks_[(handle & kOwnBit) != 0 ? kOwn : kMirror].get(); }

  std::unique_ptr<ShmSource> source_;
  Sinks sinks_;
};

// Of mirrors without a name in one domain.
constexpr int kMaxMirrors = 256;

// A process has the node, or it is a program's own and no mirror.
bool is_taken(const Domain& domain, const std::string& node) {
  const Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain, node);
  return view.ok() && (!(*view)->mirror() || (*view)->owner_alive());
}

// The mirror with the lowest number that is free.
Result<std::unique_ptr<ShmSink>> open_numbered(const Domain& domain, NodeOptions node) {
  for (int number = 1;; ++number) {
    node.name = std::string(kMirrorPrefix) + std::to_string(number);
    if (number < kMaxMirrors && is_taken(domain, node.name)) continue;
    Result<std::unique_ptr<ShmSink>> opened = ShmSink::open(domain, node);
    const Code code = opened.status().code();
    if (opened.ok() || number == kMaxMirrors || (code != Code::kInUse && code != Code::kDenied))
      return opened;
  }
}

Result<std::unique_ptr<ShmSink>> open_mirror(const Domain& domain, const ShmStoreOptions& options) {
  Result<LocalNames> names = LocalNames::parse(options.receive);
  if (!names.ok()) return names.status();
  NodeOptions node;
  node.name = std::string(kMirrorPrefix) + *options.mirror;
  node.segment_bytes = options.segment_bytes;
  node.remove_on_exit = options.remove_on_exit;
  node.mirror = true;
  Result<std::unique_ptr<ShmSink>> opened =
      options.mirror->empty() ? open_numbered(domain, std::move(node)) : ShmSink::open(domain, node);
  if (opened.ok()) (*opened)->remove_others(*names);
  return opened;
}

}  // namespace

Result<std::unique_ptr<Store>> ShmStore::open(const Domain& domain, const ShmStoreOptions& options) {
  Sinks sinks;
  if (options.mirror) {
    Result<std::unique_ptr<ShmSink>> opened = open_mirror(domain, options);
    if (!opened.ok()) return opened.status();
    sinks[0] = std::move(*opened);
  }
  if (!options.sets.empty()) {
    NodeOptions node;
    node.name = std::string(kWritePrefix) + options.sets;
    node.remove_on_exit = options.remove_on_exit;
    Result<std::unique_ptr<ShmSink>> opened = ShmSink::open(domain, node);
    if (!opened.ok()) return opened.status();
    sinks[1] = std::move(*opened);
  }
  Result<std::unique_ptr<ShmSource>> source = ShmSource::open(domain);
  if (!source.ok()) return source.status();
  return std::unique_ptr<Store>(new SourceAndSinks(std::move(*source), std::move(sinks)));
}

}  // namespace smt::relay
