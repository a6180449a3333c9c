// Notices when something removes the shared memory that a loop works with (RemoveIPC of logind, a cleaner),
// says it once, and makes it again or ends the loop.
#ifndef SMT_CMD_TEXT_LOSS_WATCH_H_
#define SMT_CMD_TEXT_LOSS_WATCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cmd/text/log_sink.h"
#include "cmd/text/words.h"
#include "shm/domain.h"
#include "shm/node.h"
#include "shm/status.h"

namespace smt::cmd {

enum class OnLost { kRemake, kExit };

inline constexpr NamedValue<OnLost> kOnLost[] = {{"remake", OnLost::kRemake}, {"exit", OnLost::kExit}};
inline constexpr std::string_view kOnLostChoice = "remake|exit";
inline constexpr std::string_view kOnLostHelp =
    "When the shared memory is removed while this runs: remake it, or exit with 1";

// One for a loop. Readers need no part here: they open again by themselves what others have made again.
class LossWatch {
 public:
  // A part is something that this process has in the domain, with the calls that Node::healthy and
  // Node::remake are for a node.
  struct Part {
    std::function<bool()> healthy;
    std::function<Status()> remake;
  };

  LossWatch(const Domain& domain, const LogSink& log, OnLost on_lost = OnLost::kRemake)
      : domain_(domain), log_(log), on_lost_(on_lost), losses_(domain.losses()) {}

  void add(Part part) { parts_.push_back(std::move(part)); }
  // `node` outlives this object.
  void add(Node* node) {
    add({[node] { return node->healthy(); }, [node] { return node->remake(); }});
  }

  // Looks where that is due, twice a second. False: the loop must end with exit code 1; failure() says
  // why.
  bool look(int64_t now_ns);
  // BOOTTIME at which look() has something to do.
  int64_t due_ns() const { return due_ns_; }
  const Status& failure() const { return failure_; }
  // It sleeps as cmd::sleep_until does and looks meanwhile. It returns true also where look() returns false.
  bool sleep_until(int64_t until_ns, int stop_fd, int wake_fd = -1);

 private:
  std::string find_loss();
  void begin(const std::string& what, int64_t now_ns);
  bool remake(int64_t now_ns);

  Domain domain_;
  LogSink log_;
  OnLost on_lost_;
  std::vector<Part> parts_;
  uint64_t losses_;         // of the domain, as of the last look
  bool told_ = false;       // what is lost now
  int64_t give_up_ns_ = 0;  // of what may become possible by itself
  int64_t due_ns_ = 0;
  Status failure_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_LOSS_WATCH_H_
