// A recorder over a disk that stands still for a while: it samples on, keeps what its buffer has room for,
// and counts the rest. The disk is tests/tools/stopped_disk_shim.cc, which is a part of this program.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "cmd/recording/open_log.h"
#include "cmd/recording/recorder.h"
#include "shm/fd.h"
#include "tests/eventually.h"
#include "tests/shm/shm_fixture.h"

namespace smt::cmd {
namespace {

class RecorderDisk : public ShmTest, public testing::WithParamInterface<std::string> {
 protected:
  static constexpr uint32_t kHistory = 256;
  static constexpr size_t kValueBytes = 4096;

  RecorderDisk() { setenv("STOPPED_DISK", gate_.c_str(), 1); }
  ~RecorderDisk() override { unsetenv("STOPPED_DISK"); }

  // Records x. The disk stops; more is published than the ring holds; the disk goes on, and the recording
  // ends.
  void record(uint64_t buffer_bytes) {
    Result<Recorder> recorder = Recorder::open({.output = path_, .buffer_bytes = buffer_bytes});
    ASSERT_TRUE(recorder.ok()) << recorder.status().message();
    const Fd stop(eventfd(0, EFD_CLOEXEC));
    Status recorded;
    std::thread recording(
        [&] { recorded = recorder->run(domain_, *relay::PatternSet::parse({"x"}), stop.get()); });
    std::filesystem::create_directory(gate_);  // to write a file would wait too
    const bool stopped = eventually([&] {
      publish();
      return std::filesystem::exists(gate_ + ".met");
    });
    for (uint32_t i = 0; i < 3 * kHistory; ++i) publish();
    std::filesystem::remove(gate_);
    const uint64_t one = 1;
    EXPECT_EQ(::write(stop.get(), &one, sizeof one), ssize_t{sizeof one});
    recording.join();
    EXPECT_TRUE(stopped);
    EXPECT_TRUE(recorded.ok()) << recorded.message();
    x_ = recorder->summary().topics.at("x");
    EXPECT_EQ(x_.samples + x_.overflowed, published_);
    EXPECT_EQ(x_.missed, 0u);
    EXPECT_LE(recorder->summary().max_buffered_bytes, buffer_bytes);
  }
  // Samples that are in the file, and those that it says are not.
  uint64_t count_file() const {
    const Result<std::unique_ptr<LogReader>> log = open_log(path_);
    EXPECT_TRUE(log.ok()) << log.status().message();
    uint64_t count = 0;
    for (LogSample s; log.ok() && (*log)->next(&s);) count += s.topic->name == "x" ? 1 + s.missed : 0;
    return count;
  }

  RecordedTopic x_;

 private:
  void publish() {
    publish_value(topic_, std::string(kValueBytes, 'x'));
    ++published_;
    poll(nullptr, 0, 1);
  }

  const Domain domain_ = open_domain();
  const std::unique_ptr<Node> node_ = open_node(domain_, "w");
  Publisher topic_ = advertise(*node_, "x", {.history = kHistory});
  const std::string path_ = root_ + "/log" + GetParam(), gate_ = root_ + "/stopped";
  uint64_t published_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Logs, RecorderDisk, testing::Values(".mcap", ".h5"),
                         [](const auto& format) { return format.param.substr(1); });

TEST_P(RecorderDisk, LosesNothingWhileItsBufferLasts) {
  record(kDefaultBufferBytes);
  EXPECT_EQ(x_.overflowed, 0u);
  EXPECT_EQ(count_file(), x_.samples);
}

TEST_P(RecorderDisk, CountsWhatItsBufferHasNoRoomFor) {
  record(1 << 20);
  EXPECT_GT(x_.overflowed, 3 * kHistory - (1u << 20) / kValueBytes - 1);
  EXPECT_GE(count_file(), x_.samples);
  EXPECT_LE(count_file(), x_.samples + x_.overflowed);
}

}  // namespace
}  // namespace smt::cmd
