#include "cmd/text/loss_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/text/deadline.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

// A look takes up to twenty system calls, and a loss is to be told of in 2 s.
constexpr int64_t kLossLookNs = 500'000'000;
// For another user to make the root folder again, and for another program to set the rights of a folder that
// it is just making.
constexpr int64_t kLossPatienceNs = 5'000'000'000;

}  // namespace

// What is gone, or was gone for a moment since the last look; "": nothing.
std::string LossWatch::find_loss() {
  const uint64_t before = std::exchange(losses_, domain_.losses());
  if (!domain_.healthy()) return "the folder " + domain_.path() + " was removed";
  if (losses_ != before) return domain_.last_loss();
  const bool whole =
      std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.healthy(); });
  return whole ? "" : "what this program has in " + domain_.path() + " was removed";
}

void LossWatch::begin(const std::string& what, int64_t now_ns) {
  if (std::exchange(told_, true)) return;
  give_up_ns_ = now_ns + kLossPatienceNs;
  const std::string text = what + " while this program runs";
  if (on_lost_ == OnLost::kExit) {
    failure_ = Status(Code::kSystem, text + "; --on-lost remake would make it again");
  } else {
    log_.warn(text + (parts_.empty() ? "; going on when it is there again" : "; making it again"));
  }
}

bool LossWatch::remake(int64_t now_ns) {
  for (const Part& part : parts_) {
    if (part.healthy()) continue;
    const Status made = part.remake();
    if (made.ok()) continue;
    const bool may_become_possible = made.code() == Code::kNotFound || made.code() == Code::kDenied;
    if (may_become_possible && now_ns < give_up_ns_) return true;
    failure_ = Status(Code::kSystem, made.message());
    return false;
  }
  losses_ = domain_.losses();  // what was found on the way
  return true;
}

bool LossWatch::look(int64_t now_ns) {
  if (now_ns < due_ns_ || !failure_.ok()) return failure_.ok();
  due_ns_ = next_tick_ns(now_ns, kLossLookNs);
  const std::string what = find_loss();
  if (what.empty()) {
    if (std::exchange(told_, false)) log_.info(domain_.path() + " is whole again");
  } else {
    begin(what, now_ns);
    if (!failure_.ok() || !remake(now_ns)) return false;
  }
  if (!domain_.healthy()) return true;
  if (const Status kept = domain_.keep_origin_id(); !kept.ok()) log_.debug(kept.message());
  return true;
}

bool LossWatch::sleep_until(int64_t until_ns, int stop_fd, int wake_fd) {
  for (;;) {
    const int64_t slice = std::min(until_ns, due_ns_);
    if (cmd::sleep_until(slice, stop_fd, wake_fd)) return true;
    const int64_t now = boottime_ns();
    const bool woken = now < slice;
    if (!look(now)) return true;
    if (woken || now >= until_ns) return false;
  }
}

}  // namespace smt::cmd
