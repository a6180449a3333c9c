// A folder of a test's own, gone with all that is in it.
#ifndef SMT_TESTS_TEMP_FOLDER_H_
#define SMT_TESTS_TEMP_FOLDER_H_

#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>

namespace smt {

class TempFolder {
 public:
  // Aborts if there can be none.
  explicit TempFolder(const std::string& in = "/dev/shm") : path_(in + "/smt-test-XXXXXX") {
    if (mkdtemp(path_.data()) != nullptr) return;
    perror(("cannot make " + path_).c_str());
    abort();
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace smt

#endif  // SMT_TESTS_TEMP_FOLDER_H_
