// A contestant is a relay that takes part in a question.
#ifndef SMT_BENCH_RELAY_CONTESTANTS_H_
#define SMT_BENCH_RELAY_CONTESTANTS_H_

#include <string>
#include <vector>

#include "bench/relay/questions.h"

namespace smt::bench {

class Contestants {
 public:
  Contestants(const std::string& bin, std::vector<Variant> peers) : bin_(bin), peers_(std::move(peers)) {}

  // Variants of message-per-topic, a batch, plain TCP and ZeroMQ without memory, all under one load; the ones
  // with ZeroMQ's default queues lose what they are too slow for.
  std::vector<Contestant> by_hand(const Load& load) const {
    return {{naive_, load}, {hwm_, load}, {futex_, load}, {batch_, load}, {raw_, load}, {bare_, load}};
  }
  // One of each, the one that is woken and loses nothing.
  std::vector<Contestant> one_of_each(const Load& load) const {
    return with_smtrelay({{futex_, load}, {batch_, load}, {raw_, load}, {bare_, load}}, load);
  }
  // The message-per-topic relays get `slow`, the others `load`; ZeroMQ without memory as much as it takes.
  // Queues of 100,000 large values would take all memory: there the poll has the default ones.
  std::vector<Contestant> saturated(const Load& slow, const Load& load) const {
    Load flood = load;
    flood.period_ns = 0;
    return {{load.topics == 1 ? naive_ : hwm_, slow},
            {futex_, slow},
            {batch_, load},
            {raw_, load},
            {bare_, flood, true}};
  }

  std::vector<Contestant> with_peers(std::vector<Contestant> all, const Load& load) const {
    for (const Variant& peer : peers_) all.push_back({peer, load, peer.tool && load.saturating});
    return with_smtrelay(std::move(all), load);
  }
  std::vector<Contestant> with_smtrelay(std::vector<Contestant> all, const Load& load) const {
    if (!bin_.empty()) all.push_back({smt_relay(kSmtRelay, bin_), load});
    return all;
  }
  // And with relays that never sleep.
  std::vector<Contestant> with_spinning(std::vector<Contestant> all, const Load& load) const {
    if (!bin_.empty()) all.push_back({smt_relay(kSmtRelaySpins, bin_, {.spin = true}), load});
    return all;
  }
  // ZeroMQ and smtrelay, each as it is and encrypted.
  std::vector<Contestant> encrypted(const Load& load) const {
    std::vector<Contestant> all = {{bare_, load}, {bare_zmq(kBareCurve, true), load}};
    all = with_smtrelay(std::move(all), load);
    if (!bin_.empty()) all.push_back({smt_relay(kSmtRelayKeys, bin_, {.keys = true}), load});
    return all;
  }
  // ZeroMQ and smtrelay, each directly and through one proxy.
  std::vector<Contestant> through_proxy(const Load& load) const {
    Load with_hop = load;
    with_hop.hops = 1;
    std::vector<Contestant> all = {{bare_, load}, {bare_zmq(kBareProxy), with_hop}};
    all = with_smtrelay(std::move(all), load);
    if (!bin_.empty()) all.push_back({smt_relay(kSmtRelayProxy, bin_), with_hop});
    return all;
  }
  // smtrelay that nobody asks, that is scraped, and that has a thousand slow clients besides.
  std::vector<Contestant> scraped(const Load& load) const {
    std::vector<Contestant> all = with_smtrelay({}, load);
    if (bin_.empty()) return all;
    all.push_back({smt_relay(kSmtRelayScraped, bin_, {.asking = {10, 0}}), load});
    all.push_back({smt_relay(kSmtRelaySlowClients, bin_, {.asking = {10, 1000}}), load});
    return all;
  }

 private:
  const std::string bin_;
  const std::vector<Variant> peers_;
  const Variant naive_ = naive(kNaive, {});
  const Variant hwm_ = naive(kNaiveHwm, {.hwm = 100'000});
  const Variant futex_ = naive(kNaiveFutex, {.futex = true, .hwm = 100'000});
  const Variant batch_ = batch(kBatch);
  const Variant raw_ = raw_tcp(kRawTcp);
  const Variant bare_ = bare_zmq(kBare);
};

}  // namespace smt::bench

#endif  // SMT_BENCH_RELAY_CONTESTANTS_H_
