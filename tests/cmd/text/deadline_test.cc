// Sleeping until a deadline or a descriptor.
#include "cmd/text/deadline.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "shm/clock.h"
#include "shm/fd.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

TEST(Deadline, IsNeverWithoutADurationAndBeyondTheClock) {
  EXPECT_EQ(deadline_after({}), kNever);
  EXPECT_EQ(deadline_after(kNever), kNever);
  EXPECT_GE(deadline_after(kMs), boottime_ns());
}

TEST(Deadline, TellsWhetherItIsToStop) {
  const Fd quiet(eventfd(0, EFD_CLOEXEC)), ready(eventfd(1, EFD_CLOEXEC));
  EXPECT_FALSE(sleep_until(boottime_ns() + kMs, quiet.get())) << "the deadline";
  EXPECT_FALSE(sleep_until(kNever, quiet.get(), ready.get())) << "what wakes";
  EXPECT_TRUE(sleep_until(kNever, ready.get(), quiet.get())) << "what stops";
  EXPECT_TRUE(sleep_until(kNever, ready.get(), ready.get())) << "what stops goes before what wakes";
  EXPECT_FALSE(sleep_until(0, -1)) << "no descriptor";
  EXPECT_FALSE(is_stopped(quiet.get()));
  EXPECT_TRUE(is_stopped(ready.get()));
}

}  // namespace
}  // namespace smt::cmd
