// Values that wait for their line of the audit: what is written when, what is refused, and what the record
// says of it in the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "relay/store/mem_store.h"
#include "relay/writes/writes.h"
#include "tests/relay/writes/fake_audit.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class WritesAuditTest : public testing::Test {
 protected:
  WritesAuditTest() {
    (void)access_.compile({});
    audit_.stalled = true;
    use(rule());
  }
  static WriteRule rule() {
    WriteRule rule;
    rule.topic = {"cmd/**"};
    rule.type = "f64";
    rule.dead_man_ns = 5 * kSecond;
    rule.lease_ns = 10 * kSecond;
    return rule;
  }
  void use(const WriteRule& rule) { ASSERT_TRUE(writes_.configure({rule}).ok()); }

  WriteRequest request(const std::string& who, proto::SetKind kind) {
    WriteRequest r;
    r.number = ++last_;
    r.kind = kind;
    r.topic = topic_;
    r.schema_hash = Schema::scalar(Type::kF64).hash();
    r.holder = std::hash<std::string>()(who) | 1;
    r.holder_name = who;
    r.peer = peer_;
    r.deadline_ns = now_ + kSecond;
    return r;
  }
  // The numbers of the requests.
  uint64_t set(const std::string& who, double value) {
    WriteRequest r = request(who, proto::SET_VALUE);
    r.value = std::as_bytes(std::span(&value, 1));
    return take(r);
  }
  uint64_t release(const std::string& who) { return take(request(who, proto::SET_RELEASE)); }
  uint64_t take(const WriteRequest& r) {
    writes_.take(r, now_);
    collect();
    return r.number;
  }
  // As a relay does when something is due.
  void run(int64_t ns) {
    const int64_t end = now_ + ns;
    for (; now_ < end; now_ += kMs) step();
    step();
  }
  void step() {
    if (writes_.due_ns() <= now_) writes_.update(now_);
    collect();
  }
  void collect() {
    for (const WriteAnswer& a : writes_.take_answers()) {
      EXPECT_EQ(answers_.count(a.number), 0u) << "answered twice";
      answers_[a.number] = a.answer;
      order_.push_back(a.number);
    }
  }
  // "waits", or the outcome and its text.
  std::string answer(uint64_t number) const {
    const auto it = answers_.find(number);
    if (it == answers_.end()) return "waits";
    return proto::SetOutcome_Name(it->second.outcome()) + " " + it->second.text();
  }
  std::string value(const std::string& topic = "cmd/x") const {
    const std::optional<uint32_t> id = store_.find(topic);
    if (!id || store_.head(*id).sequence == 0) return "none";
    double number = 0;
    memcpy(&number, store_.value(*id).data(), sizeof number);
    char text[32];
    snprintf(text, sizeof text, "%g", number);
    return text;
  }

  int64_t now_ = 1000 * kSecond;
  MemStore store_;
  Access access_;
  FakeAudit audit_;
  WriteCounters counters_;
  Writes writes_{&store_, &access_, "set-robot", Id128{1}, &audit_, &counters_};
  std::string topic_ = "cmd/x", peer_ = "gate";
  uint64_t last_ = 0;
  std::map<uint64_t, proto::SetAnswer> answers_;
  std::vector<uint64_t> order_;
};

TEST_F(WritesAuditTest, AValueIsWrittenAndAnsweredOnceItsLineIs) {
  const uint64_t one = set("anna", 1);
  run(900 * kMs);
  EXPECT_EQ(answer(one), "waits");
  EXPECT_EQ(value(), "none");
  EXPECT_THAT(audit_.reports, IsEmpty());
  audit_.go_on();
  step();
  EXPECT_EQ(answer(one), "SET_DONE ");
  EXPECT_EQ(answers_[one].sequence(), 1u);
  EXPECT_EQ(value(), "1");
  EXPECT_EQ(store_.head(*store_.find("cmd/x")).born_ns, now_ - 900 * kMs) << "its age counts the waiting";
  EXPECT_THAT(audit_.record(), ElementsAre("lease anna by gate: cmd/x: for 10 s", "set anna by gate: cmd/x"));
  EXPECT_EQ(counters_.written, 1u);
  EXPECT_EQ(counters_.leases, 1u);
  EXPECT_EQ(audit_.open_tickets(), 0u);
}

