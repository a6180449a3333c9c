// A segment with any bytes in it, read and adopted (libFuzzer).
//
// An input is a byte that chooses a valid image to begin with, followed by patches of 13 bytes: where (4),
// how (1) and a value (8). Beginning valid and damaging a few chosen words brings most executions past the
// header's checks. The image lies in a file that is damaged in place, read, and mended again, which is many
// times as fast as writing it.
//
// With SMT_ADOPT in the environment each image is written as a file anew, opened in all ways there are, and
// adopted; the choice 0xff then takes the rest of the input as the file itself.
//
// Whatever the bytes are: no crash, nothing that the sanitizers see, nothing "wrong" (see explore.h), and no
// opening that takes longer than 10 ms of CPU time.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/mapping.h"
#include "tests/fuzz/explore.h"
#include "tests/fuzz/images.h"
#include "tests/row.h"

// Half the time of an execution went into the stacks of allocations.
extern "C" const char* __asan_default_options() { return "malloc_context_size=1:quarantine_size_mb=16"; }
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

constexpr size_t kPatchBytes = 13;
constexpr uint8_t kRaw = 0xff;
const bool kAdopt = getenv("SMT_ADOPT") != nullptr;
constexpr int64_t kLimitNs = 10'000'000;

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "segment_fuzz: %s\n", what.c_str());
  abort();
}

// The file of an image in a domain of its own, damaged in place and mended again.
struct Victim {
  smt::Domain domain;
  smt::Mapping segment;
  std::vector<std::pair<uint32_t, uint64_t>> damaged;  // where, and the word that was there

  void mend() {
    for (; !damaged.empty(); damaged.pop_back())
      memcpy(segment.data() + damaged.back().first, &damaged.back().second, sizeof(uint64_t));
  }
};

// The folders with one segment each, and the images.
struct Bench {
  std::string folder;
  std::vector<smt::Image> images;
  std::vector<std::vector<uint64_t>> values;  // interesting ones, of each image
  std::vector<Victim> victims;                // one of each image
  uint64_t executions = 0, segments = 0, topics = 0, samples = 0, adopted = 0;
  int64_t slowest_ns = 0;

  Bench() {
    char name[] = "/dev/shm/smt-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) fail("cannot make a folder in /dev/shm");
    folder = name;
    images = smt::make_images(open_domain(root()));
    for (const smt::Image& image : images) {
      values.push_back(interesting_values(image));
      const std::string own = folder + "/" + std::to_string(victims.size());
      smt::Domain domain = open_domain(own);
      const smt::Fd file = write_segment(own, image.bytes);
      smt::Result<smt::Mapping> segment = smt::Mapping::map(file.get(), image.bytes.size(), true);
      if (!segment.ok()) fail(segment.status().message());
      victims.push_back({std::move(domain), std::move(*segment), {}});
      smt::Explored intact;
      read_open(victims.back().domain, &intact);
      if (intact.segments != 1) fail("an intact segment is not opened");
    }
  }
  ~Bench() {
    std::filesystem::remove_all(folder);
    printf(
        "segment_fuzz: %lu executions, %lu segments opened, %lu topics believed, %lu samples, %lu adopted\n",
        executions, segments, topics, samples, adopted);
    smt::Scale::get().chosen_outside();
    print_row(smt::Row{.id = "L7",
                       .what = kAdopt ? "hostile segments adopted" : "hostile segments read",
                       .n = executions,
                       .max_ms = static_cast<double>(slowest_ns) / 1e6});
  }

  // Of whole files and adoptions.
  std::string root() const { return folder + "/whole"; }

  static smt::Domain open_domain(const std::string& root) {
    smt::Result<smt::Domain> domain = smt::Domain::open({.root = root, .domain = "d"});
    if (!domain.ok()) fail(domain.status().message());
    return std::move(*domain);
  }

  void count(const smt::Explored& explored) {
    ++executions;
    segments += explored.segments;
    topics += explored.topics;
    samples += explored.samples;
    adopted += explored.adopted;
  }

