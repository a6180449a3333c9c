// A disk of a test's own, with the options of a tmpfs.
#ifndef SMT_TESTS_SMALL_DISK_H_
#define SMT_TESTS_SMALL_DISK_H_

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

namespace smt {

// Not ok: only root may have one.
class SmallDisk {
 public:
  SmallDisk(std::string path, const char* options) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    ok_ = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
          (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ||
           mount("none", "/dev/shm", nullptr, MS_PRIVATE, nullptr) == 0) &&
          mount("smt-test", path_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (ok_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool ok() const { return ok_; }

 private:
  std::string path_;
  bool ok_ = false;
};

}  // namespace smt

#endif  // SMT_TESTS_SMALL_DISK_H_
