#include "bench/relay/questions.h"

namespace smt::bench {
namespace {

constexpr int64_t kUs = 1000, kMs = 1'000'000;
constexpr size_t kMiB = 1 << 20;

// More than can be carried. Each is offered what it delivers most of: a busier writer takes the core that the
// naive senders need.
constexpr int64_t kNaivePerS = 5'000'000, kPackedPerS = 20'000'000, kPackedManyPerS = 40'000'000;

Load saturating(int topics, int64_t values_per_s) {
  return {.topics = topics, .period_ns = int64_t{1'000'000'000} * topics / values_per_s};
}

class Builder {
 public:
  explicit Builder(const std::string& bin) : bin_(bin) {}

  Question one_topic() const {
    // 400 Hz in the mean, out of step with any poll.
    const Load load = {.period_ns = 2 * kMs, .jitter_ns = 1 * kMs};
    Question q = {"a", "one topic of 32 B at 400 Hz", {kP50, kP99, kCpuPerUpdate}, {}};
    q.contestants = {{naive_, load}, {futex_, load}, {batch_, load}, {raw_, load}, {bare_, load}};
    return with(q, load);
  }
  Question thousand_topics() const {
    const Load load = {.topics = 1000, .period_ns = 1 * kMs};
    Question q = {
        "b", "1,000 topics of 32 B, each changed every ms", {kP50, kP99, kShare, kCpuPerUpdate}, {}};
    q.contestants = {{naive_, load}, {hwm_, load}, {futex_, load}, {batch_, load}, {raw_, load}};
    return with(q, load);
  }
  Question saturated(int topics, int64_t packed_per_s) const {
    const Load slow = saturating(topics, kNaivePerS), load = saturating(topics, packed_per_s);
    Question q = {
        "c", fmt::format("saturated, {} topics of 32 B", topics), {kRate, kP50, kP99, kCpuPerUpdate}, {}};
    q.contestants = {{hwm_, slow}, {futex_, slow}, {batch_, load}, {raw_, load}};
    if (topics == 1000) q.contestants.push_back({bare_, Load{}, true});
    return with(q, load);
  }
  Question large(const std::string& how, int64_t period_ns) const {
    const Load load = {.bytes = kMiB, .period_ns = period_ns};
    const bool flooded = period_ns < 1 * kMs;
    Question q = {"d", "one topic of 1 MiB, " + how, {kRate, kP50, kP99, kCpuPerUpdate}, {}};
    q.contestants = {{naive_, load}, {futex_, load}, {batch_, load}, {raw_, load}};
    q.contestants.push_back({bare_, flooded ? Load{.bytes = kMiB} : load, flooded});
    return with(q, load);
  }
  Question idle() const {
    const Load load = {.topics = 1000, .period_ns = 1 * kMs, .silent = true};
    Question q = {"e", "1,000 silent topics", {kCpu}, {}};
    q.contestants = {{naive_, load}, {futex_, load}, {raw_, load}};
    return with(q, load);
  }
  Question fan_out() const {
    const Load load = {.topics = 100, .period_ns = 1 * kMs, .subscribers = kMaxSubscribers};
    Question q = {
        "f", "100 topics of 32 B at 1 kHz to 8 subscribers", {kP50, kP99, kShare, kSenderCpu}, {}};
    q.contestants = {{naive_, load}, {hwm_, load}, {futex_, load}, {batch_, load}, {raw_, load}};
    return with(q, load);
  }

 private:
  Question with(Question q, const Load& load) const {
    if (!bin_.empty()) q.contestants.push_back({smt_relay(kSmtRelay, bin_), load});
    return q;
  }

  const std::string bin_;
  const Variant naive_ = naive(kNaive, {});
  const Variant hwm_ = naive(kNaiveHwm, {.hwm = 100'000});
  const Variant futex_ = naive("naive, futex, HWM 100,000", {.futex = true, .hwm = 100'000});
  const Variant batch_ = batch("batch");
  const Variant raw_ = raw_tcp(kRawTcp);
  const Variant bare_ = bare_zmq(kBare);
};

}  // namespace

std::vector<Question> questions(const std::string& bin) {
  const Builder builder(bin);
  return {builder.one_topic(),
          builder.thousand_topics(),
          builder.saturated(1000, kPackedPerS),
          builder.saturated(10'000, kPackedManyPerS),
          builder.large("at 1 kHz", 1 * kMs),
          builder.large("at 4 kHz", 250 * kUs),
          builder.idle(),
          builder.fan_out()};
}

}  // namespace smt::bench
