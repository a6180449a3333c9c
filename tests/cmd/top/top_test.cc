// The screens of smttop as lines, and its keys.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/cli/terminal.h"
#include "cmd/text/columns.h"
#include "cmd/top/top_view.h"

namespace smt::cmd {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TopData make_topics(int n) {
  TopData data;
  data.domain = "default";
  data.time = "12:00:00";
  data.folder_bytes = 1000;
  data.folder_free_bytes = 250;
  for (int i = 0; i < n; ++i) {
    TopTopic t;
    t.name = "arm/joint_" + std::to_string(100 + i) + "/a_rather_long_name_that_has_no_room";
    t.type = "f64";
    t.writer = "driver (pid 1)";
    t.state = i % 7 == 0 ? State::kLinkDown : i % 5 == 0 ? State::kStale : State::kFresh;
    t.age_ns = i * 1'000'000;
    t.hz = (i * 37) % n;
    t.bytes_per_s = (i * 11) % n;
    t.missed = (i * 3) % n;
    data.topics.push_back(t);
  }
  return data;
}

// The names in the order shown, up to the cut.
std::vector<std::string> names_in(const std::vector<std::string>& lines) {
  std::vector<std::string> names;
  for (const std::string& line : lines) {
    if (line.starts_with("arm/joint_")) names.push_back(line.substr(10, 3));
  }
  return names;
}

TEST(Top, SeventyTopicsFitATerminalOf80x24AndItSaysThatItShowsSome) {
  TopState state;
  const auto lines = draw_top(make_topics(70), &state, 80, 24, false);
  ASSERT_THAT(lines, SizeIs(24));
  for (const std::string& line : lines) EXPECT_LE(text_width(line), 80u) << line;
  EXPECT_THAT(lines[0], AllOf(HasSubstr("default  12:00:00  70 topics"), HasSubstr("memory 75 % full")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("fresh 48"), HasSubstr("stale 12"), HasSubstr("link-down 10")));
  EXPECT_THAT(lines[3], AllOf(StartsWith("arm/joint_100/"), HasSubstr("…"), HasSubstr("link-down")));
  EXPECT_THAT(lines[23], StartsWith("1-20 of 70 by name"));
}

TEST(Top, NoScreenIsTooSmallOrTooLarge) {
  for (const size_t columns : {1, 2, 20, 79, 100, 101, 400}) {
    for (const size_t rows : {1, 2, 3, 4, 5, 24, 300}) {
      for (const bool relays : {false, true}) {
        TopState state;
        state.relays = relays;
        TopData data = make_topics(70);
        data.counters.push_back({"robot/pub", "outbound", "dropped_too_old", 7, 0.5});
        EXPECT_THAT(draw_top(data, &state, columns, rows, false), SizeIs(rows)) << columns << "x" << rows;
      }
    }
  }
}

TEST(Top, SortsByEachKeyAndTheSameKeyAgainTurnsItRound) {
  const TopData data = make_topics(70);
  const std::pair<const char*, double (*)(const TopTopic&)> kTable[] = {
      {"r", [](const TopTopic& t) { return t.hz; }},
      {"b", [](const TopTopic& t) { return t.bytes_per_s; }},
      {"a", [](const TopTopic& t) { return static_cast<double>(*t.age_ns); }},
      {"m", [](const TopTopic& t) { return static_cast<double>(t.missed); }}};
  for (const auto& [key, figure] : kTable) {
    TopState state;
    for (const bool reverse : {false, true}) {
      state.key(key, 100);
      const auto names = names_in(draw_top(data, &state, 80, 100, false));
      ASSERT_THAT(names, SizeIs(70));
      for (size_t i = 1; i < names.size(); ++i) {
        const double before = figure(data.topics[static_cast<size_t>(std::stoi(names[i - 1]) - 100)]);
        const double after = figure(data.topics[static_cast<size_t>(std::stoi(names[i]) - 100)]);
        EXPECT_TRUE(reverse ? before <= after : before >= after) << key << " at " << i;
      }
    }
  }
  TopState state;
  state.key("s", 24);
  EXPECT_THAT(draw_top(data, &state, 80, 24, false)[3], HasSubstr("link-down")) << "the worst first";
}

TEST(Top, KeysMoveWithinWhatThereIs) {
  const TopData data = make_topics(70);
  TopState state;
  const auto top = [&](const char* key) {
    state.key(key, 24);
    return names_in(draw_top(data, &state, 80, 24, false)).front();
  };
  EXPECT_EQ(top("down"), "101");
  EXPECT_EQ(top("pagedown"), "121");
  EXPECT_EQ(top("end"), "150");
  EXPECT_EQ(top("down"), "150");
  EXPECT_EQ(top("pageup"), "130");
  EXPECT_EQ(top("up"), "129");
  EXPECT_EQ(top("home"), "100");
  EXPECT_EQ(top("up"), "100");
}

TEST(Top, AFilterIsTypedShownAndTakenBack) {
  const TopData data = make_topics(70);
  TopState state;
  for (const char* key : {"/", "J", "o", "i", "n", "t", "_", "1", "3", "x", "backspace"}) state.key(key, 24);
  EXPECT_THAT(draw_top(data, &state, 80, 24, false)[23], StartsWith("filter: Joint_13_"));
  EXPECT_FALSE(state.paused || state.reverse) << "its letters are no keys";
  state.key("enter", 24);
  const auto lines = draw_top(data, &state, 80, 24, false);
  EXPECT_EQ(names_in(lines).size(), 10u);
  EXPECT_THAT(lines[23], StartsWith("1-10 of 10 by name with \"Joint_13\""));
  state.key("escape", 24);
  EXPECT_EQ(names_in(draw_top(data, &state, 80, 24, false)).size(), 20u);
  state.key("q", 24);
  EXPECT_TRUE(state.quit);
}

TEST(Top, RelaysShowWhatTheyDropAndWhy) {
  TopData data = make_topics(3);
  data.counters = {{"robot/pub", "outbound", "samples", 1000, 100},
                   {"robot/pub", "outbound", "dropped_too_old", 7, 0.5},
                   {"robot/pub", "outbound", "refused", 0, 0}};
  TopState state;
  state.key("v", 24);
  const auto lines = draw_top(data, &state, 80, 24, false);
  EXPECT_THAT(lines[2], StartsWith("RELAY"));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("samples"), HasSubstr("1000"), HasSubstr("100")));
  EXPECT_THAT(lines[4], AllOf(HasSubstr("dropped_too_old"), HasSubstr("0.5")));
  EXPECT_THAT(lines, Each(Not(HasSubstr("refused")))) << "what never happened takes no room";
}

TEST(Top, NamesCannotDriveTheTerminalAndWideOnesAreCutBetweenCharacters) {
  TopData data = make_topics(1);
  data.topics[0].name = "\x1b[2J\x07";
  for (int i = 0; i < 60; ++i) data.topics[0].name += "ö";
  TopState state;
  const auto lines = draw_top(data, &state, 80, 24, false);
  EXPECT_THAT(lines, Each(Not(HasSubstr("\x1b"))));
  EXPECT_THAT(lines[3], HasSubstr("ö… "));
  EXPECT_LE(text_width(lines[3]), 80u);
}

TEST(Top, KeysOfATerminalHaveNames) {
  EXPECT_THAT(parse_keys("q\x1b[A\x1b[6~\x1bOB\r\x7f/\x1b[15~x\x1b"),
              ElementsAre("q", "up", "pagedown", "down", "enter", "backspace", "/", "x", "escape"));
  EXPECT_THAT(parse_keys("\x1b[1;5"), SizeIs(0)) << "a part of a sequence is no key";
}

}  // namespace
}  // namespace smt::cmd