TEST_F(WritesAuditTest, AnAuditThatDoesNotWaitAnswersAtOnce) {
  audit_.stalled = false;
  EXPECT_EQ(answer(set("anna", 1)), "SET_DONE ");
  EXPECT_EQ(value(), "1");
  EXPECT_EQ(writes_.due_ns(), now_ + 5 * kSecond);
}

TEST_F(WritesAuditTest, AfterASecondTheValueIsRefusedAndTheRecordDoesNotClaimIt) {
  const uint64_t one = set("anna", 1);
  run(999 * kMs);
  EXPECT_EQ(answer(one), "waits");
  run(kMs);
  EXPECT_EQ(answer(one), "SET_NO_AUDIT topic cmd/x: the audit was not written within 1 s, so nothing is");
  EXPECT_EQ(counters_.refused_no_audit, 1u);
  EXPECT_EQ(counters_.leases, 0u);
  audit_.go_on();
  run(kSecond);
  EXPECT_EQ(value(), "none");
  EXPECT_THAT(audit_.record(), ElementsAre("refused anna by gate: cmd/x: topic cmd/x: the audit was not "
                                           "written within 1 s, so nothing is"));
  EXPECT_EQ(answer(set("bert", 2)), "SET_DONE ") << "nobody has taken the lease";
}

TEST_F(WritesAuditTest, ALineThatCannotBeTakenBackIsFollowedByOneThatDoes) {
  audit_.being_written = 1;
  const uint64_t one = set("anna", 1);
  run(kSecond);
  EXPECT_THAT(answer(one), HasSubstr("SET_NO_AUDIT topic cmd/x: the audit was not written within 1 s"));
  EXPECT_EQ(value(), "none");
  EXPECT_THAT(audit_.record(),
              ElementsAre("lease anna by gate: cmd/x: for 10 s", "set anna by gate: cmd/x",
                          "refused! anna by gate: cmd/x: topic cmd/x: the audit was not written within 1 s, "
                          "so nothing is; a line before this may say that it was set: it was not"));
}

TEST_F(WritesAuditTest, WhatFailsWhileItWaitsIsRefused) {
  const uint64_t one = set("anna", 1), two = set("anna", 2);
  audit_.go_on(LineFate::kFailed);
  step();
  EXPECT_EQ(answer(one), "SET_NO_AUDIT topic cmd/x: the audit cannot be written, so nothing is");
  EXPECT_THAT(answer(two), HasSubstr("SET_NO_AUDIT topic cmd/x: the lease was not taken"));
  EXPECT_EQ(value(), "none");
  EXPECT_EQ(audit_.open_tickets(), 0u);
}

TEST_F(WritesAuditTest, ValuesAreWrittenInTheOrderOfTheirArrival) {
  const uint64_t one = set("anna", 1), two = set("anna", 2);
  topic_ = "cmd/y";
  const uint64_t other = set("bert", 3);
  topic_ = "cmd/x";
  const uint64_t let_go = release("anna");
  audit_.write_one();
  step();
  EXPECT_EQ(value(), "1");
  EXPECT_EQ(answer(two), "waits");
  EXPECT_EQ(answer(let_go), "waits") << "it comes after the values before it";
  audit_.go_on();
  step();
  EXPECT_THAT(order_, ElementsAre(one, two, other, let_go));
  EXPECT_EQ(value(), "2");
  EXPECT_EQ(value("cmd/y"), "3");
  EXPECT_EQ(counters_.leases, 2u);
  EXPECT_EQ(counters_.released, 1u);
  EXPECT_EQ(answer(set("bert", 4)), "SET_DONE ") << "the lease is free";
}

TEST_F(WritesAuditTest, WhoWaitsHasTheLease) {
  const uint64_t one = set("anna", 1);
  EXPECT_EQ(answer(set("bert", 2)), "SET_HELD topic cmd/x: held by anna (by gate) for another 10 s");
  EXPECT_THAT(answer(release("bert")), HasSubstr("SET_HELD"));
  EXPECT_EQ(answer(one), "waits");
}

