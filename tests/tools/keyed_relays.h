// Relays with keys, as processes, and folders of keys made by smtrelay_keygen.
#ifndef SMT_TESTS_TOOLS_KEYED_RELAYS_H_
#define SMT_TESTS_TOOLS_KEYED_RELAYS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "tests/tools/relay_domains.h"

namespace smt::tools {

class KeyedTest : public RelayTest {
 protected:
  std::string keys(const std::string& name) const { return root_ + "/keys/" + name; }
  void make_keys(const std::vector<std::string>& names) const {
    std::filesystem::create_directories(root_ + "/keys");
    for (const std::string& name : names) {
      const Ended made = run({"smtrelay_keygen", name, "--out", keys(name)});
      EXPECT_EQ(made.exit_code, 0) << made.err;
    }
  }
  // `name` knows `peer` from here on, when it looks.
  void acquaint(const std::string& name, const std::string& peer) const {
    std::filesystem::copy_file(keys(peer) + "/" + peer + ".pub", keys(name) + "/peers/" + peer + ".pub",
                               std::filesystem::copy_options::overwrite_existing);
  }
  void acquaint_both(const std::string& a, const std::string& b) const {
    acquaint(a, b);
    acquaint(b, a);
  }
  Relay robot(const std::string& connect = "") const {
    return start({"smtrelay_pub", "--domain", "robot", "--keys", keys("robot"),
                  connect.empty() ? "--bind" : "--connect", connect.empty() ? "tcp://127.0.0.1:*" : connect});
  }
  Relay mirror(const std::string& name, const std::string& connect) const {
    return start({"smtrelay_sub", "--domain", name, "--keys", keys(name), "--connect", connect});
  }
  // The value of a string topic in a memory; "": none.
  std::string text(const std::string& in, const std::string& topic) const {
    const std::optional<Held> now = held(in, topic);
    if (!now) return "";
    return {reinterpret_cast<const char*>(now->bytes.data()), now->bytes.size()};
  }
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_KEYED_RELAYS_H_
