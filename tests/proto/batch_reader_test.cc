// The columns of a Batch: what they say of each row, and that they are read as protobuf reads them.
#include "proto/batch_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "proto/codec.h"
#include "proto/field_tag.h"
#include "tests/proto/batch_rows.h"
#include "tests/proto/proto_vectors.h"

namespace smt::proto {
namespace {

Batch three_rows() {
  Batch b;
  append_rows({{3, 1, 1000, 5}, {4, 1, 1000, 5}, {9, 1, 1000, 5}}, &b);
  b.add_size(4);
  b.set_sent_ns(77);
  return b;
}

std::vector<BatchRow> rows_of(const BatchColumns& c) {
  std::vector<BatchRow> rows;
  for (size_t i = 0; i < c.rows; ++i)
    rows.push_back({c.ids[i], c.sequences[i], c.stamps_ns[i], c.ages_ns[i], c.age_errors_ns[i]});
  return rows;
}

// Rows of all sizes of numbers, half of them like the first.
std::vector<BatchRow> any_rows(std::mt19937_64& random) {
  std::vector<BatchRow> rows(1 + random() % 40);
  for (BatchRow& r : rows) {
    const auto any = [&] { return random() >> (random() % 64); };
    r = {static_cast<uint32_t>(any()), any(), static_cast<int64_t>(any()), static_cast<int64_t>(any()),
         static_cast<int64_t>(any())};
    if (random() % 2 == 0) r = rows[0];
  }
  return rows;
}

TEST(BatchColumns, ComeBackAsTheyWere) {
  std::mt19937_64 random(1);
  BatchColumns back;
  for (int i = 0; i < 500; ++i) {
    const std::vector<BatchRow> rows = any_rows(random);
    Batch b, parsed;
    append_rows(rows, &b);
    ASSERT_TRUE(parsed.ParseFromString(b.SerializeAsString()));
    ASSERT_TRUE(read_columns(parsed, &back));
    ASSERT_EQ(rows_of(back), rows);
  }
}

TEST(BatchColumns, EqualNumbersAtTheEndAreNotSent) {
  std::vector<BatchRow> rows;
  for (uint32_t i = 0; i < 1000; ++i) rows.push_back({i + 1, 1, 5000, 20, 11});
  Batch b;
  append_rows(rows, &b);
  EXPECT_EQ(b.id_size(), 1);
  EXPECT_EQ(b.sequence_size(), 1);
  EXPECT_EQ(b.stamp_ns_size(), 2);
  EXPECT_EQ(b.age_ns_size(), 2);
  EXPECT_EQ(b.age_error_ns_size(), 1);
  BatchColumns back;
  ASSERT_TRUE(read_columns(b, &back));
  EXPECT_EQ(rows_of(back), rows);
  for (BatchRow& row : rows) row.age_error_ns = 0;
  b.Clear();
  append_rows(rows, &b);
  EXPECT_EQ(b.age_error_ns_size(), 0) << "a source's ages are exact";
  ASSERT_TRUE(read_columns(b, &back));
  EXPECT_EQ(rows_of(back), rows);
}

TEST(BatchColumns, ThoseThatCannotBeAreRefused) {
  BatchColumns columns;
  Batch b;
  EXPECT_FALSE(read_columns(b, &columns));
  for (const uint32_t topics : {0u, 2u, 8193u, ~0u}) {
    b = three_rows();
    b.add_id(1);  // so that all three stand
    b.add_id(2);
    b.set_topics(topics);
    EXPECT_FALSE(read_columns(b, &columns)) << topics;
  }
  b = three_rows();
  b.clear_age_ns();
  EXPECT_FALSE(read_columns(b, &columns));
  b = three_rows();
  for (int i = 0; i < 3; ++i) b.add_size(1);
  EXPECT_FALSE(read_columns(b, &columns));
  b = three_rows();
  for (int i = 0; i < 4; ++i) b.add_age_error_ns(1);
  EXPECT_FALSE(read_columns(b, &columns));
  b = three_rows();
  b.mutable_id()->Clear();
  b.add_id(INT32_MIN);
  b.add_id(INT32_MIN);
  EXPECT_TRUE(read_columns(b, &columns)) << "ids wrap; the receiver knows which ones there are";
}

// --- the bytes

std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

Envelope any_envelope(std::mt19937_64& random) {
  Envelope e;
  e.set_session(random());
  e.set_number(random() >> (random() % 64));
  e.set_prompt(random() % 2 == 0);
  append_rows(any_rows(random), e.mutable_batch());
  const uint64_t max_sizes = std::min<uint64_t>(2, e.batch().topics());
  for (uint64_t sizes = random() % (max_sizes + 1); sizes > 0; --sizes)
    e.mutable_batch()->add_size(random() >> 40);
  e.mutable_batch()->set_sent_ns(random() % 2 == 0 ? 0 : random());
  e.mutable_batch()->set_raw_bytes(random() % 2 == 0 ? 0 : static_cast<uint32_t>(random()));
  return e;
}

// What read_batch() is to make of bytes, by protobuf; false: they are no Envelope.
bool read_by_protobuf(const std::string& bytes, Envelope* e, BatchColumns* columns) {
  if (!e->ParseFromString(bytes)) return false;
  if (!read_columns(e->batch(), columns)) columns->rows = 0;
  Batch* const b = e->mutable_batch();
  b->clear_id();
  b->clear_sequence();
  b->clear_stamp_ns();
  b->clear_age_ns();
  b->clear_age_error_ns();
  return true;
}

class BatchBytes : public testing::Test {
 protected:
  // Whatever the bytes are, they mean what protobuf says that they mean. False: they are left to it.
  bool reads(const std::string& bytes) {
    if (!read_batch(bytes_of(bytes), &read_, &columns_)) return false;
    Envelope parsed;
    BatchColumns columns;
    EXPECT_TRUE(read_by_protobuf(bytes, &parsed, &columns)) << to_hex(bytes);
    EXPECT_EQ(read_.SerializeAsString(), parsed.SerializeAsString()) << to_hex(bytes);
    EXPECT_EQ(rows_of(columns_), rows_of(columns)) << to_hex(bytes);
    return true;
  }

