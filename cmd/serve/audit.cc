#include "cmd/serve/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cmd/text/file_status.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"
#include "shm/clock.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using relay::WriteAct;
using relay::WriteEvent;

constexpr size_t kMaxValue = 1000, kMaxShown = 100;

std::string_view act_name(WriteAct act) {
  switch (act) {
    case WriteAct::kLease:
      return "lease";
    case WriteAct::kSet:
      return "set";
    case WriteAct::kRefused:
      return "refused";
    case WriteAct::kDenied:
      return "denied";
    case WriteAct::kReleased:
      return "released";
    case WriteAct::kExpired:
      return "expired";
    case WriteAct::kWithdrawn:
      break;
  }
  return "withdrawn";
}

std::string shorten(std::string text, size_t max) {
  return text.size() <= max ? text : text.substr(0, max) + "...";
}

// Null: there is no value, or none of that type.
Json value_of(const WriteEvent& e) {
  if (e.schema == nullptr) return nullptr;
  // Its JSON may take 12 times the bytes; what is cut off is not written out first.
  if (e.value.size() > 4 * kMaxValue) return fmt::format("({} bytes)", e.value.size());
  Json value = value_to_json(*e.schema, e.value);
  std::string text = dump(value);
  return text.size() <= kMaxValue ? value : Json(shorten(std::move(text), kMaxValue));
}

}  // namespace

std::string audit_text(const WriteEvent& e) {
  std::string what;
  switch (e.act) {
    case WriteAct::kDenied:  // in the words of every other denial
      return printable(fmt::format("{} (asked by {} on {})", e.text, e.holder, e.endpoint));
    case WriteAct::kLease:
      what = "takes the lease of";
      break;
    case WriteAct::kSet:
      what = "sets";
      break;
    case WriteAct::kRefused:
      what = "may not set";
      break;
    case WriteAct::kReleased:
      what = "releases";
      break;
    case WriteAct::kExpired:
      what = "has lost";
      break;
    case WriteAct::kWithdrawn:
      what = "has to give up";
      break;
  }
  const Json value = value_of(e);
  std::string text = fmt::format("{} (by {} on {}) {} {}", e.holder, e.peer, e.endpoint, what, e.topic);
  if (!value.is_null()) text += " = " + shorten(bare_text(value), kMaxShown);
  if (!e.text.empty()) text += ": " + e.text;
  if (!e.rule.empty()) text += fmt::format(" ({})", e.rule);
  return printable(text);
}

relay::Severity severity_of(const WriteEvent& e) {
  const bool no = e.act == WriteAct::kRefused || e.act == WriteAct::kDenied;
  return no ? relay::Severity::kWarning : relay::Severity::kInfo;
}

relay::MessageKey audit_key(const WriteEvent& e) {
  if (e.act == WriteAct::kDenied) return fmt::format("denied {} {}", e.peer, e.rule);
  const std::string thing = "set " + e.topic, kind = fmt::format("{} {}", act_name(e.act), e.holder);
  const bool repeats = e.act == WriteAct::kSet || e.act == WriteAct::kRefused;
  return repeats ? relay::MessageKey(thing, kind) : relay::MessageKey::state(thing, kind);
}

bool is_done_afterwards(const WriteEvent& e) { return e.act == WriteAct::kLease || e.act == WriteAct::kSet; }

std::string audit_line(const WriteEvent& e, int64_t realtime_ns) {
  return dump(Json{{"time", time_text(realtime_ns)},
                   {"act", act_name(e.act)},
                   {"topic", e.topic},
                   {"value", value_of(e)},
                   {"holder", e.holder},
                   {"peer", e.peer},
                   {"endpoint", e.endpoint},
                   {"rule", e.rule},
                   {"text", e.text}});
}

Result<AuditFile> AuditFile::open(const std::string& path) {
  if (path.empty()) return AuditFile(path, Fd());
  // Not blocking: a pipe without a reader would hold up the relay; and it is refused below.
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
  if (!fd.ok()) return file_status("audit file " + path, errno);
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return Status::from_errno("audit file " + path, errno);
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
    return Status(Code::kInvalid, "audit file " + path + ": it is no file that could be appended to");
  return AuditFile(path, std::move(fd));
}

Status AuditFile::append(const WriteEvent& event) {
  if (!fd_.ok()) return Status();
  const std::string line = (cut_ ? "\n" : "") + audit_line(event, realtime_ns()) + "\n";
  const ssize_t n = write(fd_.get(), line.data(), line.size());
  if (n == static_cast<ssize_t>(line.size())) {
    cut_ = false;
    return Status();
  }
  const int error = n < 0 ? errno : ENOSPC;
  cut_ = cut_ || n > 0;
  return Status::from_errno("audit file " + path_, error);
}

}  // namespace smt::cmd
