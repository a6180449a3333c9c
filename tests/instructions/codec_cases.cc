// A Batch to bytes and back: as many rows of 8 bytes as a relay puts into one, with the steps of real
// programs.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/batch_writer.h"
#include "proto/codec.h"
#include "tests/instructions/cases.h"
#include "tests/proto/batch_rows.h"

namespace smt::instructions {
namespace {

constexpr uint32_t kRows = 580;
constexpr int kBatches = 20;
constexpr uint64_t kSession = 0x1234567890abcdef;

std::vector<proto::BatchRow> make_rows() {
  std::vector<proto::BatchRow> rows(kRows);
  for (uint32_t i = 0; i < kRows; ++i) {
    // One publication follows the other after 150 to 300 ns; what is given stays near its sequence.
    const int64_t at_ns = i * 150 + i * 37 % 150;
    rows[i] = {i + 1, 1 + i * 13 % 3, 1'700'000'000'000'000'000 + at_ns, 400'000 - at_ns, 0};
  }
  return rows;
}

const std::vector<std::byte> kPayload(kRows * 8, std::byte{42});

// As a relay does, into the memory of the header before.
void encode(const proto::BatchView& view, proto::BatchWriter* writer, std::string* header) {
  const std::string_view body = writer->write(view, 1'000'000'000'000'000);
  proto::seal_message(kSession, 77, proto::Envelope::kBatchFieldNumber, body, proto::payload_hash(kPayload),
                      false, header);
}

uint64_t count_encode() {
  const std::vector<proto::BatchRow> rows = make_rows();
  const proto::BatchView view = proto::view_of(rows);
  proto::BatchWriter writer;
  std::string header;
  encode(view, &writer, &header);
  for (int i = 0; i < kBatches; ++i) {
    measured([&] { encode(view, &writer, &header); });
  }
  require(header.size() > kRows * 2, "no batch");
  return kBatches * kRows;
}

uint64_t count_decode() {
  const std::vector<proto::BatchRow> rows = make_rows();
  proto::BatchWriter writer;
  std::string header;
  encode(proto::view_of(rows), &writer, &header);
  proto::Envelope envelope;
  proto::BatchColumns read;
  for (int i = 0; i <= kBatches; ++i) {
    read.rows = 0;
    const auto decode = [&] {
      require(proto::open_message(std::as_bytes(std::span(header)), kPayload, &envelope, &read) ==
                  proto::Opened::kOk,
              "no message");
    };
    if (i == 0) {
      decode();  // makes room
    } else {
      measured(decode);
    }
    require(read.rows == kRows, "another number of rows comes back");
    for (uint32_t row = 0; row < kRows; ++row) {
      const proto::BatchRow back{read.ids[row], read.sequences[row], read.stamps_ns[row], read.ages_ns[row],
                                 read.age_errors_ns[row]};
      require(back == rows[row], "another row comes back");
    }
  }
  return kBatches * kRows;
}

}  // namespace

std::vector<Case> codec_cases() { return {{"encode", count_encode}, {"decode", count_decode}}; }

}  // namespace smt::instructions