  std::mt19937_64 random_{2};
  Envelope read_;  // of a message before: nothing of it stays
  BatchColumns columns_;
};

TEST_F(BatchBytes, OfASenderAreReadWithoutProtobuf) {
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(reads(any_envelope(random_).SerializeAsString()));
    ASSERT_NE(columns_.rows, 0u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(BatchBytes, ThatAreChangedAreReadAsProtobufReadsThemOrLeftToIt) {
  int read = 0, left = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = any_envelope(random_).SerializeAsString();
    const size_t at = random_() % bytes.size();
    switch (random_() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes.erase(at, 1 + random_() % 3);
        break;
      case 2:
        bytes.insert(at, 1 + random_() % 11, static_cast<char>(0x80 | random_()));
        break;
      default:
        bytes.resize(at);
    }
    ++(reads(bytes) ? read : left);
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(left, 1000);
}

TEST_F(BatchBytes, ThatEndInTheMidstOfABatchAreLeftToProtobuf) {
  Envelope e = any_envelope(random_);
  const std::string batch = e.batch().SerializeAsString() + '\0';  // no field has the number 0
  e.clear_batch();
  e.clear_prompt();
  std::string bytes = e.SerializeAsString();
  {
    google::protobuf::io::StringOutputStream to(&bytes);
    google::protobuf::io::CodedOutputStream out(&to);
    out.WriteTag(field_tag(Envelope::kBatchFieldNumber, kBytes));
    out.WriteVarint32(static_cast<uint32_t>(batch.size()));
    out.WriteString(batch);
  }
  EXPECT_FALSE(reads(bytes));
}

TEST_F(BatchBytes, WithColumnsThatCannotBeHaveNoRows) {
  Envelope e;
  e.set_session(7);
  *e.mutable_batch() = three_rows();
  EXPECT_TRUE(reads(e.SerializeAsString()));
  EXPECT_EQ(columns_.rows, 3u);
  e.mutable_batch()->set_topics(0);
  EXPECT_TRUE(reads(e.SerializeAsString()));
  EXPECT_EQ(columns_.rows, 0u);
}

TEST_F(BatchBytes, OfAnotherFormAreLeftToProtobufWhichTakesThem) {
  Envelope e, parsed;
  e.set_session(7);
  *e.mutable_batch() = three_rows();
  const std::string usual = e.SerializeAsString();
  const std::string number = "\x10\x05", unknown = "\xa8\x01\x05";  // a field of no number here
  for (const std::string& bytes : {usual + number, usual + unknown, usual + usual}) {
    EXPECT_FALSE(reads(bytes));
    EXPECT_TRUE(parsed.ParseFromString(bytes));
  }
  EXPECT_FALSE(reads(usual + std::string(1, '\0'))) << "a tag that is none";
  EXPECT_FALSE(parsed.ParseFromString(usual + std::string(1, '\0')));
  EXPECT_TRUE(reads(usual));
}

TEST_F(BatchBytes, OpenAsAMessageDoesWhoeverReadsThem) {
  Envelope e;
  e.set_session(7);
  *e.mutable_batch() = three_rows();
  for (const bool usual : {true, false}) {
    std::string body = e.batch().SerializeAsString();
    if (!usual) body = "\x38\x03" + body;
    const std::string header = seal_message(7, 3, Envelope::kBatchFieldNumber, body, payload_hash({}), false);
    ASSERT_EQ(open_message(std::as_bytes(std::span(header)), {}, &read_, &columns_), Opened::kOk);
    EXPECT_EQ(rows_of(columns_), (std::vector<BatchRow>{{3, 1, 1000, 5}, {4, 1, 1000, 5}, {9, 1, 1000, 5}}));
    EXPECT_EQ(read_.batch().sent_ns(), 77u);
    EXPECT_EQ(read_.number(), 3u);
  }
}

}  // namespace
}  // namespace smt::proto
