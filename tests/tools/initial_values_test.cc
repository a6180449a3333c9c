// A map that was published once, long before a recording began: the tools count it apart, keep it in every
// format, and play it as old as it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <filesystem>
#include <optional>

#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMapAgeNs = 40'000'000'000;

class InitialValues : public ToolTest, public testing::WithParamInterface<std::string> {
 protected:
  // The map, 40 s ago, then a recording of the map and of ten values of x.
  void SetUp() override {
    Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "source"});
    ASSERT_TRUE(node.ok()) << node.status().message();
    Result<Publisher> map = (*node)->advertise({.name = "map", .schema = Schema::scalar(Type::kF64)});
    Result<Publisher> x =
        (*node)->advertise({.name = "x", .schema = Schema::scalar(Type::kF64), .history = 64});
    const double value = 4.5;
    const std::span<const std::byte> bytes = std::as_bytes(std::span(&value, 1));
    stamp_ns_ = realtime_ns() - kMapAgeNs;
    const int64_t then = boottime_ns() - kMapAgeNs;
    ASSERT_TRUE(map->publish(bytes, SampleHead{0, stamp_ns_, then, then}).ok());
    Process logger({"smtlogger", "--output", file(), "-f", "json"}, env());
    logger.wait_for_error("recording ");
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(x->publish(bytes).ok());
      poll(nullptr, 0, 20);
    }
    logger.send(SIGINT);
    const Ended ended = logger.wait();
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
    summary_ = Json::parse(ended.out);
  }
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  std::string file() const { return path("a." + GetParam()); }
  Json info(const std::string& recording) {
    const Ended ended = run({"smtlogger", "info", recording, "-f", "json"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  // Of x, and of events of the two topics.
  uint64_t samples() const { return 10 + summary_["events"].get<uint64_t>(); }
  void expect_counts(const Json& json, const std::string& of) {
    EXPECT_EQ(json["initial"], 1) << of;
    EXPECT_EQ(json["samples"].get<uint64_t>() + json.value("events", 0), samples()) << of;
    EXPECT_EQ(json["topics"][0]["topic"], "map") << of;
    EXPECT_EQ(json["topics"][0]["initial"], 1) << of;
    EXPECT_EQ(json["topics"][0]["samples"], 0) << of;
    EXPECT_EQ(json["topics"].back()["initial"], 0) << of;
  }
  std::optional<Sample> newest(const std::string& topic) {
    Result<Reader> reader = Reader::open(domain(), topic);
    reader_.emplace(std::move(*reader));
    const Sample* sample = reader_->latest();
    return sample == nullptr ? std::nullopt : std::optional(*sample);
  }

  int64_t stamp_ns_ = 0;
  Json summary_;
  std::optional<Reader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Smtlogger, InitialValues, testing::Values("mcap", "h5"),
                         [](const auto& format) { return format.param; });

TEST_P(InitialValues, AreCountedApartInTheSummaryAndInInfoWhoseTimesLeaveThemOut) {
  expect_counts(summary_, "the summary");
  const Json all = info(file());
  expect_counts(all, "info");
  EXPECT_GE(all["first_ns"], stamp_ns_ + kMapAgeNs);
  EXPECT_LE(all["last_ns"].get<int64_t>() - all["first_ns"].get<int64_t>(), 20'000'000'000);
  EXPECT_EQ(all["topics"][0]["first_ns"], all["topics"][0]["last_ns"]);
  EXPECT_THAT(run({"smtlogger", "info", file()}).out,
              HasSubstr(std::to_string(samples()) + " samples, 0 missed, 1 initial, "));
}

TEST_P(InitialValues, StayApartInACopyOfAnyFormatAndInACopyOfThat) {
  for (const char* to : {"b.mcap", "b.h5", "b/"}) {
    const Ended there = run({"smtlogger", "convert", file(), path(to)});
    EXPECT_EQ(there.exit_code, 0) << there.err;
    EXPECT_THAT(there.out, HasSubstr(std::to_string(samples()) + " samples from " + file() +
                                     ", complete; 0 left out; 1 initial"));
    expect_counts(info(path(to)), to);
    const std::string back = path(std::string("back-from-") + (to[1] == '/' ? "csv" : to + 2) + ".mcap");
    EXPECT_EQ(run({"smtlogger", "convert", path(to), back}).exit_code, 0);
    expect_counts(info(back), back);
  }
}

TEST_P(InitialValues, AreRecoveredAsSuch) {
  const std::string copy = path("c." + GetParam());
  EXPECT_EQ(run({"smtlogger", "recover", file(), copy}).exit_code, 0);
  expect_counts(info(copy), "a copy of a whole file");
  if (GetParam() == "h5") return;
  fs::resize_file(file(), fs::file_size(file()) - 10);
  EXPECT_EQ(run({"smtlogger", "recover", file(), path("d.mcap")}).exit_code, 0);
  expect_counts(info(path("d.mcap")), "a copy of a file without its end");
}

TEST_P(InitialValues, ArePlayedAsOldAsTheyWereAndNotAmongThoseThatAStartLeavesOut) {
  const auto age_of = [](const Sample& sample) { return age_at(sample.written_ns, sample.born_ns); };
  const Ended all = run({"smtreplay", file(), "--prefix", "all"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.err, HasSubstr(std::to_string(samples()) +
                                 " samples, 0 rows skipped, 0 files left out, 1 initial, "));
  const std::optional<Sample> map = newest("all/map");
  ASSERT_TRUE(map) << "it is not empty";
  EXPECT_EQ(map->stamp_ns, stamp_ns_);
  EXPECT_GE(age_of(*map), kMapAgeNs);
  EXPECT_LE(age_of(*map), kMapAgeNs + 20'000'000'000);
  const std::optional<Sample> x = newest("all/x");
  EXPECT_TRUE(x && age_of(*x) == 0);
  const Ended late = run({"smtreplay", file(), "--asap", "--start", "100ms", "--prefix", "late"});
  const std::optional<Sample> later = newest("late/map");
  EXPECT_TRUE(later && age_of(*later) >= age_of(*map) + 90'000'000);
  EXPECT_LT(newest("late/x")->sequence, 10u) << "it does not play all";
}

}  // namespace
}  // namespace smt::tools
