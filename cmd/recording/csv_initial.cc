#include "cmd/recording/csv_initial.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <string_view>

#include "cmd/text/regular_file.h"
#include "cmd/text/text.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

constexpr size_t kMaxTopics = 1 << 16, kMaxBytes = 32 << 20;

bool parse_line(std::string_view line, std::map<std::string, int64_t>* times) {
  int64_t ns = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ns);
  if (error != std::errc()) return false;
  line.remove_prefix(static_cast<size_t>(end - line.data()));
  if (!line.starts_with(' ') || !check_topic_name(line.substr(1)).ok() || times->size() >= kMaxTopics) {
    return false;
  }
  (*times)[std::string(line.substr(1))] = ns;
  return true;
}

}  // namespace

std::string csv_initial_line(const LogSample& sample) {
  return fmt::format("{} {}\n", sample.receive_ns, sample.topic->name);
}

std::map<std::string, int64_t> read_csv_initial(const std::string& folder, const LogSink& log) {
  const std::string path = std::filesystem::path(folder) / kCsvInitialFile;
  std::map<std::string, int64_t> times;
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) return times;
  const Result<std::string> text = read_regular_file(path, kMaxBytes);
  if (!text.ok()) log.warn(path + ": " + text.status().message() + "; initial values are rows as others");
  if (!text.ok()) return times;
  if (text->size() > kMaxBytes) {
    log.warn(
        fmt::format("{}: longer than {}; initial values are rows as others", path, bytes_text(kMaxBytes)));
    return times;
  }
  uint64_t bad = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!parse_line(line, &times)) ++bad;
  }
  if (bad != 0) log.warn(fmt::format("{}: {} lines without a time and a topic", path, bad));
  return times;
}

}  // namespace smt::cmd
