// Values that stood before a recording began: recorded as what was current when it began, and replayed as old
// as they were at each start, seek and loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "cmd/recording/open_log.h"
#include "cmd/recording/recorder.h"
#include "cmd/recording/replay.h"
#include "shm/clock.h"
#include "shm/fd.h"
#include "tests/bytes_of.h"
#include "tests/eventually.h"
#include "tests/shm/shm_fixture.h"

namespace smt::cmd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

// A value of a file.
struct ReadValue {
  std::string topic, text;
  bool initial = false;
  int64_t stamp_ns = 0, receive_ns = 0;
};

class InitialRecording : public ShmTest, public testing::WithParamInterface<std::string> {
 protected:
  static constexpr int64_t kSecond = 1'000'000'000, kAge = 40 * kSecond;

  InitialRecording() {
    const uint64_t one = 1;
    EXPECT_EQ(::write(stopped_.get(), &one, sizeof one), ssize_t{sizeof one});
  }
  // As the program that published `text` so long ago has left it.
  static void publish_before(Publisher& to, std::string_view text, int64_t age_ns) {
    const int64_t then = boottime_ns() - age_ns;
    const SampleHead head{0, realtime_ns() - age_ns, then, then};
    expect_ok(to.publish(std::as_bytes(std::span(text)), head));
  }
  static void expect_ok(const Status& s) { EXPECT_TRUE(s.ok()) << s.message(); }

