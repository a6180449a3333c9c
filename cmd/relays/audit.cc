#include "cmd/relays/audit.h"

#include <fmt/format.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "cmd/relays/line_file.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"
#include "shm/clock.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using relay::WriteAct;
using relay::WriteEvent;

constexpr size_t kMaxValue = 1000, kMaxShown = 100;
// How often it is tried to write how many lines are lost.
constexpr int64_t kRetryNs = 1'000'000'000;

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

std::string line_of(std::string_view act, const WriteEvent& e, int64_t realtime_ns) {
  return dump(Json{{"time", time_text(realtime_ns)},
                   {"act", act},
                   {"topic", e.topic},
                   {"value", value_of(e)},
                   {"holder", e.holder},
                   {"peer", e.peer},
                   {"endpoint", e.endpoint},
                   {"rule", e.rule},
                   {"text", e.text}});
}

// Stands for lines that were lost.
std::string lost_line(uint64_t entries) {
  const std::string none;
  const std::string text = fmt::format("{} {} lost, as the file could not be written in time", entries,
                                       entries == 1 ? "entry is" : "entries are");
  return line_of("lost", {WriteAct::kRefused, none, none, none, none, none, text}, realtime_ns()) + "\n";
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

std::string audit_line(const WriteEvent& e, int64_t realtime_ns) {
  return line_of(act_name(e.act), e, realtime_ns);
}

// What the writer's thread has too.
struct AuditFile::File {
  std::shared_ptr<LineFile> lines;
  Fd wake;
};

Result<std::unique_ptr<AuditFile>> AuditFile::open(const std::string& path, Log log) {
  std::unique_ptr<AuditFile> audit(new AuditFile(path, std::move(log)));
  if (path.empty()) return audit;
  Result<std::shared_ptr<LineFile>> lines = LineFile::open(path, "audit file");
  if (!lines.ok()) return lines.status();
  const auto file = std::make_shared<File>();
  file->lines = std::move(*lines);
  file->wake = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!file->wake.ok()) return Status::from_errno("audit file " + path, errno);
  audit->file_ = file;
  audit->writer_.emplace(
      BackgroundWriter::Options{.write = [file](std::string_view text) { return file->lines->append(text); },
                                .notice = lost_line,
                                .when_full = BackgroundWriter::WhenFull::kTakeNoMore,
                                .retry_ns = kRetryNs,
                                .settled = [file] { (void)eventfd_write(file->wake.get(), 1); }});
  return audit;
}

uint64_t AuditFile::begin(std::span<const WriteEvent> events) {
  if (!writer_) return 0;
  std::string lines;
  for (const WriteEvent& event : events) lines += audit_line(event, realtime_ns()) + "\n";
  return writer_->submit(lines);
}

relay::LineFate AuditFile::fate(uint64_t ticket) const {
  using Fate = BackgroundWriter::Fate;
  const Fate fate = writer_ ? writer_->fate(ticket) : Fate::kWritten;
  return fate == Fate::kWaits     ? relay::LineFate::kWaits
         : fate == Fate::kWritten ? relay::LineFate::kWritten
                                  : relay::LineFate::kFailed;
}

bool AuditFile::withdraw(uint64_t ticket) { return !writer_ || writer_->withdraw(ticket); }

void AuditFile::done(const WriteEvent& event) {
  log_(severity_of(event), audit_key(event), audit_text(event));
}

void AuditFile::tell(const WriteEvent& event) {
  if (writer_) {
    const std::string line = audit_line(event, realtime_ns()) + "\n";
    event.takes_back ? writer_->write_always(line) : writer_->write(line);
  }
  done(event);
}

int AuditFile::fd() const { return file_ ? file_->wake.get() : -1; }

void AuditFile::poll() {
  eventfd_t count = 0;
  if (writer_ && eventfd_read(file_->wake.get(), &count) == 0) report(writer_->take_error());
}

void AuditFile::drain(int64_t max_ns) {
  if (writer_) report(writer_->drain(max_ns));
}

// The writer's thread looks after the path before it writes, and here there is nothing to write.
void AuditFile::look_for_file() {
  if (writer_) writer_->write_always("");
}

void AuditFile::report(int error) const {
  if (!file_) return;
  if (const std::string news = file_->lines->take_news(); !news.empty())
    log_(relay::Severity::kWarning, {"audit", "file"}, news);
  if (error != 0)
    log_(relay::Severity::kError, {"audit"}, Status::from_errno("audit file " + path_, error).message());
}

}  // namespace smt::cmd
