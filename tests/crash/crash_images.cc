// Kills the owner of a segment at every instruction of everything that it does.
//
// A child publishes, grows, advertises, removes, ends, adopts and replaces, and is single-stepped meanwhile.
// After each step that changed the folder, what a kill there would leave is copied to another folder, where
// readers must find every topic as it was or as it was to become, and a successor must take over, publish,
// and be read.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "shm/fd.h"
#include "tests/crash/recovery.h"
#include "tests/crash/traced_owner.h"
#include "tests/row.h"
#include "tests/scale.h"

namespace smt {
namespace {

// The regular files of a folder, looked at as cheaply as can be: mapped once, compared after each step.
class Folder {
 public:
  explicit Folder(const std::string& path) : path_(path) {}

  // True if anything that a kill would leave behind differs from the last call.
  bool changed() {
    bool changed = false;
    struct stat st;
    if (stat(path_.c_str(), &st) != 0) fail("cannot look at " + path_);
    if (st.st_mtim.tv_nsec != time_.tv_nsec || st.st_mtim.tv_sec != time_.tv_sec || unsettled_ > 0) {
      // The time stamp is as coarse as the kernel's tick: look at the names a while longer.
      unsettled_ =
          st.st_mtim.tv_nsec != time_.tv_nsec || st.st_mtim.tv_sec != time_.tv_sec ? 2000 : unsettled_ - 1;
      time_ = st.st_mtim;
      changed = names();
    }
    for (auto& [name, file] : files_) {
      if (memcmp(file.last.data(), file.data, file.last.size()) == 0) continue;
      memcpy(file.last.data(), file.data, file.last.size());
      changed = true;
    }
    return changed;
  }

  // Makes `to` hold the same files with the same bytes, and nothing else.
  void copy_to(const std::string& to) const {
    for (const auto& entry : std::filesystem::directory_iterator(to)) std::filesystem::remove(entry.path());
    for (const auto& [name, file] : files_) {
      const Fd fd(open((to + "/" + name).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
      if (write(fd.get(), file.last.data(), file.last.size()) != static_cast<ssize_t>(file.last.size())) {
        fail("cannot copy " + name);
      }
    }
  }

 private:
  struct File {
    ino_t inode;
    const std::byte* data;
    std::vector<std::byte> last;
  };

  bool names() {
    bool changed = false;
    std::map<std::string, ino_t> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      struct stat st;
      if (lstat(entry.path().c_str(), &st) == 0 && S_ISREG(st.st_mode))
        names[entry.path().filename()] = st.st_ino;
    }
    for (auto it = files_.begin(); it != files_.end();) {
      const auto found = names.find(it->first);
      if (found != names.end() && found->second == it->second.inode) {
        ++it;
        continue;
      }
      munmap(const_cast<std::byte*>(it->second.data), it->second.last.size());
      it = files_.erase(it);
      changed = true;
    }
    for (const auto& [name, inode] : names) {
      if (files_.count(name) != 0) continue;
      const Fd fd(open((path_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC));
      struct stat st;
      if (!fd.ok() || fstat(fd.get(), &st) != 0) fail("cannot open " + name);
      const auto bytes = static_cast<size_t>(st.st_size);
      void* data = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
      if (data == MAP_FAILED) fail("cannot map " + name);
      const auto* begin = static_cast<const std::byte*>(data);
      files_[name] = {inode, begin, {begin, begin + bytes}};
      changed = true;
    }
    return changed;
  }

  const std::string path_;
  timespec time_{};
  int unsettled_ = 0;
  std::map<std::string, File> files_;
};

struct Total {
  uint64_t steps = 0, images = 0, half_written = 0, violations = 0;
  int64_t slowest_ns = 0;
};

// Steps one owner through all its operations.
void step_owner(uint64_t seed, Total* total) {
  TracedOwner owner(seed);
  Folder files(owner.root() + "/d");
  while (owner.run_on()) {
    const char* operation = owner.progress().operation;
    uint64_t steps = 0, images = 0;
    files.changed();
    while (owner.step()) {
      ++steps;
      if (!files.changed()) continue;
      ++images;
      files.copy_to(owner.copy_root() + "/d");
      const Recovery recovery = recover(owner.copy_root(), owner.progress());
      total->half_written += recovery.half_written;
      total->slowest_ns = std::max(total->slowest_ns, recovery.slowest_ns);
      for (const std::string& what : recovery.violations) {
        if (++total->violations > 20) continue;
        printf("VIOLATION in %s (owner %lu, step %lu): %s\n", operation, seed, steps, what.c_str());
      }
    }
    if (seed == 0) printf("%-20s %8lu steps %6lu images\n", operation, steps, images);
    if (images == 0) {
      printf("VIOLATION: %s (owner %lu) changed nothing: it was not stepped\n", operation, seed);
      ++total->violations;
    }
    total->steps += steps;
    total->images += images;
  }
}

}  // namespace
}  // namespace smt

int main() {
  const uint64_t owners = smt::Scale::get().scaled(1, 24), first = owners * smt::Scale::round();
  smt::Total total;
  for (uint64_t seed = first; seed < first + owners; ++seed) smt::step_owner(seed, &total);
  const double slowest_ms = static_cast<double>(total.slowest_ns) / 1e6;
  printf(
      "%lu owners, %lu steps, %lu crash images, %lu of them with a half-written slot, slowest take-over %.1f "
      "ms, %lu violations\n",
      owners, total.steps, total.images, total.half_written, slowest_ms, total.violations);
  smt::print_row(smt::Row{.id = "L2",
                          .what = "crash images, after every instruction",
                          .n = total.steps,
                          .violations = total.violations,
                          .max_ms = slowest_ms});
  return total.violations == 0 && total.half_written > 0 ? 0 : 1;
}
