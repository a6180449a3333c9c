#include "relay/shm_store.h"

#include "relay/shm_sink.h"
#include "relay/shm_source.h"

namespace smt::relay {

namespace {

class BothHalves : public Store {
 public:
  BothHalves(std::unique_ptr<ShmSource> source, std::unique_ptr<ShmSink> sink)
      : source_(std::move(source)), sink_(std::move(sink)) {}

  void collect(int64_t now_ns, Changes* changes) override { source_->collect(now_ns, changes); }
  uint32_t topic_limit() const override { return source_->topic_limit(); }
  const TopicDescription* topic(uint32_t id) const override { return source_->topic(id); }
  State told_state(uint32_t id) const override { return source_->told_state(id); }
  uint64_t from(uint32_t) const override { return 0; }
  SampleRead sample(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) override {
    return source_->sample(id, head, room, bytes);
  }
  uint64_t newest(uint32_t id) const override { return source_->newest(id); }
  SampleRead sample_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                          uint64_t* bytes) override {
    return source_->sample_after(id, after, head, room, bytes);
  }
  Way way(uint32_t id, uint64_t) const override { return source_->way(id); }
  std::vector<WriterInfo> writers(uint32_t id) const override { return source_->writers(id); }
  uint64_t slot_reads() const override { return source_->slot_reads(); }
  int fd() const override { return source_->fd(); }
  bool arm() override { return source_->arm(); }
  std::chrono::milliseconds poll_limit() const override { return source_->poll_limit(); }

  Result<uint32_t> open(const TopicDescription& topic, uint64_t) override {
    if (sink_ == nullptr) return Status(Code::kInvalid, "this relay takes no topics");
    return sink_->open_topic(topic);
  }
  uint64_t held(uint32_t handle) const override { return sink_->held(handle); }
  Put put(uint32_t handle, const SampleHead& head, std::span<const std::byte> value,
          const Way& way) override {
    return sink_->put(handle, head, value, way);
  }
  std::span<std::byte> loan(uint32_t handle, uint64_t bytes) override { return sink_->loan(handle, bytes); }
  Put commit(uint32_t handle, const SampleHead& head, const Way& way) override {
    return sink_->commit(handle, head, way);
  }
  void abandon(uint32_t handle) override { sink_->abandon(handle); }
  void tell_state(uint32_t handle, State state) override { sink_->tell_state(handle, state); }
  void remove(uint32_t handle) override { sink_->remove(handle); }
  void flush(int64_t now_ns) override {
    if (sink_ != nullptr) sink_->flush(now_ns);
  }
  int64_t due_ns() const override { return sink_ != nullptr ? sink_->due_ns() : INT64_MAX; }

 private:
  std::unique_ptr<ShmSource> source_;
  std::unique_ptr<ShmSink> sink_;
};

}  // namespace

Result<std::unique_ptr<Store>> ShmStore::open(const Domain& domain, const ShmStoreOptions& options) {
  std::unique_ptr<ShmSink> sink;
  if (!options.mirror.empty()) {
    Result<std::unique_ptr<ShmSink>> opened = ShmSink::open(domain, options);
    if (!opened.ok()) return opened.status();
    sink = std::move(*opened);
  }
  Result<std::unique_ptr<ShmSource>> source = ShmSource::open(domain);
  if (!source.ok()) return source.status();
  return std::unique_ptr<Store>(new BothHalves(std::move(*source), std::move(sink)));
}

}  // namespace smt::relay
