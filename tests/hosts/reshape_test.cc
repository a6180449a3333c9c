// A topic becomes another type, or another size, ten times a second while its mirror is read: no sample is
// ever read by another layout than its own.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "shm/clock.h"
#include "shm/node.h"
#include "tests/hosts/hosts.h"

namespace smt::hosts {
namespace {

// The shapes a topic takes in turn; each value is filled with the number of its shape.
Schema shape_of(uint64_t n) {
  static constexpr Type kTypes[] = {Type::kF64, Type::kI32, Type::kU8};
  return Schema::scalar(kTypes[n % 3], static_cast<uint32_t>(1 + n * 7 % 50), true);
}
std::byte mark_of(uint64_t n) { return static_cast<std::byte>(1 + n % 150); }

class RelayReshape : public HostsTest {};

TEST_F(RelayReshape, EachSampleHasTheLayoutThatItWasPublishedWith) {
  const uint64_t shapes = storm::scaled(40, 200);
  start_all();
  auto node = storm::must(Node::open(in("robot"), {.name = "source"}));
  std::atomic<uint64_t> shape{0};
  std::atomic<bool> stop{false};
  std::thread source([&] {
    std::unique_ptr<Publisher> topic;
    for (int64_t next = 0; !stop;) {
      const int64_t now = boottime_ns();
      if (now >= next && shape < shapes) {
        topic.reset();
        topic = std::make_unique<Publisher>(
            storm::must(node->advertise({.name = "shape", .schema = shape_of(shape + 1)})));
        ++shape;
        next = now + 100'000'000;
      }
      storm::must(topic->publish(std::vector<std::byte>(shape_of(shape).size, mark_of(shape))));
      storm::elapse(milliseconds(2));
    }
  });
  Reader reader = storm::must(Reader::open(in("base"), "shape"));
  uint64_t samples = 0, wrong = 0, seen = 0, last_mark = 0;
  int64_t last_seen_ns = 0;
  const bool came = storm::await(milliseconds(100'000 + 100 * shapes), [&] {
    (void)reader.refresh();
    const Sample* sample = reader.latest();
    const std::optional<Schema>& schema = reader.schema();
    if (sample == nullptr || !schema || sample->bytes.empty()) return false;
    ++samples;
    // The value itself tells which shape it was published with.
    const auto mark = static_cast<uint64_t>(sample->bytes[0]);
    bool right = false;
    for (uint64_t n = mark - 1; n <= shapes && !right; n += 150) {
      right = n != 0 && *schema == shape_of(n) && sample->bytes.size() == shape_of(n).size;
    }
    for (const std::byte b : sample->bytes) right = right && static_cast<uint64_t>(b) == mark;
    wrong += !right;
    if (mark != last_mark) ++seen;
    last_mark = mark;
    if (shape < shapes) last_seen_ns = boottime_ns();
    return shape == shapes && mark == static_cast<uint64_t>(mark_of(shapes));
  });
  const int64_t took = boottime_ns() - last_seen_ns;
  stop = true;
  source.join();
  print_figures(
      "relay_reshape: shapes {} of which {} seen, samples {} wrong {}; the last one after {:.0f} ms at most",
      shapes, seen, samples, wrong, static_cast<double>(took) / 1e6);
  EXPECT_TRUE(came);
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(seen, shapes / 2);
  EXPECT_LT(took, 1'000'000'000 * storm::patience_factor());
  print_row(Row{.id = "R15",
                .what = "another type and size each 100 ms",
                .n = shapes,
                .violations = wrong + (HasFailure() ? 1 : 0),
                .max_ms = static_cast<double>(took) / 1e6});
}

}  // namespace
}  // namespace smt::hosts