TEST_F(WritesAuditTest, AValueThatWaitsDoesNotPutTheDeadManOff) {
  audit_.stalled = false;
  set("anna", 5);
  const int64_t begin = now_;
  audit_.stalled = true;
  std::string last;
  while (value() == "5" && now_ < begin + 6 * kSecond) {
    const uint64_t number = set("anna", 6);
    run(50 * kMs);
    last = answer(number);
  }
  EXPECT_EQ(now_ - begin, 5 * kSecond);
  EXPECT_EQ(value(), "0");
  EXPECT_EQ(counters_.fail_safe, 1u);
  EXPECT_EQ(last,
            "SET_NO_AUDIT topic cmd/x: its dead man's time is over, and the audit was not written until "
            "then, so nothing is");
  EXPECT_THAT(audit_.record().back(),
              HasSubstr("expired anna by gate: cmd/x: silent for 5 s: zero is written"));
  audit_.go_on();
  run(kSecond);
  EXPECT_EQ(value(), "0") << "what was refused comes no more";
}

TEST_F(WritesAuditTest, AValueWaitsNoLongerThanItsDeadMansTimeAndItsLease) {
  WriteRule quick = rule();
  quick.dead_man_ns = 300 * kMs;
  use(quick);
  const uint64_t one = set("anna", 1);
  run(300 * kMs);
  EXPECT_THAT(answer(one), HasSubstr("was not written within 300 ms"));
  quick.lease_ns = 200 * kMs;
  use(quick);
  const uint64_t two = set("anna", 1);
  run(200 * kMs);
  EXPECT_THAT(answer(two), HasSubstr("was not written within 200 ms"));
  EXPECT_EQ(counters_.expired, 0u) << "the lease was never taken";
  EXPECT_EQ(counters_.fail_safe, 0u);
}

TEST_F(WritesAuditTest, OtherRulesAndTheEndRefuseWhatWaits) {
  audit_.stalled = false;
  set("anna", 5);
  audit_.stalled = true;
  const uint64_t one = set("anna", 6);
  ASSERT_TRUE(writes_.configure({}).ok());
  step();
  EXPECT_THAT(answer(one), HasSubstr("SET_NO_AUDIT topic cmd/x: the rules are other ones"));
  EXPECT_EQ(value(), "0");
  use(rule());
  topic_ = "cmd/y";
  const uint64_t two = set("anna", 7);
  writes_.end(now_);
  collect();
  EXPECT_THAT(answer(two), HasSubstr("SET_NO_AUDIT topic cmd/y: the relay ends"));
  EXPECT_EQ(value("cmd/y"), "none");
  EXPECT_EQ(counters_.withdrawn, 1u);
  EXPECT_EQ(writes_.due_ns(), INT64_MAX);
}

TEST_F(WritesAuditTest, TooManyThatWaitAreRefusedAndCounted) {
  int waiting = 0;
  for (const char* peer : {"one", "two", "three"}) {
    peer_ = peer;
    for (int i = 0; i < 60; ++i) {
      topic_ = "cmd/" + peer_ + "/" + std::to_string(i);
      const uint64_t number = set("anna", i);
      if (answer(number) == "waits") {
        ++waiting;
      } else {
        EXPECT_EQ(answer(number), "SET_NO_AUDIT topic " + topic_ +
                                      ": too many values wait for the audit, so nothing is written");
      }
    }
    EXPECT_EQ(waiting, peer_ == "one" ? 48 : peer_ == "two" ? 96 : 128);
  }
  EXPECT_EQ(counters_.refused_no_audit, 180u - 128u);
  audit_.go_on();
  step();
  EXPECT_EQ(counters_.written, 128u);
  EXPECT_EQ(answer(set("anna", 1)), "SET_DONE ");
}

TEST_F(WritesAuditTest, APaceCountsValuesThatWait) {
  WriteRule slow = rule();
  slow.period_ns = 100 * kMs;
  use(slow);
  set("anna", 1);
  set("anna", 2);
  EXPECT_THAT(answer(set("anna", 3)), HasSubstr("SET_RATE"));
}

TEST_F(WritesAuditTest, RefusalsWaitForNoLine) {
  EXPECT_THAT(answer(release("bert")), HasSubstr("there was no lease"));
  topic_ = "arm/pose";
  EXPECT_THAT(answer(set("anna", 1)), HasSubstr("SET_NO_RULE"));
  EXPECT_THAT(audit_.record(), ElementsAre(HasSubstr("refused anna by gate: arm/pose")));
}

}  // namespace
}  // namespace smt::relay