  // One file all the time, so that an execution costs a copy and no work in the folder. An adoption may have
  // replaced it.
  static smt::Fd write_segment(const std::string& root, const std::vector<std::byte>& bytes) {
    smt::Fd file(open((root + "/d/" + smt::kVictim).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat st;
    if (!file.ok() || fstat(file.get(), &st) != 0) fail("cannot open the segment");
    const auto size = static_cast<off_t>(bytes.size());
    if (st.st_size != size && ftruncate(file.get(), size) != 0) fail("cannot resize the segment");
    if (pwrite(file.get(), bytes.data(), bytes.size(), 0) != size) fail("cannot write the segment");
    // A folder that has not just been changed is looked through once, not at every look.
    const timespec long_ago[2] = {{1, 0}, {1, 0}};
    if (utimensat(AT_FDCWD, (root + "/d").c_str(), long_ago, 0) != 0) fail("cannot date the folder");
    return file;
  }
};

Bench& the_bench() {
  static Bench bench;
  return bench;
}

// Damages one word; where it is, and what was there.
std::pair<uint32_t, uint64_t> patch(const uint8_t* patch, std::byte* bytes, size_t size) {
  uint32_t offset;
  uint64_t value, word;
  memcpy(&offset, patch, sizeof offset);
  memcpy(&value, patch + 5, sizeof value);
  offset = static_cast<uint32_t>(offset % (size - sizeof word));
  memcpy(&word, bytes + offset, sizeof word);
  const uint64_t before = word;
  switch (patch[4] % 4) {
    case 0:
      word = value;
      break;
    case 1:
      word ^= uint64_t{1} << value % 64;
      break;
    case 2:
      word += value;
      break;
    case 3:
      word = (word & ~uint64_t{0xffffffff}) | (value & 0xffffffff);
      break;
  }
  memcpy(bytes + offset, &word, sizeof word);
  return {offset, before};
}

// Reads a damaged image in place.
void read_in_place(Bench& bench, const uint8_t* data, size_t size, smt::Explored* explored) {
  Victim& victim = bench.victims[data[0] % bench.victims.size()];
  for (size_t at = 1; at + kPatchBytes <= size; at += kPatchBytes)
    victim.damaged.push_back(patch(data + at, victim.segment.data(), victim.segment.size()));
  read_open(victim.domain, explored);
  victim.mend();
}

// Reads a whole file, or a damaged image, which is adopted too.
void read_file(const Bench& bench, const uint8_t* data, size_t size, smt::Explored* explored) {
  static std::vector<std::byte> bytes;  // keeps its memory
  if (data[0] == kRaw) {
    const auto* rest = reinterpret_cast<const std::byte*>(data + 1);
    bytes.assign(rest, rest + size - 1);
  } else {
    bytes = bench.images[data[0] % bench.images.size()].bytes;
    for (size_t at = 1; at + kPatchBytes <= size; at += kPatchBytes)
      patch(data + at, bytes.data(), bytes.size());
  }
  Bench::write_segment(bench.root(), bytes);
  smt::read_all(bench.root(), explored);
  smt::adopt_and_publish(bench.root(), explored);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bench& bench = the_bench();
  if (size == 0) return 0;
  // A busy machine may make anything slow once; what is slow every time is.
  int64_t slowest_ns = INT64_MAX;
  for (int attempt = 0; attempt < 5 && slowest_ns > kLimitNs; ++attempt) {
    smt::Explored explored;
    if (kAdopt) {
      read_file(bench, data, size, &explored);
    } else {
      read_in_place(bench, data, size, &explored);
    }
    if (!explored.wrong.empty()) fail(explored.wrong);
    bench.count(explored);
    slowest_ns = std::min(slowest_ns, explored.slowest_ns);
    if (attempt == 4 && slowest_ns > kLimitNs) fail(explored.slowest + " takes longer than 10 ms");
  }
  bench.slowest_ns = std::max(bench.slowest_ns, slowest_ns);
  return 0;
}

// Half of the time adds a patch of a word that matters with a value that matters, or drops one.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  const Bench& bench = the_bench();
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  const auto random = [&](uint64_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
  };
  if (size == 0 || random(64) == 0) {
    data[0] = static_cast<uint8_t>(random(bench.images.size()));
    return std::max<size_t>(size, 1);
  }
  if (random(2) == 0 || (kAdopt && data[0] == kRaw)) return LLVMFuzzerMutate(data, size, max_size);
  const size_t patches = (size - 1) / kPatchBytes;
  if (patches > 0 && (random(4) == 0 || patches > 8)) {  // drop one
    uint8_t* gone = data + 1 + random(patches) * kPatchBytes;
    memmove(gone, data + 1 + (patches - 1) * kPatchBytes, kPatchBytes);
    return 1 + (patches - 1) * kPatchBytes;
  }
  const size_t end = 1 + patches * kPatchBytes;
  if (end + kPatchBytes > max_size) return LLVMFuzzerMutate(data, size, max_size);
  const size_t which = data[0] % bench.images.size();
  const smt::Image& image = bench.images[which];
  const uint32_t offset = image.structure[random(image.structure.size())] + (random(4) == 0 ? 4u : 0u);
  const uint64_t value = bench.values[which][random(bench.values[which].size())];
  memcpy(data + end, &offset, sizeof offset);
  data[end + 4] = static_cast<uint8_t>(random(4));
  memcpy(data + end + 5, &value, sizeof value);
  return end + kPatchBytes;
}
