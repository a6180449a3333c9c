// What a relay tells of itself, from snapshots that the test makes.
#include "cmd/metrics/metrics_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "cmd/metrics/counter_rows.h"
#include "cmd/metrics/readiness.h"
#include "tests/paths.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MetricsNames names_of(const std::vector<std::string>& ready, const std::vector<std::string>& open) {
  return {*relay::PatternSet::parse(ready), *relay::PatternSet::parse(open), !open.empty()};
}

// Each counter has another value: 1001, 1002, ...
template <class Counters>
void number(Counters* counters, uint64_t* next) {
  for (size_t i = 0; i < sizeof *counters / sizeof(uint64_t); ++i) {
    const uint64_t value = ++*next;
    memcpy(reinterpret_cast<std::byte*>(counters) + i * sizeof value, &value, sizeof value);
  }
}

RelaySnapshot snapshot() {
  RelaySnapshot s;
  s.version = "1.2.3";
  s.name = "base";
  s.role = "sub";
  s.started_ns = 1'000 * kMs;
  s.taken_ns = 61'500 * kMs;
  uint64_t next = 1000;
  number(&s.counters.outbound, &next);
  number(&s.counters.inbound, &next);
  number(&s.counters.session, &next);
  number(&s.counters.write, &next);
  number(&s.http, &next);
  s.peers = {{"robot", "tcp://10.0.0.7:7400", true, 4'200'000}};
  s.dialed.resize(1);
  s.dialed[0].endpoint = "tcp://10.0.0.7:7400";
  s.dialed[0].stands = relay::DialedEndpoint::Stands::kFine;
  s.dialed[0].peer = "robot";
  s.topics = {{"arm/pose", State::kFresh, 1'500'000, 77},
              {"arm/temperature", State::kStale, 2'000 * kMs, 5},
              {"camera", State::kEmpty, std::nullopt, 0}};
  return s;
}

TEST(CounterRowsTest, EachCounterIsToldOnceUnderANameOfItsOwn) {
  const RelaySnapshot s = snapshot();
  std::set<uint64_t> values;
  std::set<std::string> named;
  for (const CounterRow& row : counter_rows()) {
    EXPECT_TRUE(values.insert(row.get(s)).second) << row.group << "." << row.word << " is there twice";
    const std::string name = row.metric() + "{" + std::string(row.reason()) + "}";
    EXPECT_TRUE(named.insert(name).second) << name << " is there twice";
  }
  const size_t counters = (sizeof s.counters + sizeof s.http) / sizeof(uint64_t);
  EXPECT_EQ(values.size(), counters) << "a counter is left out";
  EXPECT_EQ(*values.begin(), 1001u);
  EXPECT_EQ(*values.rbegin(), 1000 + counters);
}

TEST(CounterRowsTest, TheFirstRowOfEachMetricHasItsHelp) {
  std::set<std::string> metrics;
  std::string last;
  for (const CounterRow& row : counter_rows()) {
    const std::string metric = row.metric();
    if (metric != last) {
      EXPECT_TRUE(metrics.insert(metric).second) << metric << " stands in two places";
      EXPECT_NE(row.help, "") << metric;
    }
    last = metric;
  }
}

TEST(MetricsPagesTest, MetricsHaveTypeHelpAndUnits) {
  const std::string text = *render_pages(snapshot(), names_of({}, {})).local.metrics;
  EXPECT_THAT(text, HasSubstr("# TYPE smtrelay_inbound_samples_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# HELP smtrelay_inbound_samples_total Samples that arrived\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_inbound_drops_total{reason=\"conflict\"} "));
  EXPECT_THAT(text, HasSubstr("smtrelay_uptime_seconds 60.5\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_topics{state=\"stale\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_topic_age_seconds{topic=\"arm/pose\"} 0.0015\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_topic_fresh{topic=\"arm/temperature\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_peer_round_trip_seconds{peer=\"robot\""));
}

TEST(MetricsPagesTest, BeyondTheMachineThereAreNumbersWithoutNames) {
  const MetricsPages pages = render_pages(snapshot(), names_of({"arm/**"}, {}));
  EXPECT_THAT(*pages.open.metrics, HasSubstr("smtrelay_topics{state=\"stale\"} 1\n"));
  for (const char* name : {"arm/pose", "robot", "10.0.0.7", "base", "camera"})
    EXPECT_THAT(*pages.open.metrics, Not(HasSubstr(name)));
  EXPECT_EQ(pages.open.status, nullptr);
  EXPECT_EQ(pages.local.unready, "topic arm/temperature is stale");
  EXPECT_EQ(pages.open.unready, "a topic is not fresh");
}

TEST(MetricsPagesTest, MetricsNamesSaysWhichNamesMayLeaveTheMachine) {
  const MetricsPages pages = render_pages(snapshot(), names_of({}, {"arm/*"}));
  EXPECT_THAT(*pages.open.metrics, HasSubstr("{topic=\"arm/pose\"}"));
  EXPECT_THAT(*pages.open.metrics, Not(HasSubstr("camera")));
  ASSERT_NE(pages.open.status, nullptr);
  EXPECT_THAT(*pages.open.status, HasSubstr("arm/pose"));
  EXPECT_THAT(*pages.open.status, Not(HasSubstr("camera")));
}

TEST(MetricsPagesTest, OfManyTopicsTwoHundredAreNamedAndThoseThatMatterFirst) {
  RelaySnapshot s = snapshot();
  s.topics.clear();
  for (int i = 0; i < 10'000; ++i)
    s.topics.push_back({"t/" + std::to_string(100'000 + i), State::kFresh, kMs, 1});
  s.topics.push_back({"z/important", State::kFresh, kMs, 1});
  const std::string text = *render_pages(s, names_of({"z/*"}, {})).local.metrics;
  size_t labels = 0;
  for (size_t at = text.find("smtrelay_topic_fresh{"); at != text.npos;
       at = text.find("smtrelay_topic_fresh{", at + 1))
    ++labels;
  EXPECT_EQ(labels, kMaxTopicLabels);
  EXPECT_THAT(text, HasSubstr("{topic=\"z/important\"}"));
  EXPECT_THAT(text, HasSubstr("smtrelay_topics{state=\"fresh\"} 10001\n"));
  EXPECT_THAT(text, HasSubstr("smtrelay_topics_named 200\n"));
}

// Names are of others: they end neither a label nor a line, and JSON stays JSON.
TEST(MetricsPagesTest, NamesWithQuotesAndOtherSignsStayInTheirPlace) {
  RelaySnapshot s = snapshot();
  s.topics = {{"a\"b\\c\nd", State::kFresh, kMs, 1},
              {"gr\xc3\xbc\xc3\x9f", State::kFresh, kMs, 1},
              {"bad\xff\xfe", State::kFresh, kMs, 1}};
  s.peers[0].name = "x\"} 1\nsmtrelay_ready 1\n#";
  const MetricsPages pages = render_pages(s, names_of({}, {}));
  EXPECT_THAT(*pages.local.metrics, HasSubstr("smtrelay_topic_fresh{topic=\"a\\\"b\\\\c?d\"} 1\n"));
  EXPECT_THAT(*pages.local.metrics, HasSubstr("{topic=\"gr\xc3\xbc\xc3\x9f\"}"));
  EXPECT_THAT(*pages.local.metrics, HasSubstr("{topic=\"bad??\"}"));
  EXPECT_THAT(*pages.local.metrics, HasSubstr("peer=\"x\\\"} 1?smtrelay_ready 1?#\""));
  EXPECT_EQ(nlohmann::json::parse(*pages.local.status)["named_topics"].size(), 3u);
}

// Programs of others read it. After a change that is meant: SMT_RENEW=1 ctest -R metrics_pages_test
TEST(StatusTest, IsAsItWasBefore) {
  const std::string path = source_path("tests/vectors/status.json");
  const std::string now = *render_pages(snapshot(), names_of({"arm/pose"}, {})).local.status;
  if (getenv("SMT_RENEW") != nullptr) std::ofstream(path) << now;
  std::ifstream file(path);
  EXPECT_EQ(now, std::string(std::istreambuf_iterator<char>(file), {}));
}

TEST(ReadinessTest, IsForPeersThatAreThereAndTopicsThatAreFresh) {
  RelaySnapshot s = snapshot();
  const auto why = [&](const std::vector<std::string>& ready) {
    return find_unready(s, *relay::PatternSet::parse(ready)).named;
  };
  EXPECT_EQ(why({}), "");
  EXPECT_EQ(why({"arm/pose"}), "");
  EXPECT_EQ(why({"arm/*"}), "topic arm/temperature is stale");
  EXPECT_EQ(why({"arm/pose", "camera"}), "topic camera is empty");
  EXPECT_EQ(why({"arm/pose", "leg/*"}), "there is no topic leg/*");
  s.dialed[0].stands = relay::DialedEndpoint::Stands::kElsewhere;
  EXPECT_EQ(why({}), "") << "the peer is there at another of its addresses";
  s.dialed[0].stands = relay::DialedEndpoint::Stands::kSilent;
  EXPECT_EQ(why({}), "no peer is at tcp://10.0.0.7:7400");
}

}  // namespace
}  // namespace smt::cmd
