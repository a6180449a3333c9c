// A folder of keys: that of "base", and what a test adds.
#ifndef SMT_TESTS_KEYS_FIXTURE_H_
#define SMT_TESTS_KEYS_FIXTURE_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "relay/keyring.h"

namespace smt::relay {

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    char name[] = "/tmp/smt-keys-XXXXXX";
    dir_ = mkdtemp(name);
    std::filesystem::create_directory(dir_ + "/peers");
    chmod((dir_ + "/peers").c_str(), 0700);
    Write("self.key", self_.secret_text(), 0600);
  }
  ~KeysTest() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::ofstream(dir_ + "/" + name) << text;
    chmod((dir_ + "/" + name).c_str(), mode);
  }
  std::string Refusal() const {
    const auto ring = Keyring::read(dir_);
    return ring.ok() ? "none" : ring.status().message();
  }

  std::string dir_;
  const KeyPair self_ = KeyPair::Make("base"), robot_ = KeyPair::Make("robot");
};

}  // namespace smt::relay

#endif  // SMT_TESTS_KEYS_FIXTURE_H_
