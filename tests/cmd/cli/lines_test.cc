// Lines from a descriptor, as they come.
#include "cmd/cli/lines.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "shm/fd.h"

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;

class LinesTest : public testing::Test {
 protected:
  LinesTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    in_ = Fd(ends[0]);
    out_ = Fd(ends[1]);
  }
  void write(const std::string& text) const {
    ASSERT_EQ(::write(out_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // What has come; "!" for a line that is too long.
  static std::vector<std::string> come(Lines* lines) {
    std::vector<std::string> out;
    for (std::string line; lines->next(&line);) out.push_back(lines->too_long() ? "!" + line : line);
    return out;
  }

  Fd in_, out_;
};

TEST_F(LinesTest, TakesLinesAsTheyBecomeWholeAndTheLastWithoutItsNewline) {
  Lines lines(in_.get(), 100);
  write("one\n\ntw");
  EXPECT_THAT(come(&lines), ElementsAre("one", ""));
  write("o\nthree");
  EXPECT_THAT(come(&lines), ElementsAre("two"));
  EXPECT_FALSE(lines.ended());
  out_ = Fd();
  EXPECT_THAT(come(&lines), ElementsAre("three"));
  EXPECT_TRUE(lines.ended());
  EXPECT_EQ(lines.error(), 0);
}

TEST_F(LinesTest, DropsALineThatIsTooLongAndGoesOnWithTheNext) {
  Lines lines(in_.get(), 4);
  write("four\n12345\nb\n123");
  EXPECT_THAT(come(&lines), ElementsAre("four", "!", "b"));
  write("456");
  EXPECT_THAT(come(&lines), ElementsAre());
  write("7\nc\n12345");
  EXPECT_THAT(come(&lines), ElementsAre("!", "c"));
  out_ = Fd();
  EXPECT_THAT(come(&lines), ElementsAre("!")) << "the last one too";
  EXPECT_TRUE(lines.ended());
}

TEST(LinesOfAFolder, EndWithAnError) {
  const Fd folder(open("/", O_RDONLY | O_CLOEXEC));
  Lines lines(folder.get(), 4);
  std::string line;
  EXPECT_FALSE(lines.next(&line));
  EXPECT_TRUE(lines.ended());
  EXPECT_EQ(lines.error(), EISDIR);
}

}  // namespace
}  // namespace smt::cmd
