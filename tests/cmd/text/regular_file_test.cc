// A file that must be regular is read no further than its reader can use.
#include "cmd/text/regular_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/temp_folder.h"

namespace smt::cmd {
namespace {

TEST(RegularFile, IsReadToItsEndOrOneByteTooFar) {
  const TempFolder folder;
  const std::string path = folder.path() + "/file";
  std::ofstream(path) << "text";
  for (const size_t max : {size_t{4}, size_t{1000}}) EXPECT_EQ(*read_regular_file(path, max), "text");
  EXPECT_EQ(*read_regular_file(path, 2), "tex");
  std::filesystem::resize_file(path, uint64_t{1} << 40);  // of holes
  EXPECT_EQ(read_regular_file(path, 1000)->size(), 1001u);
}

TEST(RegularFile, IsNeitherAFolderNorADeviceNorAFifo) {
  const TempFolder folder;
  const std::string fifo = folder.path() + "/fifo", link = folder.path() + "/link";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", link);
  for (const std::string& path :
       {folder.path(), std::string("/dev/zero"), std::string("/dev/full"), fifo, link}) {
    const Status s = read_regular_file(path, 10).status();
    EXPECT_EQ(s.code(), Code::kInvalid) << path;
    EXPECT_EQ(s.message(), "is no regular file");
  }
  EXPECT_EQ(read_regular_file(folder.path() + "/none", 10).status().message(),
            "cannot be read: No such file or directory");
}

}  // namespace
}  // namespace smt::cmd
