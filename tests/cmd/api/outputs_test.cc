// Outputs of the generators: the file behind symbolic links, or what is there and no file.
#include "cmd/api/outputs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "shm/fd.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt::cmd::api {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class OutputsTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  size_t files() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }
  void write(const std::string& name, const char* text) const { std::ofstream(path(name)) << text; }

  const TempFolder folder_;
};

TEST_F(OutputsTest, ReplaceTheFileBehindSymbolicLinksAndNothingElse) {
  fs::create_directory(path("there"));
  write("file", "old");
  fs::create_symlink("../file", path("there/relative"));
  fs::create_symlink(path("there/relative"), path("absolute"));
  fs::create_symlink("there/new", path("to_nothing"));
  fs::create_symlink("loop", path("loop"));
  fs::create_symlink("/dev/null", path("to_null"));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  const Fd open_file(open(path("file").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string descriptor = "/proc/self/fd/" + std::to_string(open_file.get());
  fs::create_symlink(descriptor, path("to_descriptor"));
  const std::pair<std::string, std::string> kTable[] = {
      {path("file"), path("file")},
      {path("none"), path("none")},
      {"none.at.all", "none.at.all"},
      {path("there/relative"), path("there/../file")},
      {path("absolute"), path("there/../file")},
      {path("to_nothing"), path("there/new")},
      {path("loop"), ""},
      {path("to_null"), ""},
      {path("fifo"), ""},
      {path("there"), ""},
      {path("file/below"), ""},
      {descriptor, ""},
      {path("to_descriptor"), ""},
      {"/dev/null", ""},
      {"-", ""},
  };
  for (const auto& [output, file] : kTable) EXPECT_EQ(replaced_file(output), file) << output;
}

TEST_F(OutputsTest, AreAllWrittenOrNoneIs) {
  write("old", "old");
  const size_t before = files();
  for (const std::string& broken : {std::string("/dev/full"), path("no/folder"), folder_.path()}) {
    const Status s = write_outputs({{path("old"), "new"}, {broken, "text"}, {path("new"), "new"}});
    EXPECT_THAT(s.message(), HasSubstr("cannot write " + broken));
    EXPECT_EQ(contents(path("old")), "old");
    EXPECT_EQ(files(), before) << broken;
  }
}

TEST_F(OutputsTest, AFileThatHoldsItsTextIsNotTouched) {
  write("right", "text");
  write("longer", "text and more");
  struct stat before[2], after[2];
  const std::string paths[] = {path("right"), path("longer")};
  for (int i = 0; i < 2; ++i) ASSERT_EQ(stat(paths[i].c_str(), &before[i]), 0);
  EXPECT_EQ(compare_outputs({{paths[0], "text"}, {paths[1], "text"}}).code(), Code::kMismatch);
  ASSERT_TRUE(write_outputs({{paths[0], "text"}, {paths[1], "text"}}).ok());
  for (int i = 0; i < 2; ++i) ASSERT_EQ(stat(paths[i].c_str(), &after[i]), 0);
  EXPECT_EQ(before[0].st_ino, after[0].st_ino);
  EXPECT_NE(before[1].st_ino, after[1].st_ino);
  EXPECT_TRUE(compare_outputs({{paths[0], "text"}, {paths[1], "text"}}).ok());
}

}  // namespace
}  // namespace smt::cmd::api
