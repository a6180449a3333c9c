// Configurations from a file, flags and the environment, inside the test's own process.
#ifndef SMT_TESTS_CMD_CONFIG_CONFIG_FIXTURE_H_
#define SMT_TESTS_CMD_CONFIG_CONFIG_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cmd/config/config_print.h"
#include "cmd/config/relay_config.h"
#include "cmd/relays/config_flags.h"
#include "cmd/text/config_value.h"
#include "relay/keys/keys.h"
#include "tests/temp_folder.h"

namespace smt::cmd {

using Args = std::vector<std::string>;

inline constexpr Role kRoles[] = {Role::kPub, Role::kSub, Role::kProxy, Role::kClient};

inline Role role_of(const std::string& name) {
  return *std::find_if(std::begin(kRoles), std::end(kRoles), [&](Role r) { return role_name(r) == name; });
}

struct Loaded {
  ConfigFlags flags;
  RelayConfig config;
  ConfigErrors errors;
};

class Config : public testing::Test {
 protected:
  ~Config() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }

  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }
  void set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  // A folder with the key of `name`, and with those of `peers`; its path.
  std::string keys(const std::string& name, const std::vector<std::string>& peers = {}) const {
    const auto make = [](const std::string& path, const std::string& text) {
      std::ofstream(path) << text;
      chmod(path.c_str(), 0600);
    };
    const std::string dir = folder_ + "/" + name;
    for (const std::string& path : {dir, dir + "/peers"}) mkdir(path.c_str(), 0700);
    make(dir + "/self.key", relay::KeyPair::make(name).secret_text());
    for (const std::string& peer : peers) {
      make(dir + "/peers/" + peer + ".pub", relay::KeyPair::make(peer).public_text());
    }
    return dir;
  }
  // With flags only.
  Loaded load(Role role, Args args) const {
    Loaded loaded;
    loaded.flags.role = role;
    CLI::App app;
    add_config_flags(app, &loaded.flags);
    std::reverse(args.begin(), args.end());
    app.parse(args);
    loaded.config = load_config(loaded.flags, &loaded.errors);
    return loaded;
  }
  // With a file of this text, which needs no endpoint.
  Loaded file(Role role, const std::string& text, Args args = {}) const {
    write(text);
    args.insert(args.begin(), {"--config", path_, "--print-config"});
    return load(role, args);
  }
  // The same where it must be right.
  RelayConfig good(Role role, const std::string& text, const Args& args = {}) const {
    const Loaded loaded = file(role, "version = 1\n" + text, args);
    EXPECT_THAT(loaded.errors.lines(), testing::IsEmpty()) << text;
    return loaded.config;
  }

  const TempFolder temp_;
  const std::string folder_ = temp_.path(), path_ = folder_ + "/F";
  std::vector<std::string> set_;
};

// The printed form without origins.
inline std::string meaning_of(const RelayConfig& config) {
  std::string out;
  const std::string printed = print_config(config);
  for (size_t begin = 0, end; begin < printed.size(); begin = end + 1) {
    end = printed.find('\n', begin);
    const std::string line = printed.substr(begin, end - begin);
    out += line.substr(0, line.rfind("  # ")) + "\n";
  }
  return out;
}

}  // namespace smt::cmd

#endif  // SMT_TESTS_CMD_CONFIG_CONFIG_FIXTURE_H_