  // Calls `begun` once it runs, then `at(n)` five times a second until that returns false.
  RecordSummary record(const std::function<bool(int n)>& at, RecordOptions options = {}) {
    const Fd stop(eventfd(0, EFD_CLOEXEC));
    options.output = path_;
    options.progress = [&, n = 0](const RecordProgress&) mutable {
      const uint64_t one = 1;
      if (at(n++)) return;
      EXPECT_EQ(::write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
    };
    Result<Recorder> recorder = Recorder::open(options);
    EXPECT_TRUE(recorder.ok()) << recorder.status().message();
    expect_ok(recorder->run(domain_, *relay::PatternSet::parse({"**"}), stop.get()));
    return recorder->summary();
  }
  // What the file, or the recording that it is a part of, has of topics other than events.
  static std::vector<ReadValue> read(const std::string& path, LogScope scope = LogScope::kFile) {
    std::vector<ReadValue> out;
    const Result<std::unique_ptr<LogReader>> log = open_log(path, {}, scope);
    EXPECT_TRUE(log.ok()) << log.status().message();
    for (LogSample s; log.ok() && (*log)->next(&s);) {
      if (s.topic->name == kLogEventsTopic) continue;
      out.push_back({s.topic->name,
                     std::string(reinterpret_cast<const char*>(s.bytes.data()), s.bytes.size()), s.initial,
                     s.stamp_ns, s.receive_ns});
    }
    return out;
  }
  static std::string texts(const std::vector<ReadValue>& values, const std::string& topic) {
    std::string out;
    for (const ReadValue& r : values) {
      if (r.topic == topic) out += r.initial ? "[" + r.text + "]" : r.text;
    }
    return out;
  }

  Domain domain_ = open_domain();
  const std::unique_ptr<Node> node_ = open_node(domain_, "w");
  const std::string path_ = root_ + "/log" + GetParam();
  const Fd stopped_{eventfd(0, EFD_CLOEXEC)};
};
INSTANTIATE_TEST_SUITE_P(Logs, InitialRecording, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(InitialRecording, BeginsWhenItBeginsWithTheNewestValueOfBefore) {
  Publisher map = advertise(*node_, "map", {.history = 16}), x = advertise(*node_, "x", {.history = 16});
  for (const char* text : {"a", "b", "c"}) publish_before(map, text, kAge);
  const int64_t begin = realtime_ns();
  const RecordSummary summary = record([&](int n) { return publish_value(x, "x"), n < 2; });
  const std::vector<ReadValue> values = read(path_);
  EXPECT_EQ(texts(values, "map"), "[c]");
  EXPECT_EQ(texts(values, "x"), "xxx");
  for (const ReadValue& r : values) {
    EXPECT_THAT(r.receive_ns, AllOf(Ge(begin - kSecond / 10), Le(realtime_ns()))) << r.topic;
    EXPECT_GE(r.receive_ns, values.front().receive_ns) << "the initial value comes first";
    EXPECT_LE(std::abs(begin - (r.initial ? kAge : 0) - r.stamp_ns), 2 * kSecond) << r.topic;
  }
  EXPECT_EQ(summary.topics.at("map").initial, 1u);
  EXPECT_EQ(summary.topics.at("map").samples, 0u);
  EXPECT_EQ(summary.topics.at("map").missed, 0u) << "what the ring held before is history";
  EXPECT_EQ(summary.topics.at("x").samples, 3u);
  EXPECT_EQ(summary.topics.at("x").initial, 0u);
}

TEST_P(InitialRecording, ALongRingGivesItsNewestValueOfBeforeAndAllOfAfterwards) {
  constexpr int kOlder = 3000;  // more than are taken at once
  Publisher x = advertise(*node_, "x", {.history = 8192});
  for (int i = 1; i <= kOlder; ++i) publish_before(x, i == kOlder ? "n" : "o", kAge);
  Result<Recorder> recorder = Recorder::open({.output = path_});
  ASSERT_TRUE(recorder.ok()) << recorder.status().message();
  for (int i = 0; i < 5; ++i) publish_value(x, "x");
  expect_ok(recorder->run(domain_, *relay::PatternSet::parse({"**"}), stopped_.get()));
  EXPECT_EQ(texts(read(path_), "x"), "[n]xxxxx");
  EXPECT_EQ(recorder->summary().topics.at("x").missed, 0u);
}

TEST_P(InitialRecording, AMirrorOfAnOldValueThatAppearsMeanwhileIsASample) {
  std::optional<Publisher> late;
  const int64_t begin = realtime_ns();
  record([&](int n) {
    if (n == 1) late = advertise(*node_, "late");
    if (n == 1) publish_before(*late, "old", kAge);  // even one that says that it was written then
    if (n == 2) {
      const SampleHead head{5, realtime_ns() - kAge, boottime_ns() - kAge, boottime_ns()};
      expect_ok(late->publish(std::as_bytes(std::span(std::string_view("new"))), head));
    }
    return n < 5;
  });
  std::vector<ReadValue> values;
  for (int part = 0; std::filesystem::exists(log_part_path(path_, part)); ++part) {
    for (const ReadValue& r : read(log_part_path(path_, part))) values.push_back(r);
  }
  EXPECT_EQ(texts(values, "late"), "oldnew");
  for (const ReadValue& r : values) EXPECT_GE(r.receive_ns, begin - kSecond / 10) << r.text;
}

TEST_P(InitialRecording, EachPartAloneBeginsWithWhatIsCurrentAndAllPartsHaveItOnce) {
  Publisher map = advertise(*node_, "map"), x = advertise(*node_, "x", {.history = 64});
  std::optional<Publisher> gone = advertise(*node_, "gone");
  publish_before(map, "m", kAge);
  publish_value(*gone, "g");
  uint64_t published = 0;
  const RecordSummary summary = record(
      [&](int n) {
        if (n == 0) gone.reset();
        if (n == 0) expect_ok(node_->remove("gone"));
        publish_value(x, "x");
        ++published;
        return n < 11;
      },
      {.split_ns = 400'000'000});
  ASSERT_GE(summary.files.size(), 4u);
  int64_t begin = 0;  // of the part before
  for (const std::string& file : summary.files) {
    const std::vector<ReadValue> values = read(file);
    EXPECT_EQ(texts(values, "map"), "[m]") << file;
    EXPECT_EQ(texts(values, "x").starts_with("[x]"), file != path_) << file;
    EXPECT_GT(values.front().receive_ns, begin) << file;
    begin = values.front().receive_ns;
  }
  EXPECT_EQ(texts(read(summary.files.back()), "gone"), "") << "it is not current any more";
  const std::vector<ReadValue> all = read(summary.files.back(), LogScope::kRecording);
  EXPECT_EQ(texts(all, "map"), "[m]");
  EXPECT_EQ(texts(all, "x"), std::string(published, 'x'));
  EXPECT_EQ(summary.topics.at("map").initial, 1u) << "of the recording";
  EXPECT_EQ(summary.topics.at("x").samples, published);
}

TEST_P(InitialRecording, APartIsNoSmallerThanWhatItBeginsWith) {
  Publisher map = advertise(*node_, "map"), x = advertise(*node_, "x", {.history = 64});
  std::string noise(1 << 16, '\0');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i >> 7);
  publish_before(map, noise, kAge);
  const RecordSummary summary =
      record([&](int n) { return publish_value(x, "x"), n < 10; }, {.split_bytes = 4096});
  EXPECT_LE(summary.files.size(), 2u) << "each flush would have made another one";
}

// A replay of what these tests record: the map and x of 0 s, 1 s and 2 s.
class InitialReplay : public InitialRecording {
 protected:
  void write_log(int64_t map_age_ns = kAge) {
    const Result<std::unique_ptr<LogWriter>> log = create_log(path_);
    ASSERT_TRUE(log.ok()) << log.status().message();
    const int64_t begin = begin_ns_;
    map_stamp_ns_ = begin - map_age_ns;
    const auto put = [&](const LogTopic& topic, const char* text, int64_t stamp_ns, int64_t receive_ns,
                         bool initial) {
      const std::vector<std::byte> value = bytes_of(std::string(text));
      expect_ok((*log)->write({&topic, 1, stamp_ns, receive_ns, 0, value, initial}));
    };
    put(map_, "map", map_stamp_ns_, begin, true);
    for (int i = 0; i < 3; ++i) {
      put(x_, std::to_string(i).c_str(), begin + i * kSecond, begin + i * kSecond, false);
    }
    expect_ok((*log)->finish());
  }
  ReplaySummary play(ReplayOptions options, const ReplayKeys& keys = {}, int stop_fd = -1) {
    options.path = path_;
    options.history = 64;
    Result<Replay> replay = Replay::open(domain_, options);
    EXPECT_TRUE(replay.ok()) << replay.status().message();
    const Result<ReplaySummary> summary = replay->run(stop_fd, keys);
    EXPECT_TRUE(summary.ok()) << summary.status().message();
    return *summary;
  }
  // Keys that are pressed one after the other.
  ReplayKeys source_of(std::deque<std::string>* keys) const {
    return {[this] { return stopped_.get(); },
            [keys] {
              std::vector<std::string> now;
              if (keys->empty()) return now;
              now.push_back(std::move(keys->front()));
              keys->pop_front();
              return now;
            }};
  }
  // "TEXT AGE" of all samples of the topic, the age in tenths of seconds when it was published.
  std::vector<std::string> published(const std::string& topic) {
    std::vector<std::string> out;
    Reader reader = open_reader(domain_, topic);
    while (const Sample* s = reader.next()) {
      out.push_back(text_of(s) + " " + std::to_string(age_at(s->written_ns, s->born_ns) / (kSecond / 10)));
      EXPECT_EQ(s->stamp_ns == map_stamp_ns_, topic == "map");
    }
    return out;
  }

