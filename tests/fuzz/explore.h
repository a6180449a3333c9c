// Calls everything that libsmt offers on a domain whose segments may hold any bytes.
#ifndef SMT_TESTS_FUZZ_EXPLORE_H_
#define SMT_TESTS_FUZZ_EXPLORE_H_

#include <cstdint>
#include <string>

#include "shm/domain.h"
#include "shm/reader.h"

namespace smt {

// What came out, so that a caller can tell that something was read at all.
struct Explored {
  uint64_t segments = 0;   // opened
  uint64_t topics = 0;     // believed
  uint64_t samples = 0;    // returned
  uint64_t adopted = 0;    // segments taken over, of those tried
  int64_t slowest_ns = 0;  // thread CPU time of the slowest opening, listing, adoption or round of reading,
  std::string slowest;     // and which it was
  std::string wrong;       // the first thing that must never come out, whatever the bytes are; "" = none
};

// Opens kVictim's segment anew in all ways there are, and reads all it offers. Opens the domain by itself.
void read_all(const std::string& root, Explored* explored);

// The same through a domain that was open before the damage, and without listing it: a tenth of the system
// calls.
void read_open(const Domain& domain, Explored* explored);

// Reads with a reader that has been there for longer.
void read_on(Reader* reader, Explored* explored);

// Takes the segment over as its next owner and publishes; replaces it if it cannot be adopted.
void adopt_and_publish(const std::string& root, Explored* explored);

}  // namespace smt

#endif  // SMT_TESTS_FUZZ_EXPLORE_H_
