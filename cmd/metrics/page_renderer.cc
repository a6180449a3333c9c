#include "cmd/metrics/page_renderer.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "cmd/text/signals_blocked.h"

namespace smt::cmd {

PageRenderer::PageRenderer() : wake_(above_standard(Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))) {
  if (!wake_.ok()) throw std::system_error(errno, std::generic_category(), "eventfd");
  const AllSignalsBlocked blocked;
  thread_ = std::thread([this] { serve(); });
}

PageRenderer::~PageRenderer() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void PageRenderer::submit(Render render) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(render);
    busy_ = true;
  }
  changed_.notify_one();
}

bool PageRenderer::is_busy() const {
  const std::lock_guard lock(mutex_);
  return busy_;
}

std::shared_ptr<const MetricsPages> PageRenderer::pages() const {
  const std::lock_guard lock(mutex_);
  return pages_;
}

bool PageRenderer::clear() const {
  eventfd_t count = 0;
  return eventfd_read(wake_.get(), &count) == 0;
}

void PageRenderer::serve() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ends_ || next_ != nullptr; });
    if (ends_) return;
    const Render render = std::exchange(next_, nullptr);
    lock.unlock();
    auto pages = std::make_shared<const MetricsPages>(render());
    lock.lock();
    pages_ = std::move(pages);
    busy_ = false;
    lock.unlock();
    (void)eventfd_write(wake_.get(), 1);
  }
}

}  // namespace smt::cmd
