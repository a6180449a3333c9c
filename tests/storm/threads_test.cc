// Writers and readers as threads, for ThreadSanitizer, and for x86's own reorderings in the other builds.
//
// A node and its readers map a segment twice, and ThreadSanitizer sees no race between two mappings. So the
// first tests build a ring and a directory entry by hand in one buffer and drive the very functions of
// shm/seqlock.h, shm/publisher.h, shm/segment_view.h and shm/record.h over it; the others share one Node
// between threads.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "shm/node.h"
#include "shm/reader.h"
#include "shm/record.h"
#include "shm/segment_view.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

constexpr uint64_t kWords = 32;  // of a value
constexpr uint64_t kBytes = kWords * 8;
constexpr uint64_t kSlots = 4;

using Value = std::array<uint64_t, kWords>;

Value value_of(uint64_t sequence, uint64_t topic) {
  Value value;
  for (uint64_t i = 0; i < kWords; ++i) value[i] = (sequence * 0x9E3779B97F4A7C15) ^ (topic << 56) ^ i;
  return value;
}

// A segment's worth of memory that all threads see at the same address.
struct Buffer {
  alignas(4096) std::array<layout::Word, 4096> words{};
  layout::Entry entry{};
  layout::Word counter{0};
  layout::Half word{0}, bell{0};

  std::byte* at(uint64_t offset) { return reinterpret_cast<std::byte*>(words.data()) + offset; }
  static constexpr uint64_t kSize = 4096 * 8;
};

struct Core : internal::NodeCore {
  explicit Core(Buffer* buffer) {
    word = &buffer->word;
    bell = &buffer->bell;
    forks = internal::fork_count.load();
  }
  void wake() override { bell->store(0); }
};

// What Node makes of a topic, without a node.
struct HandMadeTopic : internal::TopicWriter {
  HandMadeTopic(Buffer* buffer, Core* core, uint64_t ring_offset) {
    counter = &buffer->counter;
    ring = buffer->at(ring_offset);
    mask = kSlots - 1;
    stride = layout::slot_stride(kBytes);
    min_bytes = max_bytes = kBytes;
    position = buffer->counter.load();
    quick = true;
    node = core;
  }
  Status prepare(uint64_t) override { return Status(Code::kInvalid, "not the size of the topic"); }
  void announce() override {}
  void publish(uint64_t topic) {
    const Value value = value_of(position + 1, topic);
    const auto now = static_cast<int64_t>(position + 1);
    must(put(std::as_bytes(std::span(value)), {0, now, now, now}));
    node->ring();
  }
};

void print_race_row(const char* what, uint64_t n, uint64_t violations) {
  print_row(Row{.id = "L10",
                .what = std::string(what) + (kThreadSanitizer ? ", ThreadSanitizer" : ""),
                .n = n,
                .violations = violations});
}

// Runs the reader in two threads until the writer has ended.
void beside_readers(const std::function<void()>& writer,
                    const std::function<void(const std::atomic<bool>&)>& reader) {
  std::atomic<bool> done{false};
  std::thread a([&] { reader(done); }), b([&] { reader(done); });
  writer();
  done = true;
  a.join();
  b.join();
}

