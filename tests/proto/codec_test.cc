// Messages to bytes and back; the test vectors of tests/vectors both ways, one of them by hand after
// PROTOCOL.md alone.
#include "proto/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <regex>
#include <sstream>

#include "tests/paths.h"
#include "tests/proto/batch_rows.h"
#include "tests/proto/proto_vectors.h"
#include "tests/text.h"

namespace smt::proto {
namespace {

Batch some_batch() {
  Batch b;
  append_rows({{3, 1, 1000, 5}, {4, 1, 1000, 5}, {9, 1, 1000, 5}}, &b);
  b.add_size(4);
  b.set_sent_ns(77);
  return b;
}

TEST(Codec, EveryDamagedByteIsNoticed) {
  const std::string payload = "four and more bytes";
  const std::string header = seal_message(7, 3, Envelope::kBatchFieldNumber, some_batch().SerializeAsString(),
                                          payload_hash(byte_view(payload)), true);
  Envelope e;
  ASSERT_EQ(open_message(byte_view(header), byte_view(payload), &e), Opened::kOk);
  for (size_t i = 0; i < header.size() + payload.size(); ++i) {
    for (const int flip : {1, 2, 0x10, 0x80, 0xff}) {
      std::string h = header, p = payload;
      char& c = i < h.size() ? h[i] : p[i - h.size()];
      c = static_cast<char>(c ^ flip);
      EXPECT_NE(open_message(byte_view(h), byte_view(p), &e), Opened::kOk) << i << " " << flip;
    }
  }
  for (size_t n = 0; n < header.size(); ++n) {
    EXPECT_NE(open_message(byte_view(header.substr(0, n)), byte_view(payload), &e), Opened::kOk);
  }
  EXPECT_NE(open_message(byte_view(header + "x"), byte_view(payload), &e), Opened::kOk);
  EXPECT_EQ(open_message(byte_view(header), byte_view(payload + "x"), &e), Opened::kCorrupt);
  EXPECT_EQ(open_message(byte_view(header), {}, &e), Opened::kCorrupt);
}

TEST(Codec, WhatIsSealedButNoMessageIsMalformed) {
  Envelope e;
  const std::string payload = "p";
  const auto open = [&](const std::string& header, const std::string& with = "") {
    return open_message(byte_view(header), byte_view(with), &e);
  };
  const uint64_t none = payload_hash({});
  EXPECT_EQ(open(seal_message(0, 1, Want())), Opened::kMalformed) << "session 0";
  EXPECT_EQ(open(seal_message(7, 1, 29, "", none)), Opened::kMalformed) << "no body";
  EXPECT_EQ(open(seal_message(7, 1, Envelope::kWantFieldNumber, "\xff\xff", none)), Opened::kMalformed);
  EXPECT_EQ(
      open(seal_message(7, 1, Envelope::kWantFieldNumber, "", payload_hash(byte_view(payload))), payload),
      Opened::kMalformed)
      << "a payload with a message that has none";
  EXPECT_EQ(open(seal_message(7, 1, Envelope::kWantFieldNumber, std::string(kMaxFrame, '\0'), none)),
            Opened::kMalformed);
  EXPECT_EQ(open(""), Opened::kMalformed);
}

// --- vectors

TEST(Vectors, EachIsWrittenAndReadAsItStands) {
  for (const Vector& v : vectors()) {
    SCOPED_TRACE(v.name);
    const auto file =
        nlohmann::json::parse(contents(source_path("tests/vectors/" + std::string(v.name) + ".json")));
    EXPECT_EQ(to_hex(v.header), file["header"]);
    EXPECT_EQ(to_hex(v.payload), file["payload"]);
    const std::string header = from_hex(file["header"].get<std::string>()),
                      payload = from_hex(file["payload"].get<std::string>());
    Envelope e;
    ASSERT_EQ(open_message(byte_view(header), byte_view(payload), &e), Opened::kOk);
    EXPECT_EQ(meaning_of(e), file["meaning"]);
    // What protobuf makes of the meaning are the same bytes.
    EXPECT_EQ(to_hex(e.SerializeAsString()), to_hex(header.substr(0, header.size() - 10)));
  }
}

// A reader of bytes as PROTOCOL.md tells it, without protobuf.
class ByHand {
 public:
  explicit ByHand(std::string bytes) : bytes_(std::move(bytes)) {}
  bool more() const { return at_ < bytes_.size(); }
  uint64_t varint() {
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_.at(at_++));
      v |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return v;
    }
  }
  int64_t zigzag() {
    const uint64_t v = varint();
    return static_cast<int64_t>(v >> 1 ^ (~(v & 1) + 1));
  }
  uint64_t fixed64() {
    uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v |= uint64_t{static_cast<uint8_t>(bytes_.at(at_++))} << 8 * i;
    return v;
  }
  ByHand part() {
    const uint64_t n = varint();
    at_ += n;
    return ByHand(bytes_.substr(at_ - n, n));
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

TEST(Vectors, TheBatchIsReadByHandAfterThePage) {
  const auto file = nlohmann::json::parse(contents(source_path("tests/vectors/batch.json")));
  ByHand in(from_hex(file["header"].get<std::string>()));
  ASSERT_EQ(in.varint(), 1u << 3 | 1);
  EXPECT_EQ(in.fixed64(), 0x1122334455667788u);
  ASSERT_EQ(in.varint(), 2u << 3 | 0);
  EXPECT_EQ(in.varint(), 300u);
  ASSERT_EQ(in.varint(), 9u << 3 | 2);
  ByHand batch = in.part();
  std::vector<int64_t> id, sequence, stamp, age, size, error;
  uint64_t sent = 0, topics = 0;
  while (batch.more()) {
    const uint64_t tag = batch.varint();
    const uint64_t field = tag >> 3;
    if (field == 6) {
      sent = batch.fixed64();
    } else if (field == 7) {
      topics = batch.varint();
    } else {
      std::vector<int64_t>* column[] = {nullptr, &id,     &sequence, &stamp, &age,
                                        &size,   nullptr, nullptr,   &error};
      const bool is_signed = field == 1 || field == 3 || field == 4 || field == 8;
      for (ByHand packed = batch.part(); packed.more();) {
        column[field]->push_back(is_signed ? packed.zigzag() : static_cast<int64_t>(packed.varint()));
      }
    }
  }
  ASSERT_EQ(in.varint(), 30u << 3 | 0);
  EXPECT_EQ(in.varint(), 1u);
  ASSERT_EQ(in.varint(), 31u << 3 | 1);
  in.fixed64();
  EXPECT_FALSE(in.more());

  EXPECT_EQ(sent, 5'000'000'000u);
  ASSERT_EQ(topics, 4u);
  const auto at = [](const std::vector<int64_t>& column, size_t i) {
    return column[std::min(i, column.size() - 1)];
  };
  const int64_t ids[] = {3, 4, 5, 100}, sequences[] = {1, 1, 1, 1}, sizes[] = {8, 3, 0, 8};
  const int64_t stamps[] = {1'000'000, 1'000'500, 999'000, 999'000}, ages[] = {2000, 2000, 1500, 1500};
  const int64_t errors[] = {250'000, 250'000, -1, -1};
  const bool variable[] = {false, true, true, false};
  int64_t id_now = 0, stamp_now = 0, age_now = 0;
  size_t size_at = 0;
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(id_now += at(id, i), ids[i]);
    EXPECT_EQ(at(sequence, i), sequences[i]);
    EXPECT_EQ(stamp_now += at(stamp, i), stamps[i]);
    EXPECT_EQ(age_now += at(age, i), ages[i]);
    EXPECT_EQ(at(error, i), errors[i]);
    if (variable[i]) {
      EXPECT_EQ(size.at(size_at++), sizes[i]);
    }
  }
  EXPECT_EQ(size_at, size.size());
  EXPECT_EQ(from_hex(file["payload"].get<std::string>()),
            "AAAAAAAA"
            "abc"
            "BBBBBBBB");
}

// --- the page

TEST(Protocol, EveryMessageFieldAndNumberStandsInThePage) {
  const std::string proto = contents(source_path("proto/smtrelay.proto"));
  const std::string page = contents(source_path("proto/PROTOCOL.md"));
  std::string message, around;
  std::istringstream lines(proto);
  int fields = 0;
  static const std::regex kMessage("\\s*(?:message|enum) (\\w+) \\{");
  static const std::regex kField("\\s*(?:repeated )?(?:\\w+ )?(\\w+) = (\\d+);.*");
  for (std::string line; std::getline(lines, line);) {
    std::smatch m;
    if (std::regex_match(line, m, kMessage)) {
      around = std::exchange(message, m[1]);
      EXPECT_THAT(page, testing::HasSubstr("### " + message)) << "a section for each message";
    } else if (line == "  }" && !around.empty() && message == "Reason") {
      message = around;
    } else if (std::regex_match(line, m, kField) && line.find("syntax") == std::string::npos) {
      const size_t section = page.find("### " + message);
      const std::string text =
          section == std::string::npos ? "" : page.substr(section, page.find("\n##", section + 4) - section);
      EXPECT_THAT(text, testing::HasSubstr("| " + m[2].str() + " | `" + m[1].str() + "`")) << message;
      ++fields;
    }
  }
  EXPECT_GT(fields, 90);
}

TEST(Protocol, TheWorkedExampleIsTheVector) {
  const std::string page = contents(source_path("proto/PROTOCOL.md"));
  const auto file = nlohmann::json::parse(contents(source_path("tests/vectors/batch.json")));
  const size_t begin = page.find("```hex"), end = page.find("```", begin + 6);
  ASSERT_NE(begin, std::string::npos);
  std::istringstream example(page.substr(begin + 6, end - begin - 6));
  std::string hex;
  for (std::string line; std::getline(example, line);) {
    for (const char c : line.substr(0, line.find("  "))) hex += c == ' ' ? "" : std::string(1, c);
  }
  EXPECT_EQ(hex, file["header"]);
}

}  // namespace
}  // namespace smt::proto
