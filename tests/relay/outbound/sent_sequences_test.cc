#include "relay/outbound/sent_sequences.h"

#include <gtest/gtest.h>

namespace smt::relay {
namespace {

TEST(SentSequences, ATopicThatIsTakenIsNotThereAnyMore) {
  SentSequences sent;
  EXPECT_EQ(sent.at(130), 0u);
  EXPECT_EQ(sent.take(130), 0u);
  sent.put(130, 7);
  EXPECT_EQ(sent.at(130), 7u);
  EXPECT_EQ(sent.at(131), 0u);
  EXPECT_EQ(sent.page_at(0), nullptr) << "no topic of the first word is here";
  EXPECT_EQ(sent.take(130), 7u);
  EXPECT_EQ(sent.at(130), 0u);
}

TEST(SentSequences, APeerThatGoesOnLeavesTheOthersWhatTheyHave) {
  SentSequences a, b, c;
  a.put(3, 10);
  a.put(5, 20);
  b.put(3, 9);
  c.put(5, 1);
  for (SentSequences* other : {&b, &c}) other->share(0, a.page_at(0));
  EXPECT_TRUE(a.is_shared(0));
  a.own(0)[3] = 11;
  b.put(64 + 3, 1);
  EXPECT_EQ(c.take(5), 20u);
  EXPECT_EQ(a.at(3), 11u);
  EXPECT_EQ(a.at(5), 20u);
  EXPECT_EQ(b.at(3), 10u);
  EXPECT_EQ(b.at(5), 20u);
  EXPECT_EQ(c.at(3), 10u);
  EXPECT_EQ(c.at(5), 0u);
  for (const SentSequences* each : {&a, &b, &c}) EXPECT_FALSE(each->is_shared(0));
}

}  // namespace
}  // namespace smt::relay
