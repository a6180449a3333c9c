#include "cmd/cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include "cmd/cli/output.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

constexpr int64_t kProgressNs = 200'000'000;

}  // namespace

ProgressLine::ProgressLine() : terminal_(IsTerminal(STDERR_FILENO)), shown_ns_(BoottimeNs()) {}

bool ProgressLine::due() const { return terminal_ && BoottimeNs() - shown_ns_ >= kProgressNs; }

void ProgressLine::show(const std::string& text) {
  shown_ns_ = BoottimeNs();
  if (terminal_) fmt::print(stderr, "\r\x1b[K{}", text);
}

void ProgressLine::end() {
  if (terminal_) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace smt::cmd
