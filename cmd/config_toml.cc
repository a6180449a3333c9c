#include "cmd/config_toml.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shm/fd.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

Place PlaceOf(const toml::source_region& region, const std::string& path) {
  // A table that is only implied by its keys has no position of its own.
  return {From::kFile, path, std::max(region.begin.line, 1u), std::max(region.begin.column, 1u)};
}

// No key has values that nest deeper; what does is left empty, and is wrong anyway.
constexpr int kMostDepth = 8;

Value Convert(const toml::node& node, const std::string& path, int depth = 0) {
  Value value;
  value.place = PlaceOf(node.source(), path);
  if (const auto* flag = node.as_boolean()) {
    value.kind = Kind::kBool;
    value.flag = flag->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Kind::kInteger;
    value.integer = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.kind = Kind::kNumber;
    value.number = number->get();
  } else if (const auto* text = node.as_string()) {
    value.kind = Kind::kText;
    value.text = text->get();
  } else if (const auto* list = node.as_array()) {
    value.kind = Kind::kList;
    if (depth == kMostDepth) return value;
    for (const toml::node& one : *list) value.list.push_back(Convert(one, path, depth + 1));
  } else if (const auto* table = node.as_table()) {
    value.kind = Kind::kTable;
    if (depth == kMostDepth) return value;
    for (const auto& [key, member] : *table) {
      value.members.push_back(
          {std::string(key.str()), PlaceOf(key.source(), path), Convert(member, path, depth + 1)});
    }
    std::sort(value.members.begin(), value.members.end(), [](const auto& a, const auto& b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
  }
  return value;
}

}  // namespace

std::optional<Value> ParseToml(std::string_view text, const std::string& path, ConfigErrors* errors) {
  Place place{From::kFile, path, 1, 1};
  if (text.size() > kMostConfigBytes) {
    errors->add(place, fmt::format("the file has more than {} bytes", kMostConfigBytes));
    return std::nullopt;
  }
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1, ++place.line) {
    end = std::min(text.find('\n', begin), text.size());
    if (end - begin <= kLongestConfigLine) continue;
    errors->add(place, fmt::format("the line has more than {} bytes; write a list on several lines",
                                   kLongestConfigLine));
    return std::nullopt;
  }
  const toml::parse_result parsed = toml::parse(text, std::string_view(path));
  if (!parsed) {
    errors->add(PlaceOf(parsed.error().source(), path), parsed.error().description());
    return std::nullopt;
  }
  return Convert(parsed.table(), path);
}

std::optional<std::string> ReadConfigFile(const std::string& path, ConfigErrors* errors) {
  const Place place{From::kFlag, path};
  // O_NONBLOCK: a FIFO must not hold us up.
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (!file.ok() || fstat(file.get(), &status) != 0) {
    errors->add(place, fmt::format("cannot be read: {}", strerror(errno)));
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    errors->add(place, "is no regular file");
    return std::nullopt;
  }
  std::string text(kMostConfigBytes + 1, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = read(file.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      errors->add(place, fmt::format("cannot be read: {}", strerror(errno)));
      return std::nullopt;
    }
    if (n == 0) break;
    have += n;
  }
  text.resize(have);
  return text;
}

}  // namespace smt::cmd
