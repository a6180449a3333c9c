// A reader that stands still holds up nobody, and what it did not get is counted.
#include "cmd/cli/background_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string>

#include "cmd/cli/write_whole.h"
#include "shm/clock.h"
#include "tests/eventually.h"
#include "tests/full_pipe.h"

namespace smt::cmd {
namespace {

constexpr int64_t kWaitNs = 100'000'000;

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
  EXPECT_EQ(w->drain(kWaitNs), 0);
  EXPECT_EQ(pipe_.read(expected.size()), expected);
}

TEST_F(BackgroundWriterTest, TellsWhatWasLostWhenItGoesOn) {
  const auto w = writer();
  const std::string line(1023, 'x');
  for (int i = 0; i < 1000; ++i) w->write(line + "\n");
  w->write("the last one\n");
  const int64_t begin = boottime_ns();
  EXPECT_EQ(w->drain(kWaitNs), 0);
  EXPECT_GE(boottime_ns() - begin, kWaitNs) << "all that is waited for somebody who does not read";
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
  EXPECT_EQ(w->drain(kWaitNs), 0);
  w->write("end\n");
  EXPECT_EQ(w->drain(kWaitNs), 0);
  std::string got;
  while (!got.ends_with("end\n")) got += pipe_.read(1);
  EXPECT_THAT(got, HasSubstr("begin\n"));
  EXPECT_THAT(got, EndsWith("at 99999\nend\n"));
  EXPECT_THAT(got, testing::Not(HasSubstr("lost"))) << "nobody misses what is out of date";
}

// For a record that nothing may be missing from unseen.
class FullWriterTest : public BackgroundWriterTest {
 protected:
  using Fate = BackgroundWriter::Fate;
  FullWriterTest() {
    first_ = writer_.submit("first\n");
    EXPECT_TRUE(eventually([&] { return calls_->begun != 0; }));  // it holds the thread up
  }
  void settles(uint64_t ticket) {
    EXPECT_TRUE(eventually([&] { return writer_.fate(ticket) != Fate::kWaits; }));
  }
  std::string rest(const std::string& end) {
    pipe_.empty();
    std::string got;
    while (!got.ends_with(end)) got += pipe_.read(1);
    return got;
  }

  struct Calls {
    std::atomic<int> begun{0}, settled{0};
  };
  const std::string line_ = std::string((64 << 10) - 1, 'x') + "\n";
  const std::shared_ptr<Calls> calls_ = std::make_shared<Calls>();
  BackgroundWriter writer_{{.write =
                                [fd = pipe_.writer(), calls = calls_](std::string_view text) {
                                  ++calls->begun;
                                  return write_whole(fd, text);
                                },
                            .notice = notice,
                            .when_full = BackgroundWriter::WhenFull::kTakeNoMore,
                            .settled = [calls = calls_] { ++calls->settled; }}};
  uint64_t first_ = 0;
};

TEST_F(FullWriterTest, TakesNoMoreAndTellsWhereTextsAreMissing) {
  for (int i = 0; i < 10; ++i) writer_.write(line_);
  const uint64_t refused = writer_.submit(line_);
  EXPECT_EQ(writer_.fate(refused), Fate::kFailed);
  EXPECT_TRUE(writer_.withdraw(refused));
  EXPECT_EQ(writer_.fate(first_), Fate::kWaits);
  const std::string got = rest(" lost)\n");
  EXPECT_EQ(got.substr(0, 6), "first\n");
  const auto lines = std::count(got.begin(), got.end(), '\n');
  EXPECT_EQ(lines, 2 + 10 - atoi(got.substr(got.rfind('(') + 1).c_str()))
      << "each is written or counted, but for the one whose owner knows its fate";
  settles(first_);
  EXPECT_EQ(writer_.fate(first_), Fate::kWritten);
  EXPECT_FALSE(writer_.withdraw(first_));
  EXPECT_EQ(writer_.drain(kWaitNs), 0);
}

TEST_F(FullWriterTest, TakesBackWhatStillWaitsAndNothingElse) {
  const uint64_t second = writer_.submit("second\n"), third = writer_.submit("third\n");
  EXPECT_TRUE(writer_.withdraw(second));
  const std::string got = rest("third\n");
  EXPECT_EQ(got, "first\nthird\n");
  settles(third);
  EXPECT_FALSE(writer_.withdraw(third)) << "it is written";
  EXPECT_GE(calls_->settled, 1);
}

TEST_F(FullWriterTest, AlwaysTakesWhatMustNotBeMissing) {
  for (int i = 0; i < 10; ++i) writer_.write(line_);
  writer_.write_always("taken back\n");
  const std::string got = rest("taken back\n");
  EXPECT_THAT(got, HasSubstr(" lost)\ntaken back\n"));
}

TEST_F(FullWriterTest, TellsWhichTextsFailed) {
  signal(SIGPIPE, SIG_IGN);
  pipe_.hang_up();
  settles(first_);
  EXPECT_EQ(writer_.fate(first_), Fate::kFailed);
  EXPECT_TRUE(writer_.withdraw(first_));
  EXPECT_EQ(writer_.take_error(), EPIPE);
  EXPECT_EQ(writer_.take_error(), 0);
}

TEST_F(BackgroundWriterTest, SaysThatItsReaderHasGone) {
  signal(SIGPIPE, SIG_IGN);
  const auto w = writer();
  pipe_.hang_up();
  w->write("x");
  EXPECT_EQ(w->drain(kWaitNs), EPIPE);
}

TEST_F(BackgroundWriterTest, LeavesTheFlagsOfItsDescriptorAlone) {
  const int before = fcntl(pipe_.writer(), F_GETFL);
  const auto w = writer();
  w->write("x");
  w->drain(kWaitNs);
  EXPECT_EQ(fcntl(pipe_.writer(), F_GETFL), before);
  pipe_.empty();
  EXPECT_EQ(w->drain(kWaitNs), 0) << "the thread is done with the descriptor";
}

}  // namespace
}  // namespace smt::cmd
