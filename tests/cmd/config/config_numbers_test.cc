// Every number of the configuration, wherever it is written, refuses what is not finite, and what is below
// nothing where less than nothing has no meaning.
#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "cmd/config/config_keys.h"

namespace smt::cmd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Value number(double of) {
  Value value;
  value.kind = Value::Kind::kNumber;
  value.number = of;
  return value;
}

Value integer(int64_t of) {
  Value value;
  value.kind = Value::Kind::kInteger;
  value.integer = of;
  return value;
}

bool is_numeric(std::string_view type) {
  return type == "DSCP" || type == "HZ" || type == "DURATION" || type == "BYTES" || type == "N" || type == "X";
}

class ConfigNumbers : public testing::Test {
 protected:
  template <class T>
  void refuses(const Key<T>& key, const Value& value, const std::string& shown) {
    T table;
    EXPECT_TRUE(key.read(value, &table)) << key.name << " takes " << shown;
  }
  template <class T>
  void look(const std::set<std::string_view>& may_be_negative = {}) {
    for (const Key<T>& key : keys_of<T>()) {
      if (!is_numeric(key.type)) continue;
      ++seen_;
      for (const double bad : {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()})
        refuses(key, number(bad), std::to_string(bad));
      for (const char* bad : {"nan", "-nan", "inf", "-inf", "infinity", "nan(1)", "1e999", "", "x"})
        refuses(key, Value::word(bad, {}), bad);
      if (may_be_negative.count(key.name) != 0) continue;
      refuses(key, integer(-1), "-1");
      refuses(key, number(-1), "-1.0");
      for (const char* bad : {"-1", "-1s", "-1M"}) refuses(key, Value::word(bad, {}), bad);
    }
  }

  int seen_ = 0;
};

TEST_F(ConfigNumbers, AreFiniteAndNotNegativeInAnyTable) {
  look<RelayConfig>();
  look<PeerConfig>();
  look<relay::SendRule>();
  look<relay::ReceiveRule>();
  look<relay::WriteRule>({"min", "max"});
  look<relay::AllowRule>();
  look<relay::DenyRule>();
  EXPECT_GE(seen_, 20) << "the types have other names now";
}

}  // namespace
}  // namespace smt::cmd
