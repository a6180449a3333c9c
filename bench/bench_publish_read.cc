// What does it cost to publish a value, and to read it, when nobody disturbs?
//
// The size is known when compiling, as it is in Topic<T>, and for the baselines too.
#include <fmt/format.h>

#include <vector>

#include "bench/baselines.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "shm/node.h"
#include "shm/reader.h"

namespace smt::bench {
namespace {

// A call that copied nothing would look fast.
void check_read(bool good, const std::byte* value) {
  if (!good || *value != std::byte{42}) [[unlikely]] {
    fail(Status(Code::kSystem, "a read gave no value, or not the one published"));
  }
}

template <size_t kBytes>
void measure(const Options& options, const Domain& domain, Node* node, const std::string& label,
             Report* report) {
  const int rounds = options.choose(31, 7, 1);
  const int64_t batch_ns = options.choose(3'000'000, 1'000'000, 50'000);
  const std::string topic = fmt::format("bytes/{}", kBytes);
  Publisher publisher = check(node->advertise(bytes_topic(topic, kBytes)));
  Reader reader = check(Reader::open(domain, topic));
  OneSlotSeqlock seqlock(kBytes);
  RwlockTopic rwlock(kBytes);
  std::vector<std::byte> storage(kBytes, std::byte{42}), copy_storage(kBytes);
  const std::span<const std::byte, kBytes> value(storage);
  std::byte* const copy = copy_storage.data();
  // As large as the ring of the topic: a copy into one place would stay in a nearer cache.
  constexpr size_t kSlots = 4;
  auto* const shared = static_cast<std::byte*>(shared_memory(kSlots * kBytes));
  size_t slot = 0;
  SampleHead head;

  // Each call begins and ends with memory that the compiler knows nothing of.
  const auto measure = [&](auto call) {
    return [&, call] { return ns_per_call(batch_ns, [&] { keep(copy), call(), keep(copy); }); };
  };
  const std::pair<const char*, std::function<double()>> publishes[] = {
      {"publish(value, stamp, born)", measure([&] { check(publisher.publish(value, 1, 1)); })},
      {"publish(value)", measure([&] { check(publisher.publish(value)); })},
      {"clock_gettime", measure([&] { *copy = static_cast<std::byte>(boottime_ns()); })},
      {"memcpy", measure([&] { memcpy(shared + slot++ % kSlots * kBytes, value.data(), kBytes); })},
      {"seqlock", measure([&] { seqlock.publish(value.data(), kBytes); })},
      {"rwlock", measure([&] { rwlock.publish(value.data(), kBytes); })}};
  const std::pair<const char*, std::function<double()>> reads[] = {
      {"latest_into", measure([&] { check_read(reader.latest_into(copy, kBytes, &head), copy); })},
      {"latest", measure([&] {
         const Sample* s = reader.latest();
         check_read(s != nullptr, s->bytes.data());
       })},
      {"borrow, first byte", measure([&] {
         const auto borrowed = reader.borrow();
         const std::byte first = borrowed->bytes()[0];
         check_read(borrowed->valid(), &first);
       })},
      {"memcpy", measure([&] { memcpy(copy, shared, kBytes), check_read(true, copy); })},
      {"seqlock", measure([&] { check_read(seqlock.read(copy, kBytes), copy); })},
      {"rwlock", measure([&] { rwlock.read(copy, kBytes), check_read(true, copy); })}};

  const auto run = [&](const std::string& group, const auto& cases) {
    std::vector<std::function<double()>> calls;
    for (const auto& [name, call] : cases) calls.push_back(call);
    const auto rounds_of = interleave(rounds, calls);
    for (size_t i = 0; i < calls.size(); ++i) report->add(group + " " + label, cases[i].first, rounds_of[i]);
    return quietest(rounds_of[0]);
  };
  const double publish_ns = run("publish", publishes);
  const double read_ns = run("read", reads);
  if (kBytes != 8) return;
  report->accept("publish 8 bytes without time stamps, quietest round", publish_ns, 6, "ns");
  report->accept("read 8 bytes, quietest round", read_ns, 6, "ns");
}

Report run(const Options& options, const Domain& domain) {
  pin(0);
  Report report("publish and read: ns per call, interleaved rounds on one core, value in cache",
                {"memcpy", "seqlock", "rwlock"});
  const auto node = check(Node::open(domain, {.name = "bench"}));
  measure<8>(options, domain, node.get(), "8 B", &report);
  measure<64>(options, domain, node.get(), "64 B", &report);
  measure<1 << 10>(options, domain, node.get(), "1 KiB", &report);
  measure<64 << 10>(options, domain, node.get(), "64 KiB", &report);
  measure<1 << 20>(options, domain, node.get(), "1 MiB", &report);
  return report;
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::main(argc, argv, smt::bench::run); }
