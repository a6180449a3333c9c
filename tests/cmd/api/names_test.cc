// Names of descriptions, and the names that headers of C own on the machine that built this test.
#include "cmd/api/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "cmd/api/header_names.h"

namespace smt::cmd::api {
namespace {

using ::testing::HasSubstr;
using Names = std::span<const std::string_view>;

bool has(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

TEST(ApiNames, ListsOfTheHeadersAreSortedAndHoldEachNameOnce) {
  for (const Names names : {kHeaderMacros, kHeaderDeclarations}) {
    EXPECT_GT(names.size(), 1000u);
    EXPECT_EQ(std::ranges::adjacent_find(names, std::greater_equal<>()), names.end());
  }
}

TEST(ApiNames, ListsOfTheHeadersHaveWhatStandsAtTheOutermostLevel) {
  for (const char* macro : {"EIO", "INT_MAX", "PATH_MAX", "NULL", "INFINITY", "errno", "assert", "SIGINT",
                            "linux", "O_RDONLY", "SEEK_SET", "CHAR_BIT", "UINT64_MAX", "st_atime"}) {
    EXPECT_TRUE(has(kHeaderMacros, macro)) << macro;
  }
  // Functions, a variable, a tag, types, an enumerator.
  for (const char* name : {"link", "time", "log", "y0", "signal", "stat", "pthread_create", "environ",
                           "timespec", "pid_t", "div_t", "FILE", "PTHREAD_CREATE_JOINABLE"}) {
    EXPECT_TRUE(has(kHeaderDeclarations, name)) << name;
  }
  // Members, parameters, and names of the C++ library and of this one.
  for (const char* name :
       {"tv_sec", "quot", "st_size", "data", "value", "string", "vector", "chrono", "smt", "Node", "rover"}) {
    EXPECT_FALSE(has(kHeaderMacros, name) || has(kHeaderDeclarations, name)) << name;
  }
}

TEST(ApiNames, MacrosAreRefusedEverywhereAndDeclarationsWhereTheyMeetTheirOwn) {
  const std::string defined = "\"EIO\": headers of C define it; take another name";
  EXPECT_EQ(check_identifier("EIO").message(), defined);
  EXPECT_EQ(check_global_name("EIO").message(), defined);
  EXPECT_EQ(check_namespace("a::EIO").message(), defined);
  EXPECT_THAT(check_c_name("INT_MAX").message(), HasSubstr("which headers of C define"));
  EXPECT_THAT(check_c_name("pthread_create").message(), HasSubstr("which headers of C declare"));
  for (const char* name : {"link", "link::a", "time"}) {
    EXPECT_THAT(check_namespace(name).message(), HasSubstr("headers of C declare it"));
  }
  for (const char* name : {"link", "time", "log"}) {
    EXPECT_TRUE(check_identifier(name).ok() && check_global_name(name).ok()) << name;
    EXPECT_TRUE(check_namespace(std::string("a::") + name).ok()) << name;
  }
  EXPECT_TRUE(check_namespace("rover").ok() && check_c_name("rover_time").ok());
}

}  // namespace
}  // namespace smt::cmd::api
