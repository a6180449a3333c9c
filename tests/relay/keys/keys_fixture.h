// A folder of keys: that of "base", and what a test adds.
#ifndef SMT_TESTS_RELAY_KEYS_KEYS_FIXTURE_H_
#define SMT_TESTS_RELAY_KEYS_KEYS_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "relay/keys/keyring.h"
#include "tests/temp_folder.h"

namespace smt::relay {

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    std::filesystem::create_directory(dir_ + "/peers");
    chmod((dir_ + "/peers").c_str(), 0700);
    write("self.key", self_.secret_text(), 0600);
  }

  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::ofstream(dir_ + "/" + name) << text;
    chmod((dir_ + "/" + name).c_str(), mode);
  }
  std::string refusal_of() const {
    const auto ring = Keyring::read(dir_);
    return ring.ok() ? "none" : ring.status().message();
  }

  const TempFolder temp_;
  const std::string dir_ = temp_.path();
  const KeyPair self_ = KeyPair::make("base"), robot_ = KeyPair::make("robot");
};

}  // namespace smt::relay

#endif  // SMT_TESTS_RELAY_KEYS_KEYS_FIXTURE_H_
