// A schema's text, as a segment or a peer may hold it (libFuzzer): what is believed says itself again, word
// for word.
#include <string_view>

#include "shm/schema.h"
#include "tests/fuzz/fuzzer.h"

using smt::fuzz::expect;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::executed();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const smt::Result<smt::Schema> schema = smt::Schema::from_text(text);
  if (!schema.ok()) {
    expect(!schema.status().message().empty(), "an error without a sentence");
  } else {
    expect(schema->check().ok(), "a schema that its own check refuses");
    const smt::Result<smt::Schema> again = smt::Schema::from_text(schema->text());
    expect(again.ok() && *again == *schema, "a schema that changes when written and read");
    expect(again->hash() == schema->hash(), "a hash that changes");
    expect(smt::schema_diff(*schema, *again).empty(), "a difference to itself");
    for (const smt::Field& f : schema->fields) {
      expect(schema->field(f.name) != nullptr, "a field that is not found");
      expect(schema->size == 0 ||
                 uint64_t{f.offset} + uint64_t{f.count} * smt::type_bytes(f.type) <= schema->size,
             "a field outside the value");
    }
  }
  (void)smt::Schema::parse(text).ok();
  return 0;
}
