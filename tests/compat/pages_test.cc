// What scripts and services of a release say to today's tools, and read in their pages: each option and verb
// of its help is there, and each key of its /status. Today's pages are those that help_test and
// metrics_pages_test compare with the tools: tests/vectors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/compat/packed.h"
#include "tests/text.h"

namespace smt {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The options and verbs of a help: the first words of its lines.
std::set<std::string> words_of(const std::string& help) {
  static const std::regex kFirst("^  ((?:-\\w,)?(?:--[\\w-]+,?)+|[a-z][\\w-]*)(?: .*)?$");
  std::set<std::string> out;
  std::smatch found;
  for (const std::string& line : split_lines(help)) {
    if (std::regex_match(line, found, kFirst)) out.insert(found[1]);
  }
  return out;
}

// The ways to all that a page holds: "/peers//name string". What is null may be anything.
void add_ways(const json& page, const std::string& way, std::set<std::string>* out) {
  if (page.is_object()) {
    for (const auto& [key, value] : page.items()) add_ways(value, way + "/" + key, out);
  } else if (page.is_array()) {
    for (const json& value : page) add_ways(value, way + "/", out);
  } else if (!page.is_null()) {
    out->insert(way + (page.is_number() ? " number" : std::string(" ") + page.type_name()));
  }
}
std::set<std::string> ways_of(const std::string& page) {
  std::set<std::string> out;
  add_ways(json::parse(page), "", &out);
  return out;
}

std::vector<std::string> lost(const std::set<std::string>& before, const std::set<std::string>& now) {
  std::vector<std::string> out;
  std::set_difference(before.begin(), before.end(), now.begin(), now.end(), std::back_inserter(out));
  return out;
}

TEST(CompatPages, EachOptionAndVerbOfEachReleaseIsThere) {
  size_t words = 0;
  for (const std::string& path : compat::files_of_releases("help")) {
    const std::string name = std::filesystem::path(path).filename().string();
    const std::set<std::string> before = words_of(contents(path));
    EXPECT_THAT(lost(before, words_of(contents(source_path("tests/vectors/help/" + name)))), IsEmpty())
        << path;
    words += before.size();
  }
  EXPECT_GE(words, 300u);
}

TEST(CompatPages, EachKeyOfTheStatusOfEachReleaseIsThere) {
  size_t ways = 0;
  for (const std::string& path : compat::files_of_releases("status")) {
    const std::set<std::string> before = ways_of(contents(path));
    EXPECT_THAT(lost(before, ways_of(contents(source_path("tests/vectors/status.json")))), IsEmpty()) << path;
    ways += before.size();
  }
  EXPECT_GE(ways, 100u);
}

TEST(CompatPages, WhatIsLostIsFound) {
  EXPECT_THAT(lost(words_of("Options:\n  -h,--help     Print\n  --old UINT    x\n  get  Reads\n"),
                   words_of("Options:\n  -h,--help     Prints it\n  --new UINT    x\n")),
              ElementsAre("--old", "get"));
  EXPECT_THAT(
      lost(ways_of(R"({"a": [{"b": 1}, {"c": "x"}], "d": true})"), ways_of(R"({"a": [{"b": 2, "c": 3}]})")),
      ElementsAre("/a//c string", "/d boolean"));
}

}  // namespace
}  // namespace smt
