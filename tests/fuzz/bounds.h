// What holds of a relay's memory and of what it says, whatever its peers have sent.
#ifndef SMT_TESTS_FUZZ_BOUNDS_H_
#define SMT_TESTS_FUZZ_BOUNDS_H_

#include "proto/codec.h"
#include "relay/store/mem_store.h"
#include "shm/domain.h"
#include "shm/layout.h"
#include "shm/schema.h"
#include "tests/fuzz/fuzzer.h"

namespace smt::fuzz {

// `max_bytes`: as the store was made.
inline void expect_bounds(const relay::MemStore& store, uint64_t max_bytes) {
  uint64_t bytes = 0;
  for (uint32_t id = 0; id < store.topic_limit(); ++id) {
    const relay::TopicDescription* d = store.topic(id);
    if (d == nullptr) continue;
    const size_t size = store.value(id).size();
    bytes += d->name.size() + size;
    expect(check_topic_name(d->name).ok(), "a topic name that no topic can have");
    const Result<Schema> schema = Schema::from_text(*d->schema);
    expect(schema.ok() && schema->hash() == d->schema_hash && schema->size == d->value_bytes,
           "a schema that is not what the topic says");
    expect((d->hops >= 1 || store.session_key(id) == 0) && d->hops <= proto::kMaxHops,
           "a topic that has come too far");
    expect(d->max_bytes <= uint64_t{1} << 40 && size <= d->max_bytes, "a value larger than its topic's");
    expect(size == 0 || d->value_bytes == 0 || size == d->value_bytes, "a value of another size");
    expect(d->history >= layout::kMinSlots && d->history <= layout::kMaxSlots, "a history of any length");
    expect(d->max_age_ns >= 0, "a maximum age below 0");
    for (const std::string* text : {&d->origin->host, &d->origin->domain, &d->origin->node})
      expect(text->size() <= 64, "a text that is not cut");
  }
  expect(bytes <= max_bytes, "more memory than it may take");
}

}  // namespace smt::fuzz

#endif  // SMT_TESTS_FUZZ_BOUNDS_H_
