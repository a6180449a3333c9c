#include "cmd/cli/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <utility>

namespace smt::cmd {
namespace {

class JournalFormatter final : public spdlog::formatter {
 public:
  explicit JournalFormatter(std::unique_ptr<spdlog::formatter> lines) : lines_(std::move(lines)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    spdlog::memory_buf_t formatted;
    lines_->format(message, formatted);
    const std::string_view prefix = journal_prefix(message.level);
    bool begins = true;
    for (const char c : formatted) {
      if (std::exchange(begins, c == '\n')) out.append(prefix.data(), prefix.data() + prefix.size());
      out.push_back(c);
    }
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JournalFormatter>(lines_->clone());
  }

 private:
  std::unique_ptr<spdlog::formatter> lines_;
};

}  // namespace

bool is_journal(int fd) {
  const char* stream = getenv("JOURNAL_STREAM");
  struct stat file;
  if (stream == nullptr || fstat(fd, &file) != 0) return false;
  return stream == fmt::format("{}:{}", file.st_dev, file.st_ino);
}

std::string_view journal_prefix(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::critical:
      return "<2>";
    case spdlog::level::err:
      return "<3>";
    case spdlog::level::warn:
      return "<4>";
    case spdlog::level::info:
      return "<6>";
    default:
      return "<7>";
  }
}

std::unique_ptr<spdlog::formatter> with_journal_prefix(std::unique_ptr<spdlog::formatter> lines) {
  return std::make_unique<JournalFormatter>(std::move(lines));
}

}  // namespace smt::cmd
