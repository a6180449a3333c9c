#include "shm/mapping.h"

#include <boost/interprocess/mapped_region.hpp>
#include <cstdint>

namespace smt {

namespace bi = boost::interprocess;

namespace {
// What mapped_region asks of a file.
struct Descriptor {
  int fd;
  bi::mapping_handle_t get_mapping_handle() const { return {fd, false}; }
};
}  // namespace

Mapping::Mapping() = default;
Mapping::Mapping(Mapping&&) noexcept = default;
Mapping& Mapping::operator=(Mapping&&) noexcept = default;
Mapping::~Mapping() = default;

Result<Mapping> Mapping::map(int fd, uint64_t bytes, bool writable) {
  if (bytes > SIZE_MAX) {
    return Status(Code::kNoSpace,
                  "cannot map " + std::to_string(bytes) +
                      " bytes into a 32-bit program: start the node with a smaller --segment-size");
  }
  Mapping m;
  try {
    m.region_ = std::make_unique<bi::mapped_region>(Descriptor{fd}, writable ? bi::read_write : bi::read_only,
                                                    0, static_cast<size_t>(bytes));
  } catch (const bi::interprocess_exception& e) {
    return Status::from_errno("cannot map " + std::to_string(bytes) + " bytes", e.get_native_error());
  }
  return m;
}

std::byte* Mapping::data() const {
  return region_ ? static_cast<std::byte*>(region_->get_address()) : nullptr;
}
uint64_t Mapping::size() const { return region_ ? region_->get_size() : 0; }

}  // namespace smt
