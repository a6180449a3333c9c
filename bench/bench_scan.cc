// What does it cost to learn which of very many topics have changed?
#include <fmt/format.h>

#include <numeric>
#include <vector>

#include "bench/measure.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/segment_view.h"

namespace smt::bench {
namespace {

// The loop one would write over counters that lie `stride` words apart.
void scan_array(const std::vector<uint64_t>& counters, size_t stride, std::vector<uint64_t>* seen,
                std::vector<uint32_t>* changed) {
  for (size_t i = 0; i < seen->size(); ++i) {
    const uint64_t now = counters[i * stride];
    if (now == (*seen)[i]) continue;
    (*seen)[i] = now;
    changed->push_back(static_cast<uint32_t>(i));
  }
}

// What is scanned: the topics of a node, and bare arrays of as many counters.
struct Subject {
  Subject(const Domain& domain, size_t n)
      : count(n),
        node(check(Node::open(domain, {.name = fmt::format("scan-{}", n)}))),
        dense(n),
        sparse(n * 8),
        dense_seen(n),
        sparse_seen(n) {
    for (size_t i = 0; i < n; ++i) {
      publishers.push_back(check(node->advertise(bytes_topic(fmt::format("scan/{}", i), 8))));
    }
    view = check(SegmentView::open(domain, node->name()));
    changed.reserve(n);
  }

  void change_all() {
    const uint64_t value = 1;
    Burst burst;
    for (Publisher& p : publishers)
      check(burst.publish(p, std::as_bytes(std::span(&value, 1)), {0, 1, 1, 1}));
    for (uint64_t& c : dense) ++c;
    for (size_t i = 0; i < count; ++i) ++sparse[i * 8];
  }

  size_t count;
  std::unique_ptr<Node> node;
  std::vector<Publisher> publishers;
  std::shared_ptr<SegmentView> view;
  std::vector<uint64_t> dense, sparse, seen, dense_seen, sparse_seen;
  std::vector<uint32_t> changed;
};

void measure(const Options& options, const Domain& domain, size_t count, Report* report) {
  Subject s(domain, count);
  const auto topics = [&] { s.view->scan(&s.seen, &s.changed); };
  const auto dense = [&] { scan_array(s.dense, 1, &s.dense_seen, &s.changed); };
  const auto sparse = [&] { scan_array(s.sparse, 8, &s.sparse_seen, &s.changed); };
  const char* const names[] = {"SegmentView::scan", "dense", "64 B apart"};
  const auto per_topic = [&](double ns) { return ns / static_cast<double>(count); };
  const auto expect = [&](size_t n) {
    if (s.changed.size() != n)
      fail(Status(Code::kSystem, fmt::format("{} of {} changes seen", s.changed.size(), n)));
    s.changed.clear();
  };
  const int rounds = options.choose(31, 7, 1);
  const int64_t batch_ns = options.choose(4'000'000, 2'000'000, 100'000);

  topics();
  s.changed.clear();
  const auto idle = [&](auto scan) {
    return [&, scan] {
      return per_topic(ns_per_call(batch_ns, [&] {
        scan();
        keep(s.seen.data());
      }));
    };
  };
  const auto none = interleave(rounds, {idle(topics), idle(dense), idle(sparse)});
  expect(0);

  const auto busy = [&](auto scan) {
    return [&, scan] {
      const size_t scans = 1 + 100'000 / count;
      int64_t took = 0;
      for (size_t i = 0; i < scans; ++i) {
        s.change_all();
        const int64_t begin = now_ns();
        scan();
        took += now_ns() - begin;
        expect(count);
      }
      return per_topic(static_cast<double>(took) / static_cast<double>(scans));
    };
  };
  const auto all = interleave(rounds, {busy(topics), busy(dense), busy(sparse)});
  for (size_t i = 0; i < 3; ++i)
    report->add(fmt::format("{} topics, none changed", count), names[i], none[i]);
  for (size_t i = 0; i < 3; ++i) report->add(fmt::format("{} topics, all changed", count), names[i], all[i]);
  if (count == 10'000)
    report->accept("scan of 10,000 topics, none changed, per topic, quietest round", quietest(none[0]), 0.6,
                   "ns");
}

Report run(const Options& options, const Domain& domain) {
  pin(0);
  Report report("scan: ns per topic to learn what changed", {"dense", "64 B apart"});
  for (const size_t count : {1'000, 10'000, 100'000}) measure(options, domain, count, &report);
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
