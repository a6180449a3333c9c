// What waits to be sent to one peer: the queues of its topics, and the pieces of a large value.
#include "relay/outbound/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace smt::relay {
namespace {

constexpr size_t kUsual = 2;

SendQueues queues_of(size_t rules, uint64_t bytes_per_s = 0) {
  std::vector<SendRule> of(rules);
  for (SendRule& rule : of) rule.bytes_per_s = bytes_per_s;
  SendQueues queues;
  queues.rebuild(of);
  queues.begin();
  for (size_t rule = 0; rule < std::max<size_t>(1, rules); ++rule) {
    for (size_t priority = 0; priority < kPriorities; ++priority) queues.use(queues.index(rule, priority));
  }
  return queues;
}

std::vector<size_t> open_queues(const SendQueues& queues, size_t priority, int64_t now_ns) {
  std::vector<size_t> out;
  queues.for_each_open(priority, now_ns, [&](size_t queue) {
    out.push_back(queue);
    return true;
  });
  return out;
}

TEST(SendQueues, StandByPriorityTheGreatestFirst) {
  const SendQueues queues = queues_of(3);
  EXPECT_EQ(queues.index(0, kPriorities - 1), 0u);
  EXPECT_EQ(queues.index(2, kPriorities - 1), 2u);
  EXPECT_EQ(queues.index(1, 0), (kPriorities - 1) * 3 + 1);
}

TEST(SendQueues, WithoutRulesThereIsOneForEachPriority) {
  const SendQueues queues = queues_of(0);
  for (size_t p = 0; p < kPriorities; ++p) EXPECT_EQ(open_queues(queues, p, 0).size(), 1u);
}

TEST(SendQueues, AreLookedAtOnceATopicHasThem) {
  SendQueues queues;
  queues.rebuild(std::vector<SendRule>(3));
  queues.begin();
  const size_t usual = queues.index(1, kUsual), urgent = queues.index(2, kPriorities - 1);
  EXPECT_TRUE(open_queues(queues, kUsual, 0).empty());
  queues.use(usual);
  queues.use(urgent);
  queues.use(usual);
  EXPECT_EQ(open_queues(queues, kUsual, 0), std::vector<size_t>{usual});
  EXPECT_EQ(open_queues(queues, kPriorities - 1, 0), std::vector<size_t>{urgent});
  EXPECT_TRUE(open_queues(queues, 0, 0).empty());
  for (const size_t queue : {usual, urgent}) {
    EXPECT_TRUE(queues.is_empty());
    queues[queue].unknown.set(7);
    EXPECT_FALSE(queues.is_empty());
    queues[queue].unknown.clear(7);
  }
  queues.rebuild(std::vector<SendRule>(3));
  queues.begin();
  EXPECT_TRUE(open_queues(queues, kUsual, 0).empty());
}

TEST(SendQueues, EachRuleIsAskedFirstInItsTurn) {
  SendQueues queues = queues_of(2);
  const size_t first = queues.index(0, kUsual), second = queues.index(1, kUsual);
  EXPECT_EQ(open_queues(queues, kUsual, 0), (std::vector<size_t>{first, second}));
  queues.next_turn();
  EXPECT_EQ(open_queues(queues, kUsual, 0), (std::vector<size_t>{second, first}));
  queues.next_turn();
  EXPECT_EQ(open_queues(queues, kUsual, 0), (std::vector<size_t>{first, second}));
}

TEST(SendQueues, ACapClosesTheQueuesOfItsRule) {
  SendQueues queues = queues_of(2, 1000);
  const size_t capped = queues.index(0, kUsual), other = queues.index(1, kUsual);
  queues.cap(capped).on_sent(1000, 0);  // for a second
  EXPECT_EQ(open_queues(queues, kUsual, 500'000'000), std::vector<size_t>{other});
  EXPECT_EQ(open_queues(queues, 0, 500'000'000), std::vector<size_t>{queues.index(1, 0)});
  EXPECT_EQ(open_queues(queues, kUsual, 2'000'000'000), (std::vector<size_t>{capped, other}));

  EXPECT_FALSE(queues.has_unknown(kUsual, 500'000'000));
  queues[capped].unknown.set(1);
  EXPECT_FALSE(queues.has_unknown(kUsual, 500'000'000));
  EXPECT_TRUE(queues.has_unknown(kUsual, 2'000'000'000));
  queues[other].large.push_back(3);
  EXPECT_TRUE(queues.has_large(kUsual, 500'000'000));
  EXPECT_FALSE(queues.has_large(0, 500'000'000));
}

TEST(SendQueues, AreDueWhenTheCapOfOneThatIsNotEmptyOpens) {
  SendQueues queues = queues_of(2, 1000);
  const size_t capped = queues.index(0, kUsual);
  queues.cap(capped).on_sent(1000, 0);
  EXPECT_EQ(queues.due_ns(1, 0), INT64_MAX);
  queues[capped].dirty.set(7);
  EXPECT_EQ(queues.due_ns(1, 0), queues.cap(capped).open_ns());
  EXPECT_EQ(queues.due_ns(1, 5'000'000'000), 5'000'000'000);
  EXPECT_EQ(queues.due_ns(queues.cap(capped).open_ns(), 0), INT64_MAX) << "it was open then";
}

TEST(SendQueues, AreEmptyAfterARebuildAndTheTurnStays) {
  SendQueues queues = queues_of(2);
  queues[0].dirty.set(1);
  queues.next_turn();
  EXPECT_TRUE(queues.has_samples());
  queues.rebuild(std::vector<SendRule>(2));
  queues.begin();
  queues.use(queues.index(0, kUsual));
  queues.use(queues.index(1, kUsual));
  EXPECT_FALSE(queues.has_samples());
  EXPECT_EQ(open_queues(queues, kUsual, 0).front(), queues.index(1, kUsual));
}

TEST(LargeTransfer, ItsPiecesAreTheValue) {
  const std::string text = "a value that is too large for one frame";
  std::shared_ptr<std::byte[]> room = Frame::room(text.size());
  memcpy(room.get(), text.data(), text.size());
  const std::byte* const first = room.get();
  LargeTransfer transfer(5, {9, 1, 100, 100}, 0, Frame{std::move(room), {first, text.size()}}, 2);
  EXPECT_TRUE(transfer.is_of(5));
  EXPECT_FALSE(transfer.is_of(0));
  EXPECT_FALSE(transfer.has_begun());
  std::string sent;
  while (!transfer.is_complete()) {
    proto::Chunk chunk;
    transfer.describe(150, &chunk);
    EXPECT_EQ(chunk.offset(), sent.size());
    EXPECT_EQ(chunk.size(), text.size());
    EXPECT_EQ(chunk.sequence(), 9u);
    EXPECT_EQ(chunk.age_ns(), 50);
    const Frame piece = transfer.piece(16);
    ASSERT_LE(piece.bytes.size(), 16u);
    sent.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    transfer.on_piece_sent(piece.bytes.size());
    EXPECT_TRUE(transfer.has_begun());
  }
  EXPECT_EQ(sent, text);
}

TEST(LargeTransfer, NoneIsUnderWayToBeginWith) {
  const LargeTransfer transfer;
  EXPECT_FALSE(transfer.is_active());
  EXPECT_FALSE(transfer.is_of(0));
}

}  // namespace
}  // namespace smt::relay