TEST(Threads, ReadersOfARingSeeOnlyWholeValues) {
  auto buffer = std::make_unique<Buffer>();
  Core core(buffer.get());
  HandMadeTopic topic(buffer.get(), &core, layout::kHeaderBytes);
  publish_entry(&buffer->entry, 1);
  TopicView view;
  view.generation = 1;
  view.slot_count = kSlots;
  view.slot_stride = layout::slot_stride(kBytes);
  view.max_bytes = kBytes;
  view.first_position = 1;
  view.entry = &buffer->entry;
  view.counter = &buffer->counter;
  view.ring = buffer->at(layout::kHeaderBytes);

  const uint64_t publications = scaled(200'000, 10'000'000) / static_cast<uint64_t>(patience_factor());
  std::atomic<uint64_t> reads{0}, wrong{0}, back{0};
  beside_readers(
      [&] {
        for (uint64_t i = 0; i < publications || reads < 1'000; ++i) topic.publish(7);
      },
      [&](const std::atomic<bool>& done) {
        uint64_t last = 0;
        for (uint64_t turn = 0; !done; ++turn) {
          // The newest value, or the oldest, which is the next to be written over.
          const uint64_t newest = read_newest_head(buffer->counter);
          const uint64_t at = turn % 2 == 0 || newest < kSlots ? newest : newest - (kSlots - 1);
          SampleHead head;
          Value value;
          uint64_t bytes;
          if (at == 0 || read_slot(view, at, &head, value.data(), &bytes) != SlotRead::kOk) continue;
          ++reads;
          wrong += value != value_of(head.sequence, 7) || head.sequence != at || bytes != kBytes ||
                   head.born_ns != static_cast<int64_t>(at);
          back += newest < last;
          last = newest;
        }
      });
  print_figures("threads: ring, {} publications, {} reads, {} wrong, {} back", topic.position, reads.load(),
                wrong.load(), back.load());
  print_race_row("reads of a ring between threads", reads, wrong + back);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(back, 0u);
}

// Writes topic number `topic` over whatever the entry's memory held, in the order of TopicTable::put.
void readvertise(Buffer* buffer, Core* core, uint64_t topic, uint64_t generation) {
  // At the place of the one before, or so that a stale view looks into the middle of another one's slots.
  const uint64_t offset = layout::kHeaderBytes + (topic / 2 % 2) * layout::kAlign * 3;
  const std::string name = "topic/" + std::to_string(topic % 10);
  layout::Record record{};
  record.generation = generation;
  record.slot_count = kSlots;
  record.slot_stride = layout::slot_stride(kBytes);
  record.max_bytes = kBytes;
  record.first_position = record.first_sequence = buffer->counter.load(std::memory_order_relaxed) + 1;
  record.name_bytes = static_cast<uint32_t>(name.size());
  record.block_bytes = layout::ring_offset(name.size()) + kSlots * record.slot_stride;
  auto* at = reinterpret_cast<layout::Word*>(buffer->at(offset));
  store_words(at, &record, sizeof record);
  store_words(at + sizeof record / 8, name.data(), name.size());
  const uint64_t ring = offset + layout::ring_offset(name.size());
  HandMadeTopic writer(buffer, core, ring);
  for (uint64_t s = 0; s < kSlots; ++s) write_word(&writer.slot(s)->lock, 0);
  write_word(&buffer->entry.record[generation / 2 % 2], offset);
  publish_entry(&buffer->entry, generation);
  for (uint64_t i = 0; i < topic % 4; ++i) writer.publish(topic % 10);
}

TEST(Threads, AnEntryThatIsUsedAgainIsNeverTakenForTheOldTopic) {
  auto buffer = std::make_unique<Buffer>();
  Core core(buffer.get());
  const uint64_t topics = scaled(50'000, 2'000'000) / static_cast<uint64_t>(patience_factor());
  // Where the writer had the processor all the time, nothing would have been tried.
  const uint64_t min_reads = 20'000 / static_cast<uint64_t>(patience_factor());
  std::atomic<uint64_t> reads{0}, wrong{0}, damaged{0};
  beside_readers(
      [&] {
        for (uint64_t topic = 0; topic < topics || reads < min_reads; ++topic) {
          readvertise(buffer.get(), &core, topic, 2 * topic + 1);
          retire_entry(&buffer->entry, 2 * topic + 2);
        }
      },
      [&](const std::atomic<bool>& done) {
        while (!done) {
          TopicFields r;
          const RecordRead read = read_record(buffer->at(0), Buffer::kSize, &buffer->entry, 0, &r);
          damaged += read == RecordRead::kDamaged;
          if (read != RecordRead::kLive) continue;
          TopicView view;
          view.generation = r.generation;
          view.slot_count = r.slot_count;
          view.slot_stride = r.slot_stride;
          view.max_bytes = r.max_bytes;
          view.entry = &buffer->entry;
          view.ring = buffer->at(r.record_offset + layout::ring_offset(r.name.size()));
          const uint64_t at = read_newest_head(buffer->counter);
          if (at < r.first_position) continue;
          SampleHead head;
          Value value;
          uint64_t bytes;
          if (read_slot(view, at, &head, value.data(), &bytes) != SlotRead::kOk) continue;
          ++reads;
          const auto topic = static_cast<uint64_t>(r.name.back() - '0');
          wrong += value != value_of(at, topic) || topic != r.generation / 2 % 10;
        }
      });
  print_figures("threads: entry used {} times, {} reads, {} of the wrong topic, {} damaged", topics,
                reads.load(), wrong.load(), damaged.load());
  print_race_row("reads of an entry used again", reads, wrong + damaged);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(damaged, 0u);
}

TopicOptions counted(const std::string& name) {
  TopicOptions options;
  options.name = name;
  options.schema = Schema::scalar(Type::kU64, kWords);
  options.history = 1024;
  return options;
}

// One thread for each topic of one node; a thread that advertises and removes beside them; readers by next().
// What a reader does not get it counts.
TEST(Threads, TopicsOfANodeArePublishedSideBySideWhileOthersComeAndGo) {
  TempRoot root;
  const Domain domain = root.open();
  auto node = must(Node::open(domain, {.name = "threads"}));
  const uint64_t publications = scaled(20'000, 500'000) / static_cast<uint64_t>(patience_factor());
  std::atomic<int> publishing{3};
  std::atomic<uint64_t> wrong{0}, received{0}, missed{0}, cycles{0};
  std::vector<Publisher> publishers;
  for (int t = 0; t < 3; ++t)
    publishers.push_back(must(node->advertise(counted("beside/" + std::to_string(t)))));

  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    // Opened before the first sample: what it misses counts from then on.
    Reader opened = must(Reader::open(domain, "beside/" + std::to_string(t)));
    threads.emplace_back([&, t, reader = std::move(opened)]() mutable {
      for (uint64_t last = 0; last < publications;) {
        reader.wait(milliseconds(100));
        while (const Sample* sample = reader.next()) {
          const Value expected = value_of(sample->sequence, t);
          wrong += sample->sequence != last + sample->missed + 1 || sample->bytes.size() != kBytes ||
                   memcmp(sample->bytes.data(), expected.data(), kBytes) != 0;
          last = sample->sequence;
          ++received;
        }
      }
      missed += reader.missed();
    });
    threads.emplace_back([&, t] {
      for (uint64_t sequence = 1; sequence <= publications; ++sequence) {
        const Value value = value_of(sequence, t);
        const auto bytes = std::as_bytes(std::span(value));
        if (sequence % 3 == 0) {
          Burst burst;
          must(burst.publish(publishers[t], bytes, {0, 1, 1, 1}));
        } else {
          must(publishers[t].publish(bytes));
        }
      }
      --publishing;
    });
  }
  threads.emplace_back([&] {
    do {
      const std::string name = "comes/" + std::to_string(cycles % 100);
      {
        Publisher publisher = must(node->advertise(counted(name)));
        const Value value = value_of(1, 9);
        must(publisher.publish(std::as_bytes(std::span(value))));
      }
      must(node->remove(name));
      ++cycles;
    } while (publishing > 0);
  });
  for (std::thread& thread : threads) thread.join();
  print_figures("threads: 3 x {} publications, received {} + missed {}, {} wrong; {} topics came and went",
                publications, received.load(), missed.load(), wrong.load(), cycles.load());
  print_race_row("topics published side by side", 3 * publications, wrong);
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(received + missed, 3 * publications);
  EXPECT_EQ(node->topic_count(), 3u);
}

}  // namespace

const std::map<std::string, Mode> kModes;

}  // namespace smt::storm
