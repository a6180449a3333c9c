// A mapped file, by descriptor (Boost.Interprocess mapped_region; its own file_mapping opens by path only and
// cannot serve O_TMPFILE, a folder descriptor or O_NOFOLLOW).
#ifndef SMT_SHM_MAPPING_H_
#define SMT_SHM_MAPPING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "shm/status.h"

namespace boost::interprocess {
class mapped_region;
}

namespace smt {

class Mapping {
 public:
  Mapping();
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  ~Mapping();

  // Maps bytes [0, bytes) of the file, shared. The descriptor may be closed afterwards. `what`, "the segment
  // of node x", is named in an error; kNoSpace: the process may not have so much address space.
  static Result<Mapping> map(int fd, uint64_t bytes, bool writable, const std::string& what = "a file");

  std::byte* data() const;  // null if nothing is mapped
  uint64_t size() const;

 private:
  std::unique_ptr<boost::interprocess::mapped_region> region_;
};

}  // namespace smt

#endif  // SMT_SHM_MAPPING_H_
