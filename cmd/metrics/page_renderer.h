// Renders pages in a thread of its own, so that the loop of a relay does not wait for it.
#ifndef SMT_CMD_METRICS_PAGE_RENDERER_H_
#define SMT_CMD_METRICS_PAGE_RENDERER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "cmd/metrics/metrics_view.h"
#include "shm/fd.h"

namespace smt::cmd {

class PageRenderer {
 public:
  using Render = std::function<MetricsPages()>;

  // Starts the thread, in which no signal is handled. Throws std::system_error.
  PageRenderer();
  // Waits for the rendering that goes on.
  ~PageRenderer();

  // `render` is called in the thread. REQUIRES: not is_busy()
  void submit(Render render);
  // The pages of what was submitted are not there yet.
  bool is_busy() const;
  // The newest; null: none yet.
  std::shared_ptr<const MetricsPages> pages() const;
  // Can be read after new pages have come, until clear(), which is true where some have.
  int fd() const { return wake_.get(); }
  bool clear() const;

 private:
  void serve();

  const Fd wake_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  Render next_;  // empty: nothing is to be rendered
  std::shared_ptr<const MetricsPages> pages_;
  bool busy_ = false, ends_ = false;
  std::thread thread_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_PAGE_RENDERER_H_
