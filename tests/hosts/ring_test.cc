// Three domains, each mirrored into both others, both ways round: each sample arrives once everywhere, at the
// rate of its source, and nothing grows.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>

#include "shm/clock.h"
#include "tests/hosts/hosts.h"
#include "tests/hosts/timed_topics.h"
#include "tests/tools/relay_domains.h"

namespace smt::hosts {
namespace {

constexpr std::array kDomains = {"a", "b", "c"};
constexpr int64_t kPeriodNs = 20'000'000;

class RelayRing : public tools::RelayTest {
 protected:
  Domain in(const char* domain) const { return storm::must(Domain::open({.root = root_, .domain = domain})); }
  // Samples that the relay of this domain has sent.
  uint64_t sent_by(const char* domain) const {
    return counter(domain, fmt::format("smt/relay/{}/pub/outbound", domain), "samples");
  }
};

TEST_F(RelayRing, EachSampleArrivesOnceEverywhereAndNothingGrows) {
  std::vector<TimedTopic> topics;
  for (const char* d : kDomains) {
    topics.push_back({.name = std::string("of/") + d, .bytes = 56, .period_ns = kPeriodNs, .history = 64});
  }
  std::vector<std::unique_ptr<TimedSource>> sources;
  std::vector<Relay> relays;
  std::vector<std::string> endpoints;
  for (size_t i = 0; i < 3; ++i) {
    sources.push_back(std::make_unique<TimedSource>(in(kDomains[i]), std::vector{topics[i]}));
    relays.push_back(start(
        {"smtrelay_pub", "--domain", kDomains[i], "--name", kDomains[i], "--bind", "tcp://127.0.0.1:*"}));
    endpoints.push_back(relays.back().endpoint());
  }
  for (size_t i = 0; i < 3; ++i) {
    relays.push_back(start({"smtrelay_sub", "--domain", kDomains[i], "--name", kDomains[i], "--connect",
                            endpoints[(i + 1) % 3], "--connect", endpoints[(i + 2) % 3]}));
  }
  std::vector<std::unique_ptr<Watch>> watches;
  for (const char* d : kDomains) watches.push_back(std::make_unique<Watch>(in(d), topics));
  for (const auto& watch : watches) {
    ASSERT_TRUE(await(milliseconds(20'000), [&] { return watch->all_have(50); }));
  }

  const auto seconds = static_cast<int64_t>(storm::scaled(4, 20));
  std::array<uint64_t, 3> published{}, sent{}, memory{};
  for (size_t i = 0; i < 3; ++i) {
    published[i] = sources[i]->published(0);
    sent[i] = sent_by(kDomains[i]);
    watches[i]->begin();
  }
  for (size_t i = 0; i < relays.size(); ++i)
    memory[i % 3] += tools::memory_bytes(relays[i].process->pid(), "RssAnon");
  storm::elapse(std::chrono::seconds(seconds));
  for (size_t i = 0; i < 3; ++i) {
    published[i] = sources[i]->published(0) - published[i];
    sent[i] = sent_by(kDomains[i]) - sent[i];
  }
  for (size_t at = 0; at < 3; ++at) {
    uint64_t after = 0;
    for (size_t i = at; i < relays.size(); i += 3)
      after += tools::memory_bytes(relays[i].process->pid(), "RssAnon");
    for (size_t of = 0; of < 3; ++of) {
      Arrivals a = watches[at]->of(of);
      print_figures("relay_ring: of {} at {}: {} of {} in {} s, twice or back {}, wrong {}, age {}",
                    kDomains[of], kDomains[at], a.count, published[of], seconds, a.back, a.wrong,
                    a.ages.text());
      EXPECT_NEAR(static_cast<double>(a.count), static_cast<double>(published[of]),
                  3 + static_cast<double>(published[of]) / 50);
      EXPECT_EQ(a.back + a.wrong, 0u);
      Reader reader = storm::must(Reader::open(in(kDomains[at]), topics[of].name));
      EXPECT_EQ(reader.writers().size(), 1u) << topics[of].name << " in " << kDomains[at];
    }
    print_figures("relay_ring: {} sent {} samples; its relays' RssAnon {} -> {} KiB; {}", kDomains[at],
                  sent[at], memory[at] >> 10, after >> 10, load());
    // Its own topic to two, and the others' to the third one each; counters are up to a second old.
    EXPECT_LE(sent[at], 4 * (published[at] + 1'200'000'000 / kPeriodNs));
    EXPECT_LE(after, memory[at] + (256 << 10));
  }
  print_row(Row{.id = "R13",
                .what = "three relays in a ring",
                .n = published[0] + published[1] + published[2],
                .violations = HasFailure()});
  // Each subscriber names the ring, in one line.
  for (Relay& relay : relays) relay.process->send(SIGTERM);
  for (size_t i = 0; i < relays.size(); ++i) {
    const std::string log = relays[i].process->wait().err;
    size_t lines = 0, named = 0;
    for (size_t at = 0; (at = log.find("warning: ", at)) != std::string::npos; ++at) ++lines;
    for (size_t at = 0; (at = log.find("relays stand in a ring", at)) != std::string::npos; ++at) ++named;
    EXPECT_EQ(named, i < 3 ? 0u : 1u) << log;
    EXPECT_EQ(lines, named) << log;
  }
}

}  // namespace
}  // namespace smt::hosts
