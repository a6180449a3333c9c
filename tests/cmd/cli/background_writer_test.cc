// A reader that stands still holds up nobody, and what it did not get is counted.
#include "cmd/cli/background_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

#include "shm/clock.h"
#include "tests/full_pipe.h"

namespace smt::cmd {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class BackgroundWriterTest : public testing::Test {
 protected:
  static std::string notice(uint64_t texts) { return "(" + std::to_string(texts) + " lost)\n"; }
  std::unique_ptr<BackgroundWriter> writer() {
    return std::make_unique<BackgroundWriter>(pipe_.writer(), notice);
  }

  FullPipe pipe_;
};

TEST_F(BackgroundWriterTest, WritesAllInOrder) {
  pipe_.empty();
  const auto w = writer();
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i) + "\n";
    expected += text;
    w->write(text);
  }
  EXPECT_EQ(w->drain(), 0);
  EXPECT_EQ(pipe_.read(expected.size()), expected);
}

TEST_F(BackgroundWriterTest, TellsWhatWasLostWhenItGoesOn) {
  const auto w = writer();
  const std::string line(1023, 'x');
  for (int i = 0; i < 1000; ++i) w->write(line + "\n");
  w->write("the last one\n");
  const int64_t begin = boottime_ns();
  EXPECT_EQ(w->drain(), 0);
  EXPECT_GE(boottime_ns() - begin, BackgroundWriter::kDrainNs)
      << "all that is waited for somebody who does not read";
  pipe_.empty();
  std::string got;
  while (!got.ends_with("the last one\n")) got += pipe_.read(1);
  // A second notice where the thread had begun late.
  size_t lost = 0, notices = 0;
  for (size_t at = got.find('('); at != got.npos; at = got.find('(', at + 1), ++notices) {
    size_t texts = 0;
    ASSERT_EQ(sscanf(got.c_str() + at, "(%zu lost)", &texts), 1);
    lost += texts;
  }
  EXPECT_GE(notices, 1u);
  EXPECT_LE(notices, 2u);
  const auto lines = static_cast<size_t>(std::count(got.begin(), got.end(), '\n'));
  EXPECT_EQ(lines - notices + lost, 1001u) << "each text is written or counted";
  EXPECT_LE(got.size(), BackgroundWriter::kMaxBytes + 2 * line.size());
}

TEST_F(BackgroundWriterTest, OfProgressTheLastIsEnough) {
  const auto w = writer();
  w->write("begin\n");
  for (int i = 0; i < 100'000; ++i) w->write_latest("at " + std::to_string(i) + "\n");
  pipe_.empty();
  EXPECT_EQ(w->drain(), 0);
  w->write("end\n");
  EXPECT_EQ(w->drain(), 0);
  std::string got;
  while (!got.ends_with("end\n")) got += pipe_.read(1);
  EXPECT_THAT(got, HasSubstr("begin\n"));
  EXPECT_THAT(got, EndsWith("at 99999\nend\n"));
  EXPECT_THAT(got, testing::Not(HasSubstr("lost"))) << "nobody misses what is out of date";
}

TEST_F(BackgroundWriterTest, SaysThatItsReaderHasGone) {
  signal(SIGPIPE, SIG_IGN);
  const auto w = writer();
  pipe_.hang_up();
  w->write("x");
  EXPECT_EQ(w->drain(), EPIPE);
}

TEST_F(BackgroundWriterTest, LeavesTheFlagsOfItsDescriptorAlone) {
  const int before = fcntl(pipe_.writer(), F_GETFL);
  const auto w = writer();
  w->write("x");
  w->drain();
  EXPECT_EQ(fcntl(pipe_.writer(), F_GETFL), before);
  pipe_.empty();
  EXPECT_EQ(w->drain(), 0) << "the thread is done with the descriptor";
}

}  // namespace
}  // namespace smt::cmd
