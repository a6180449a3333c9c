// A recorder keeps up: the flight of ../shared/data/px4_flight with rings of 4 samples, at its own pace and
// at twice that, into an HDF5 and an MCAP file at once; and 1,000 topics of 1,000 samples a second into each.
// What is missed while the machine itself did not wake a program in time is tried again.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "cmd/text/deadline.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "tests/lateness.h"
#include "tests/paths.h"
#include "tests/storm/storm.h"
#include "tests/times.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"
#include "tests/tools/recording.h"

namespace smt::storm {
const std::map<std::string, Mode> kModes;
}

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using storm::must;

constexpr int kMaxTries = 5;

class KeepsUp : public ToolTest {
 protected:
  std::unique_ptr<Process> record(const std::string& format) const {
    auto logger = std::make_unique<Process>(
        std::vector<std::string>{"smtlogger", "--output", root_ + "/a." + format, "-f", "json"}, env());
    logger->wait_for_error("recording ");
    return logger;
  }
  // Ends it; its summary. The file is gone.
  Json finish(Process* logger, const std::string& format) const {
    logger->send(SIGINT);
    const Ended ended = logger->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    fs::remove(root_ + "/a." + format);
    return Json::parse(ended.out);
  }
  static uint64_t lost(const Json& summary) {
    return summary["missed"].get<uint64_t>() + summary["overflowed"].get<uint64_t>() +
           summary["left_out"].get<uint64_t>();
  }
  static void tell(const std::string& what, const std::string& format, const Json& summary, double late_ms) {
    storm::print_figures(
        "{}, {}: {} samples, {} missed, {} overflowed; buffer at most {} KiB; the machine was "
        "{:.1f} ms late",
        what, format, summary["samples"].dump(), summary["missed"].dump(), summary["overflowed"].dump(),
        summary["max_buffered_bytes"].get<uint64_t>() / 1024, late_ms);
  }

  // Replays it once; whether each format has every sample.
  bool record_flight(const std::string& speed, double* late_ms) {
    const Lateness lateness;
    const auto h5 = record("h5"), mcap = record("mcap");
    Process replay({"smtreplay", flight_, "--speed", speed}, env());
    for (const int64_t end = boottime_ns() + 300'000 * kMs; !replay.ended() && boottime_ns() < end;) {
      storm::elapse(std::chrono::milliseconds(20));
    }
    const Ended ended = replay.wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    const Json of_h5 = finish(h5.get(), "h5"), of_mcap = finish(mcap.get(), "mcap");
    *late_ms = static_cast<double>(lateness.max_ns()) / 1e6;
    tell("the flight at " + speed, "h5", of_h5, *late_ms);
    tell("the flight at " + speed, "mcap", of_mcap, *late_ms);
    for (const Json& summary : {of_h5, of_mcap}) {
      EXPECT_EQ(summary["samples"].get<uint64_t>() + lost(summary), rows_);
    }
    return lost(of_h5) + lost(of_mcap) == 0;
  }
  // Records until it has missed nothing, or has missed something although the machine was in time.
  template <class Record>
  void expect_all(double max_late_ms, const Record& record_once) {
    for (int attempt = 1;; ++attempt) {
      double late_ms = 0;
      if (record_once(&late_ms)) return;
      ASSERT_GT(late_ms, max_late_ms) << "samples were lost, and the machine was in time";
      if (attempt == kMaxTries) GTEST_SKIP() << "the machine is never in time";
    }
  }

  const std::string flight_ = source_path("../shared/data/px4_flight");
  uint64_t rows_ = 0;
};

TEST_F(KeepsUp, WithTheFlightAndItsRingsOfFourSamples) {
  if (!fs::is_directory(flight_)) GTEST_SKIP() << "no recorded flight at " << flight_;
  rows_ = count_rows(load_recording(flight_));
  const uint64_t runs = storm::scaled(1, 20, 1);
  for (uint64_t i = 0; i < runs && !HasFailure() && !IsSkipped(); ++i) {
    // At twice the pace alone where there is little time. The fastest topic has 4 samples in 8 ms then.
    if (runs > 1) expect_all(2, [&](double* late_ms) { return record_flight("1", late_ms); });
    expect_all(2, [&](double* late_ms) { return record_flight("2", late_ms); });
  }
}

TEST_F(KeepsUp, WithAThousandTopicsAtAKilohertz) {
  const std::unique_ptr<Node> node =
      must(Node::open(domain(), {.name = "source", .segment_bytes = 256 << 20}));
  std::vector<Publisher> topics;
  for (int i = 0; i < 1000; ++i) {
    topics.push_back(must(node->advertise(
        {.name = "x/" + std::to_string(i), .schema = Schema::scalar(Type::kF64), .history = 1024})));
  }
  const auto ticks = static_cast<int64_t>(storm::scaled(2000, 60'000, 5000));
  for (const std::string format : {"mcap", "h5"}) {
    expect_all(500, [&](double* late_ms) {
      const Lateness lateness;
      const auto logger = record(format);
      double value = 0;
      int64_t due = boottime_ns();
      for (int64_t tick = 0; tick < ticks; ++tick, due = std::max(due + kMs, boottime_ns())) {
        value += 0.001;
        for (Publisher& topic : topics) must(topic.publish(std::as_bytes(std::span(&value, 1))));
        cmd::sleep_until(due, -1);
      }
      const Json summary = finish(logger.get(), format);
      *late_ms = static_cast<double>(lateness.max_ns()) / 1e6;
      tell("1,000 topics at 1 kHz", format, summary, *late_ms);
      EXPECT_EQ(summary["samples"].get<uint64_t>() + lost(summary),
                static_cast<uint64_t>(ticks) * topics.size());
      return lost(summary) == 0;
    });
  }
}

}  // namespace
}  // namespace smt::tools
