// Chunks that are packed without the library's filters are what those make of them: zlib's stream of the
// shuffled bytes; and the chunks of a file that is written bit by bit.
#include "cmd/recording/hdf5_packer.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <random>

#include "cmd/recording/open_log.h"
#include "tests/temp_folder.h"

namespace smt::cmd {
namespace {

using Bytes = std::vector<std::byte>;

// As the filters of the library do it. Nothing: this is not such a stream, or not of so many bytes.
std::optional<Bytes> unpack(std::span<const std::byte> packed, size_t bytes, size_t element_bytes) {
  Bytes shuffled(bytes), chunk(bytes);
  uLongf length = bytes;
  const int done = uncompress(reinterpret_cast<Bytef*>(shuffled.data()), &length,
                              reinterpret_cast<const Bytef*>(packed.data()), packed.size());
  if (done != Z_OK || length != bytes) return std::nullopt;
  const size_t elements = bytes / element_bytes;
  for (size_t i = 0; i < bytes; ++i) chunk[i % elements * element_bytes + i / elements] = shuffled[i];
  return chunk;
}

TEST(Hdf5Packer, WhatItPacksIsUnpackedByTheFilters) {
  std::mt19937 random(1);
  const std::function<uint32_t(size_t element, size_t byte)> kKinds[] = {
      [&](size_t, size_t) { return random(); },
      [&](size_t, size_t byte) { return byte < 2 ? random() : 7; },
      [&](size_t, size_t) { return random() % 100 == 0 ? random() : 200; },
      [&](size_t element, size_t byte) { return static_cast<uint32_t>(element >> (3 * byte)); },
      [&](size_t, size_t) { return random() % 4; },
      [&](size_t, size_t) { return 0; }};
  Hdf5Packer packer;
  size_t packed_chunks = 0;
  for (const auto& kind : kKinds) {
    for (int i = 0; i < 300; ++i) {
      const size_t element_bytes = std::vector<size_t>{1, 2, 3, 4, 8, 16}[random() % 6];
      Bytes chunk((1 + random() % 1500) * element_bytes);
      for (size_t at = 0; at < chunk.size(); ++at) {
        chunk[at] = static_cast<std::byte>(kind(at / element_bytes, at % element_bytes));
      }
      const std::span<const std::byte> packed = packer.pack(chunk, element_bytes);
      if (packed.empty()) continue;
      ++packed_chunks;
      ASSERT_LT(packed.size(), chunk.size());
      ASSERT_EQ(unpack(packed, chunk.size(), element_bytes), chunk)
          << chunk.size() << " of " << element_bytes;
    }
  }
  EXPECT_GT(packed_chunks, 1000u);
}

// Every run length up to some more than the longest match.
TEST(Hdf5Packer, RunsOfEveryLengthComeBack) {
  Hdf5Packer packer;
  for (size_t run = 1; run < 600; ++run) {
    Bytes chunk(2 * 16 * run + 2 * 600);  // so long that runs are few
    for (size_t at = 0; at < 2 * run; at += 2) chunk[at] = std::byte{0xC8};
    const std::span<const std::byte> packed = packer.pack(chunk, 2);
    ASSERT_FALSE(packed.empty());
    ASSERT_EQ(unpack(packed, chunk.size(), 2), chunk) << run;
  }
}

// A slow topic: each flush has a sample or two.
TEST(Hdf5Log, AFileThatGrowsSlowlyKeepsNoStatesOfItsChunks) {
  const TempFolder temp;
  const std::string path = temp.path() + "/a.h5";
  const LogTopic topic{"x", Schema::scalar(Type::kF64), "", "", ""};
  constexpr uint64_t kCount = 600;
  std::mt19937_64 random(1);
  std::vector<uint64_t> values;
  {
    Result<std::unique_ptr<LogWriter>> log = create_log(path);
    ASSERT_TRUE(log.ok()) << log.status().message();
    for (uint64_t i = 1; i <= kCount; ++i) {
      values.push_back(i < 300 ? 0 : random());  // a chunk of zeros, and half of one
      ASSERT_TRUE((*log)
                      ->write({&topic, i, static_cast<int64_t>(i), static_cast<int64_t>(i),
                               i == 500 ? 1u : 0u, std::as_bytes(std::span(&values.back(), 1))})
                      .ok());
      if (i % 2 != 0) continue;
      ASSERT_TRUE((*log)->flush().ok());
    }
    ASSERT_TRUE((*log)->finish().ok());
  }
  EXPECT_LT(std::filesystem::file_size(path), 100'000u) << "of 25,000 bytes, in 300 flushes";
  Result<std::unique_ptr<LogReader>> log = open_log(path);
  ASSERT_TRUE(log.ok()) << log.status().message();
  uint64_t read = 0;
  for (LogSample s; (*log)->next(&s); ++read) {
    ASSERT_EQ(s.sequence, read + 1);
    ASSERT_EQ(s.missed, read + 1 == 500 ? 1u : 0u);
    ASSERT_EQ(memcmp(s.bytes.data(), &values[read], 8), 0) << read;
  }
  EXPECT_EQ(read, kCount);
}

}  // namespace
}  // namespace smt::cmd
