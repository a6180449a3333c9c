#include "shm/mapping.h"

#include <sys/resource.h>

#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <cstdint>

#include "shm/memory_text.h"

namespace smt {

namespace bi = boost::interprocess;

namespace {
// What mapped_region asks of a file.
struct Descriptor {
  int fd;
  bi::mapping_handle_t get_mapping_handle() const { return {fd, false}; }
};

// Segments are the only files that are too large to map. `why` ends where what helps is told.
Status no_address_space(const std::string& what, uint64_t bytes, const std::string& why) {
  return Status(Code::kNoSpace, "cannot map " + memory_text(bytes) + " of " + what + ": " + why +
                                    "start the node with a smaller --segment-size");
}

std::string what_bounds_addresses() {
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return "the address space is full; ";
  return "this process may have " + memory_text(limit.rlim_cur) + " of address space; raise ulimit -v, or ";
}
}  // namespace

Mapping::Mapping() = default;
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

Result<Mapping> Mapping::map(int fd, uint64_t bytes, bool writable, const std::string& what) {
  if (bytes > SIZE_MAX) return no_address_space(what, bytes, "this is a 32-bit program; ");
  Mapping m;
  try {
    m.region_ = std::make_unique<bi::mapped_region>(Descriptor{fd}, writable ? bi::read_write : bi::read_only,
                                                    0, static_cast<size_t>(bytes));
  } catch (const bi::interprocess_exception& e) {
    const int error = e.get_native_error();
    if (error == ENOMEM) return no_address_space(what, bytes, what_bounds_addresses());
    return Status::from_errno("cannot map " + memory_text(bytes) + " of " + what, error);
  }
  return m;
}

std::byte* Mapping::data() const {
  return region_ ? static_cast<std::byte*>(region_->get_address()) : nullptr;
}
uint64_t Mapping::size() const { return region_ ? region_->get_size() : 0; }

}  // namespace smt
