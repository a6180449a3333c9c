// The receiving side of a Batch: its columns as numbers of each row. PROTOCOL.md has the bytes.
#ifndef SMT_PROTO_BATCH_READER_H_
#define SMT_PROTO_BATCH_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/smtrelay.pb.h"

namespace smt::proto {

// A number of each row.
struct BatchColumns {
  size_t rows = 0;
  std::vector<uint32_t> ids;        // as all columns: the numbers beyond `rows` are without meaning
  std::vector<uint64_t> sequences;  // differences, see Batch.sequence
  std::vector<int64_t> stamps_ns;
  std::vector<int64_t> ages_ns;  // at Batch.sent_ns
  std::vector<int64_t> age_errors_ns;
};

// False: the columns cannot be those of a Batch (too long, too short, too many topics). `*columns` is scratch
// then; it keeps its memory for the next Batch.
bool read_columns(const Batch& batch, BatchColumns* columns);

// Reads the Envelope of a Batch whose fields stand in the order of their numbers, each once, as every sender
// writes them: what protobuf and read_columns() make of the same bytes, in a quarter of the instructions. The
// columns do not come into `*e`. Without rows they cannot be those of a Batch. False: the bytes are of
// another form or message, or of none; protobuf decides that. `*e` and `*columns` are scratch then.
bool read_batch(std::span<const uint8_t> bytes, Envelope* e, BatchColumns* columns);

}  // namespace smt::proto

#endif  // SMT_PROTO_BATCH_READER_H_
