#include "shm/name.h"

#include <cstdint>
#include <string>

#include "shm/control_characters.h"
#include "shm/layout.h"
#include "shm/utf8.h"

namespace smt {

namespace {

bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

Status check_name(std::string_view what, std::string_view name) {
  const std::string quoted = std::string(what) + " name '" + std::string(name.substr(0, 100)) + "'";
  bool good = !name.empty() && name.size() <= layout::kNameBytes && is_name_start(name[0]);
  for (size_t i = 1; good && i < name.size(); ++i) good = is_name_start(name[i]) || name[i] == '.';
  if (!good) {
    return Status(Code::kInvalid, quoted + ": use 1 to 64 of A-Z a-z 0-9 _ - . and do not begin with '.'");
  }
  if (name.ends_with(".bell")) return Status(Code::kInvalid, quoted + ": may not end in '.bell'");
  return Status();
}

Status check_topic_name(std::string_view name) {
  const std::string quoted = "topic name '" + std::string(name.substr(0, 300)) + "'";
  if (name.empty()) return Status(Code::kInvalid, "topic name is empty");
  if (name.size() > layout::kTopicNameBytes) {
    return Status(Code::kInvalid, quoted + ": longer than 255 bytes");
  }
  if (name.front() == '/' || name.back() == '/' || name.find("//") != name.npos) {
    return Status(Code::kInvalid,
                  quoted + ": an empty segment; write 'arm/joint', without '/' at either end");
  }
  for (size_t i = 0; i < name.size();) {
    if (is_control(name[i])) return Status(Code::kInvalid, "topic name holds a control character");
    if (name[i] == '*') return Status(Code::kInvalid, quoted + ": '*' is for patterns only");
    const size_t n = utf8_length(name, i);
    if (n == 0) return Status(Code::kInvalid, "topic name is not UTF-8");
    i += n;
  }
  return Status();
}

}  // namespace smt
