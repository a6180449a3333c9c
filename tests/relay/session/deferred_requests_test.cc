#include "relay/session/deferred_requests.h"

#include <gtest/gtest.h>

#include <string>

namespace smt::relay {
namespace {

proto::Envelope make_get(uint64_t request, size_t bytes = 0) {
  proto::Envelope e;
  e.mutable_get()->set_request(request);
  if (bytes != 0) e.mutable_get()->add_selection()->add_topic(std::string(bytes, 'x'));
  return e;
}

TEST(DeferredRequestsTest, RequestsAreTakenInTheOrderInWhichTheyCame) {
  DeferredRequests deferred;
  for (const uint64_t request : {5, 3}) {
    proto::Envelope e = make_get(request);
    EXPECT_TRUE(deferred.add(&e));
  }
  EXPECT_EQ(deferred.take().get().request(), 5u);
  EXPECT_EQ(deferred.take().get().request(), 3u);
  EXPECT_TRUE(deferred.empty());
}

TEST(DeferredRequestsTest, APeerMayHaveSoManyWaiting) {
  DeferredRequests deferred;
  proto::Envelope e;
  for (size_t i = 0; i < DeferredRequests::kMaxRequests; ++i) {
    e = make_get(i + 1);
    ASSERT_TRUE(deferred.add(&e));
  }
  e = make_get(9999);
  EXPECT_FALSE(deferred.add(&e));
  deferred.take();
  EXPECT_TRUE(deferred.add(&e));
}

TEST(DeferredRequestsTest, APeerMayHaveSoManyBytesWaiting) {
  DeferredRequests deferred;
  proto::Envelope large = make_get(1, DeferredRequests::kMaxBytes - 100), small = make_get(2, 100);
  EXPECT_TRUE(deferred.add(&large));
  EXPECT_FALSE(deferred.add(&small));
  deferred.take();
  EXPECT_TRUE(deferred.add(&small));
}

}  // namespace
}  // namespace smt::relay
