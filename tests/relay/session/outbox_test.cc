#include "relay/session/outbox.h"

#include <gtest/gtest.h>

#include <vector>

namespace smt::relay {
namespace {

proto::Reply make_reply(uint64_t request) {
  proto::Reply r;
  r.set_request(request);
  return r;
}

TEST(OutboxTest, MessagesAreSentInOrderUntilTheLinkIsFull) {
  Outbox outbox;
  for (const uint64_t request : {3, 1, 2}) outbox.add(make_reply(request));
  std::vector<uint64_t> sent;
  const auto take_two = [&](const Outbox::Message& m) {
    proto::Reply r;
    if (sent.size() == 2 || !r.ParseFromString(m.body)) return false;
    sent.push_back(r.request());
    return true;
  };
  EXPECT_EQ(outbox.send(take_two), 2u);
  EXPECT_EQ(sent, (std::vector<uint64_t>{3, 1}));
  EXPECT_EQ(outbox.size(), 1u);
}

TEST(OutboxTest, AMessageKeepsItsKindAndItsPayload) {
  const std::byte value[] = {std::byte{7}};
  Frame payload;
  payload.bytes = value;
  Outbox outbox;
  outbox.add(proto::Set(), payload);
  EXPECT_EQ(outbox.send([&](const Outbox::Message& m) {
    EXPECT_EQ(m.field, static_cast<int>(proto::Envelope::kSetFieldNumber));
    EXPECT_EQ(m.payload.bytes.data(), value);
    return true;
  }),
            1u);
}

}  // namespace
}  // namespace smt::relay
