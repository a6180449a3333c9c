// Valid segments to begin the damage with, and reading everything that a damaged one offers.
#ifndef SMT_TESTS_FUZZ_IMAGES_H_
#define SMT_TESTS_FUZZ_IMAGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shm/domain.h"

namespace smt {

// The name of the node whose segment is damaged.
inline constexpr char kVictim[] = "n";

struct Image {
  std::string what;
  std::vector<std::byte> bytes;     // of the segment's file, as its owner left it
  std::vector<uint32_t> structure;  // offsets of the 8-byte words that say where things are and how large
};

// One segment of each kind, made by a node kVictim in `domain`, which is gone afterwards. The last ones are
// those of nodes that ended cleanly; the segments of a living node differ from them in `closed` only.
std::vector<Image> make_images(const Domain& domain);

// What kind of damage is worth trying at an offset: limits, powers of two, and offsets and counts of this
// image.
std::vector<uint64_t> interesting_values(const Image& image);

// The offsets of structure in an intact segment, see Image.
std::vector<uint32_t> structure_of(const std::byte* segment);

}  // namespace smt

#endif  // SMT_TESTS_FUZZ_IMAGES_H_
