// An MCAP file (libFuzzer): any bytes, or a recording with some bytes changed, with its summary or without.
// Of a recording each chunk that is as it was is read, no sample comes that was not recorded, and no value is
// initial but the first of its topic.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "cmd/recording/mcap_log.h"
#include "cmd/recording/mcap_reader.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/text.h"

namespace {

using smt::fuzz::expect;
using namespace smt::cmd;

constexpr uint64_t kChunks = 6, kPerChunk = 3;
// A change of more bytes could make one record of two, and prove it.
constexpr size_t kMaxChanges = 3, kMaxChangesWithoutSummary = 1;

double value_of(uint64_t sequence) { return 0.1 * static_cast<double>(sequence); }

struct Recording {
  std::string bytes;
  std::vector<McapChunkIndex> chunks;
  uint64_t data_end = 0;
};

Recording make_recording() {
  const std::string path = "/tmp/mcap_fuzz." + std::to_string(getpid()) + ".mcap";
  const LogTopic topic = {"x", smt::Schema::scalar(smt::Type::kF64), "robot", "d", "node"};
  auto log = McapLogWriter::create(path, {"00112233445566778899aabbccddeeff", 0, {}});
  expect(log.ok(), "a recording that cannot be made");
  for (uint64_t i = 1; i <= kChunks * kPerChunk; ++i) {
    const double value = value_of(i);
    const auto at = static_cast<int64_t>(1000 + i);
    const auto bytes = std::as_bytes(std::span(&value, 1));
    const bool written = (*log)->write({&topic, i, at, at, 0, bytes, /*initial=*/i == 1}).ok();
    expect(written && (i % kPerChunk != 0 || (*log)->flush().ok()), "a recording that cannot be written");
  }
  expect((*log)->finish().ok(), "a recording that cannot be finished");
  Recording recording{smt::contents(path), McapReader::open(path)->summary()->chunks, 0};
  const McapChunkIndex& last = recording.chunks.back();
  recording.data_end = last.offset + last.bytes + last.message_index_bytes;
  unlink(path.c_str());
  return recording;
}

// The file under a name, without a disk.
const std::string& put(const std::string& bytes) {
  static const int fd = memfd_create("mcap_fuzz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const bool written = ftruncate(fd, 0) == 0 &&
                       pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  expect(written, "a file that cannot be written");
  return path;
}

// The sequences of the samples that are read.
std::set<uint64_t> read_all(const std::string& bytes, bool is_recording) {
  std::set<uint64_t> sequences;
  const auto log = McapLogReader::open(put(bytes));
  if (!log.ok()) {
    expect(!log.status().message().empty(), "an error without a sentence");
    return sequences;
  }
  std::set<std::string> topics;
  for (LogSample s; (*log)->next(&s);) {
    sequences.insert(s.sequence);
    const bool first = topics.insert(s.topic->name).second;
    expect(!s.initial || first, "an initial value behind a sample");
    if (!is_recording) continue;
    const double value = value_of(s.sequence);
    expect(s.bytes.size() == sizeof value && memcmp(s.bytes.data(), &value, sizeof value) == 0,
           "a sample that was not recorded");
  }
  expect((*log)->bytes_left_out() <= bytes.size(), "more left out than there is");
  return sequences;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::executed();
  static const Recording recording = make_recording();
  if (size == 0) return 0;
  const bool any = (data[0] & 1) != 0, summary = (data[0] & 2) != 0;
  if (any) {
    read_all(std::string(kMcapMagic) + std::string(reinterpret_cast<const char*>(data + 1), size - 1), false);
    return 0;
  }
  std::string bytes = recording.bytes.substr(0, summary ? std::string::npos : recording.data_end);
  std::set<uint64_t> changed;
  const size_t changes = std::min((size - 1) / 3, summary ? kMaxChanges : kMaxChangesWithoutSummary);
  for (size_t i = 0; i < changes; ++i) {
    const uint8_t* change = data + 1 + 3 * i;
    const size_t at = (change[0] | change[1] << 8) % recording.data_end;
    bytes[at] = static_cast<char>(change[2]);
    if (bytes[at] != recording.bytes[at]) changed.insert(at);
  }
  const std::set<uint64_t> sequences = read_all(bytes, true);
  for (size_t i = 0; i < kChunks; ++i) {
    const McapChunkIndex& chunk = recording.chunks[i];
    const auto first = changed.lower_bound(chunk.offset);
    if (first != changed.end() && *first < chunk.offset + chunk.bytes) continue;
    for (uint64_t s = i * kPerChunk + 1; s <= (i + 1) * kPerChunk; ++s) {
      expect(sequences.count(s) == 1, "a sample of a whole chunk that is lost");
    }
  }
  return 0;
}
