// A value of the configuration as it was written, and where: in a file, the environment or a flag.
#ifndef SMT_CMD_TEXT_CONFIG_VALUE_H_
#define SMT_CMD_TEXT_CONFIG_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace smt::cmd {

enum class From : uint8_t { kDefault, kFile, kEnvironment, kFlag };

struct Place {
  From from = From::kDefault;
  std::string source = {};  // path, "SMT_NAME" or "--name"
  uint32_t line = 0;        // kFile; from 1, columns too
  uint32_t column = 0;

  std::string text() const;    // "FILE:3:1" "SMT_NAME" "--name" "default", in front of an error
  std::string origin() const;  // "FILE:3" "env SMT_NAME" "flag --name" "default", behind a value
};

// Where the values of a table come from, by key; a key that is not there has its default.
using Places = std::map<std::string_view, Place>;

struct Value {
  enum class Kind {
    kBool,
    kInteger,
    kNumber,
    kText,
    kList,
    kTable,
    kOther,  // of TOML's types one that no key has: a date or a time
    kWord,   // of the environment or a flag: `text` is to be read as what the key wants
  };
  struct Member;

  Kind kind = Kind::kOther;
  Place place = {};
  bool flag = false;
  int64_t integer = 0;
  double number = 0;
  std::string text = {};
  std::vector<Value> list = {};
  std::vector<Member> members;  // of a table, in the order of the file

  static Value word(std::string text, Place place);
};

struct Value::Member {
  std::string key;
  Place place;
  Value value;
};

// The kind of a value in words: "a string".
std::string_view kind_name(Value::Kind kind);

// All that is wrong with a configuration, not only what comes first.
class ConfigErrors {
 public:
  static constexpr size_t kMaxErrors = 20;
  static constexpr size_t kMaxErrorBytes = 1000;  // bytes; the rest is cut off

  void add(const Place& place, std::string_view message);

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // What is added now is only counted.
  bool full() const { return count_ >= kMaxErrors; }
  // "PLACE: message" (without a place what is wrong with the whole), each fit for a terminal; the first
  // kMaxErrors, then how many more there are.
  std::vector<std::string> lines() const;

 private:
  std::vector<std::string> told_;
  size_t count_ = 0;
};

// As a string of TOML, with its quotation marks.
std::string quote(std::string_view text);

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_CONFIG_VALUE_H_
