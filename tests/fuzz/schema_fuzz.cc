// A schema's text, as a segment or a peer may hold it (libFuzzer): what is believed says itself again, word
// for word.
//
// Seeded bug: leave out the overflow check of offset + count * size in Schema::check.
#include <string_view>

#include "shm/schema.h"
#include "tests/fuzz/fuzzer.h"

using smt::fuzz::Expect;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::Executed();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const smt::Result<smt::Schema> schema = smt::Schema::FromText(text);
  if (!schema.ok()) {
    Expect(!schema.status().message().empty(), "an error without a sentence");
  } else {
    Expect(schema->check().ok(), "a schema that its own check refuses");
    const smt::Result<smt::Schema> again = smt::Schema::FromText(schema->text());
    Expect(again.ok() && *again == *schema, "a schema that changes when written and read");
    Expect(again->hash() == schema->hash(), "a hash that changes");
    Expect(smt::SchemaDiff(*schema, *again).empty(), "a difference to itself");
    for (const smt::Field& f : schema->fields) {
      Expect(schema->field(f.name) != nullptr, "a field that is not found");
      Expect(schema->size == 0 ||
                 uint64_t{f.offset} + uint64_t{f.count} * smt::TypeBytes(f.type) <= schema->size,
             "a field outside the value");
    }
  }
  (void)smt::Schema::Parse(text).ok();
  return 0;
}