  const LogTopic map_{"map", Schema::string(), "robot", "d", "node"},
      x_{"x", Schema::string(), "robot", "d", "node"};
  const int64_t begin_ns_ = 1'800'000'000 * kSecond;
  int64_t map_stamp_ns_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Logs, InitialReplay, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(InitialReplay, FirstPublishesWhatWasCurrentWithItsStampAndItsAge) {
  write_log();
  const ReplaySummary summary = play({.speed = 100});
  EXPECT_THAT(published("map"), ElementsAre("map 400"));
  EXPECT_THAT(published("x"), ElementsAre("0 0", "1 0", "2 0"));
  EXPECT_EQ(summary.initial, 1u);
  EXPECT_EQ(summary.samples, 3u);
}

TEST_P(InitialReplay, AtAStartWhatWasCurrentThereIsAsOldAsItWasThere) {
  write_log();
  const ReplaySummary summary = play({.asap = true, .start_ns = 1'500'000'000});
  EXPECT_THAT(published("map"), ElementsAre("map 415"));
  EXPECT_THAT(published("x"), ElementsAre("1 5", "2 0"));
  EXPECT_EQ(summary.initial, 2u);
  EXPECT_EQ(summary.samples, 1u);
}

TEST_P(InitialReplay, BehindTheEndWhatWasCurrentAtTheEndIsThere) {
  write_log();
  const ReplaySummary summary = play({.asap = true, .start_ns = 3600 * kSecond});
  EXPECT_THAT(published("map"), ElementsAre("map 420"));
  EXPECT_THAT(published("x"), ElementsAre("2 0"));
  EXPECT_EQ(summary.samples, 0u);
}

TEST_P(InitialReplay, AStampInTheFutureIsNoAge) {
  write_log(-kAge);
  play({.asap = true});
  EXPECT_THAT(published("map"), ElementsAre("map 0"));
}

TEST_P(InitialReplay, EachLoopPublishesThemAgain) {
  write_log();
  const Fd stop(eventfd(0, EFD_CLOEXEC));
  std::thread looping([&] { play({.speed = 20, .loop = true, .node = {.name = "loop"}}, {}, stop.get()); });
  Reader reader = open_reader(domain_, "map");
  int times = 0;
  EXPECT_TRUE(eventually([&] {
    (void)reader.refresh();
    for (const Sample* s; (s = reader.next()) != nullptr;) {
      times += s->stamp_ns == map_stamp_ns_ ? 1 : 0;
      EXPECT_EQ(age_at(s->written_ns, s->born_ns) / kSecond, kAge / kSecond);
    }
    return times >= 3;
  }));
  const uint64_t one = 1;
  EXPECT_EQ(::write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
  looping.join();
}

TEST_P(InitialReplay, ASeekPublishesWhatIsCurrentThere) {
  write_log();
  std::deque<std::string> keys = {".", ".", "home", ".", "right"};  // 5 s on is the end
  const ReplaySummary summary = play({.paused = true}, source_of(&keys));
  EXPECT_THAT(published("map"), ElementsAre("map 400", "map 400", "map 420"));
  EXPECT_THAT(published("x"), ElementsAre("0 0", "1 0", "0 0", "2 0"));
  EXPECT_EQ(summary.samples, 3u);
  EXPECT_EQ(summary.initial, 4u);
}

TEST_P(InitialReplay, ASeekPublishesTheSampleThatWasDueWhenItCame) {
  write_log();
  std::deque<std::string> keys = {".", ".", "right"};
  play({.paused = true}, source_of(&keys));
  EXPECT_THAT(published("x"), ElementsAre("0 0", "1 0", "2 0"));
}

}  // namespace
}  // namespace smt::cmd
