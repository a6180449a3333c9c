#include "bench/relay/questions.h"

#include "bench/relay/contestants.h"

namespace smt::bench {
namespace {

constexpr size_t kMiB = 1 << 20;

// More than can be carried. Each is offered what it delivers most of: a busier writer takes the core that the
// naive senders need.
constexpr int64_t kNaivePerS = 5'000'000, kPackedPerS = 20'000'000, kPackedManyPerS = 40'000'000;

Load saturating(int topics, int64_t values_per_s) {
  return {.topics = topics, .period_ns = kSecond * topics / values_per_s, .saturating = true};
}

Question one_topic(const Contestants& all) {
  // 400 Hz in the mean, out of step with any poll.
  const Load load = {.period_ns = 2 * kMs, .jitter_ns = 1 * kMs};
  return {"a",
          "one topic of 32 B at 400 Hz",
          {kP50, kP99, kCpuPerUpdate},
          all.with_spinning(all.with_peers(all.by_hand(load), load), load),
          {{kSmtRelay, kRawTcp, kP50, 1.4},
           {kSmtRelay, kRawTcp, kP99, 1.4},
           {kSmtRelay, kBestNaive, kP50, 1},
           {kSmtRelay, kBestNaive, kP99, 1},
           {kSmtRelay, kBestNaive, kCpuPerUpdate, 1.1},
           {kSmtRelaySpins, kNaive, kP50, 1.0 / 15}}};
}

Question thousand_topics(const Contestants& all) {
  const Load load = {.topics = 1000, .period_ns = 1 * kMs};
  return {"b",
          "1,000 topics of 32 B, each changed every ms",
          {kP50, kP99, kShare, kCpuPerUpdate},
          all.with_smtrelay(all.by_hand(load), load),
          {{kSmtRelay, kBatch, kP50, 1},
           {kSmtRelay, kBatch, kP99, 1},
           {kSmtRelay, kBatch, kCpuPerUpdate, 1},
           {kSmtRelay, kBestMessageEach, kCpuPerUpdate, 1.0 / 6}}};
}

Question saturated_thousand(const Contestants& all) {
  const Load load = saturating(1000, kPackedPerS);
  return {"c",
          "saturated, 1000 topics of 32 B",
          {kRate, kP50, kP99, kCpuPerUpdate},
          all.with_peers(all.saturated(saturating(1000, kNaivePerS), load), load),
          {{kBare, kBestMessageEach, kRate, 4},
           {kBestNaive, kSmtRelay, kRate, 1},
           {kBestMessageEach, kSmtRelay, kRate, 1.0 / 6},
           {kRawTcp, kSmtRelay, kRate, 1 / 0.8},
           {kSmtRelay, kBatch, kP99, 1},
           {kTunnel, kSmtRelay, kRate, 1.0 / 200}}};
}

Question saturated_many(const Contestants& all) {
  const Load load = saturating(10'000, kPackedManyPerS);
  return {"c",
          "saturated, 10000 topics of 32 B",
          {kRate, kP50, kP99, kCpuPerUpdate},
          all.with_smtrelay(all.saturated(saturating(10'000, kNaivePerS), load), load),
          {{kBestNaive, kSmtRelay, kRate, 1.0 / 2},
           {kBestMessageEach, kSmtRelay, kRate, 1.0 / 10},
           {kSmtRelay, kBatch, kP99, 1}}};
}

Question large(const Contestants& all) {
  const Load load = {.bytes = kMiB, .period_ns = 1 * kMs};
  return {"d",
          "one topic of 1 MiB, at 1 kHz",
          {kRate, kP50, kP99, kCpuPerUpdate},
          all.with_peers(all.by_hand(load), load),
          {{kSmtRelay, kBatch, kP99, 1.5}}};
}

Question saturated_large(const Contestants& all) {
  const Load load = {.bytes = kMiB, .period_ns = 250 * kUs, .saturating = true};
  return {"d",
          "one topic of 1 MiB, at 4 kHz",
          {kRate, kP50, kP99, kCpuPerUpdate},
          all.with_peers(all.saturated(load, load), load),
          {{kRawTcp, kSmtRelay, kRate, 1 / 0.9},
           {kBare, kSmtRelay, kRate, 1 / 0.8},
           {kSmtRelay, kRawTcp, kCpuPerUpdate, 1.3},
           {kSmtRelay, kRawTcp, kP50, 2},
           {kSmtRelay, kRawTcp, kP99, 3}}};
}

Question idle(const Contestants& all) {
  const Load load = {.topics = 1000, .period_ns = 1 * kMs, .silent = true};
  return {"e",
          "1,000 silent topics",
          {kCpu},
          all.with_smtrelay(all.by_hand(load), load),
          {{kSmtRelay, nullptr, kCpu, 0.2}, {kSmtRelay, kNaive, kCpu, 0.1}}};
}

Question fan_out(const Contestants& all) {
  const Load load = {.topics = 100, .period_ns = 1 * kMs, .subscribers = 8};
  return {"f",
          "100 topics of 32 B at 1 kHz to 8 subscribers",
          {kP50, kP99, kShare, kSenderCpu},
          all.with_smtrelay(all.by_hand(load), load),
          {{kSmtRelay, kBatch, kP50, 1.1},
           {kSmtRelay, kBatch, kP99, 1.1},
           {kSmtRelay, kBatch, kSenderCpu, 1.15}}};
}

Question encrypted(const Contestants& all) {
  const Load load = {.topics = 1000, .period_ns = 10 * kMs};
  return {"g",
          "1,000 topics of 32 B at 100 Hz, encrypted",
          {kP50, kP99, kCpuPerUpdate},
          all.encrypted(load),
          {{kSmtRelayKeys, kBareCurve, kCpuPerUpdate, 1, kSmtRelay, kBare}}};
}

Question through_proxy(const Contestants& all, const Load& load, const std::string& title, double limit) {
  return {"h",
          title,
          {kP50, kP99, kCpuPerUpdate},
          all.through_proxy(load),
          {{kSmtRelayProxy, kBareProxy, kP50, limit, kSmtRelay, kBare}}};
}

Question scraped(const Contestants& all) {
  const Load load = {.topics = 10'000, .period_ns = 1 * kMs, .changed = 1};
  return {"i",
          "one of 10,000 topics at 1 kHz, each relay scraped ten times a second",
          {kP50, kP99, kCpu, kScrapes},
          all.scraped(load),
          {{kSmtRelayScraped, nullptr, kP99, 100, kSmtRelay},
           {kSmtRelaySlowClients, nullptr, kP99, 100, kSmtRelay}}};
}

}  // namespace

std::vector<Question> questions(const std::string& bin, const std::vector<Variant>& peers) {
  const Contestants all(bin, peers);
  return {one_topic(all),
          thousand_topics(all),
          saturated_thousand(all),
          saturated_many(all),
          large(all),
          saturated_large(all),
          idle(all),
          fan_out(all),
          encrypted(all),
          through_proxy(all, {.period_ns = 2 * kMs, .jitter_ns = 1 * kMs},
                        "one topic of 32 B at 400 Hz, through a proxy", 1.2),
          through_proxy(all, {.topics = 1000, .period_ns = 10 * kMs},
                        "1,000 topics of 32 B at 100 Hz, through a proxy", 1.5),
          scraped(all)};
}

}  // namespace smt::bench
