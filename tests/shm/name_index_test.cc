#include "shm/name_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace smt {
namespace {

class NameIndexTest : public testing::Test {
 protected:
  void insert(const std::string& name) {
    numbers_[name] = static_cast<uint32_t>(names_.size());
    index_.insert(name, numbers_[name]);
    names_.push_back(name);
  }
  void erase(const std::string& name) {
    index_.erase(name, numbers_.at(name));
    numbers_.erase(name);
  }
  std::optional<uint32_t> find(const std::string& name) const {
    return index_.find(name, [this](uint32_t number) -> const std::string& { return names_[number]; });
  }
  // All that is here is found, and `others` are not.
  void check(const std::vector<std::string>& others) const {
    ASSERT_EQ(index_.size(), numbers_.size());
    for (const auto& [name, number] : numbers_) ASSERT_EQ(find(name), number) << name;
    for (const std::string& name : others) {
      ASSERT_EQ(find(name).has_value(), numbers_.contains(name)) << name;
    }
  }

  NameIndex index_;
  std::vector<std::string> names_;  // by number
  std::map<std::string, uint32_t> numbers_;
};

TEST_F(NameIndexTest, AnEmptyOneFindsNothing) {
  EXPECT_EQ(find("a"), std::nullopt);
  EXPECT_EQ(index_.size(), 0u);
}

TEST_F(NameIndexTest, ANameThatWasErasedIsFreeForAnotherNumber) {
  insert("a");
  erase("a");
  EXPECT_EQ(find("a"), std::nullopt);
  insert("a");
  EXPECT_EQ(find("a"), 1u);
}

TEST_F(NameIndexTest, WhatIsHereIsFoundAfterAnyInsertionsAndErasures) {
  std::mt19937 random(20261130);
  std::vector<std::string> all;
  for (int i = 0; i < 300; ++i) all.push_back("topic/" + std::to_string(i));
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string& name = all[random() % all.size()];
      if (numbers_.contains(name)) {
        erase(name);
      } else {
        insert(name);
      }
    }
    check(all);
  }
}

TEST_F(NameIndexTest, ItIsSmallAfterManyNamesHaveComeAndGone) {
  for (int i = 0; i < 100'000; ++i) {
    insert("t" + std::to_string(i));
    if (i >= 10) erase("t" + std::to_string(i - 10));
  }
  EXPECT_LE(index_.bytes(), 16 * 2 * sizeof(uint64_t));
  check({"t5", "t99980"});
}

}  // namespace
}  // namespace smt
