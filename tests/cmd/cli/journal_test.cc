// The journal takes each line by itself: every line of a message has its severity.
#include "cmd/cli/journal.h"

#include <gtest/gtest.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <memory>
#include <string>

namespace smt::cmd {
namespace {

TEST(Journal, GivesEachLineOfAMessageItsSeverity) {
  const std::unique_ptr<spdlog::formatter> formatter =
      with_journal_prefix(std::make_unique<spdlog::pattern_formatter>("%l: %v"))->clone();
  const auto formatted = [&](spdlog::level::level_enum level, const char* text) {
    spdlog::memory_buf_t out;
    formatter->format(spdlog::details::log_msg("relay", level, text), out);
    return std::string(out.data(), out.size());
  };
  EXPECT_EQ(formatted(spdlog::level::warn, "one\n  two"), "<4>warning: one\n<4>  two\n");
  EXPECT_EQ(formatted(spdlog::level::err, "one"), "<3>error: one\n");
  EXPECT_EQ(formatted(spdlog::level::info, "one"), "<6>info: one\n");
  EXPECT_EQ(formatted(spdlog::level::debug, "one"), "<7>debug: one\n");
}

}  // namespace
}  // namespace smt::cmd
