// The thread that renders the pages of a relay.
#include "cmd/metrics/page_renderer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/eventually.h"

namespace smt::cmd {
namespace {

bool can_be_read(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, timeout_ms) == 1;
}

PageRenderer::Render named(const std::string& name) {
  return [name] {
    MetricsPages pages;
    pages.local.unready = name;
    return pages;
  };
}

TEST(PageRendererTest, RendersInAThreadOfItsOwnAndWakesTheLoop) {
  std::atomic<bool> elsewhere = false;
  const std::thread::id here = std::this_thread::get_id();
  PageRenderer renderer;
  EXPECT_EQ(renderer.pages(), nullptr);
  renderer.submit([&] {
    elsewhere = std::this_thread::get_id() != here;
    return named("first")();
  });
  EXPECT_TRUE(can_be_read(renderer.fd(), 20'000));
  ASSERT_TRUE(eventually([&] { return !renderer.is_busy(); }));
  EXPECT_EQ(renderer.pages()->local.unready, "first");
  EXPECT_TRUE(elsewhere);
  renderer.clear();
  EXPECT_FALSE(can_be_read(renderer.fd(), 0)) << "nothing has come since";
  renderer.submit(named("second"));
  ASSERT_TRUE(eventually([&] { return renderer.pages()->local.unready == "second"; }));
}

TEST(PageRendererTest, PagesThatSomebodyHoldsStayAsTheyWere) {
  PageRenderer renderer;
  renderer.submit(named("old"));
  ASSERT_TRUE(eventually([&] { return renderer.pages() != nullptr && !renderer.is_busy(); }));
  const std::shared_ptr<const MetricsPages> old = renderer.pages();
  renderer.submit(named("new"));
  ASSERT_TRUE(eventually([&] { return renderer.pages() != old; }));
  EXPECT_EQ(old->local.unready, "old");
}

TEST(PageRendererTest, EndsWhileItRendersAndWhileItDoesNot) {
  for (const bool busy : {false, true}) {
    PageRenderer renderer;
    if (busy) renderer.submit(named("last"));
  }
}

}  // namespace
}  // namespace smt::cmd
