// A description made by chance, with values for all of its topics, as smt-api-builder's test of languages
// needs it.
#ifndef SMT_TESTS_TOOLS_RANDOM_API_H_
#define SMT_TESTS_TOOLS_RANDOM_API_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace smt::tools {

// One scalar of a topic's value, or one text.
struct Leaf {
  std::string path;           // in C, C++: "legs[2].x"
  std::string flat;           // its field in the schema: "legs.2.x"
  int index = -1;             // in an array of scalars
  std::string type;           // "f64"; "char" for a text
  std::string enum_name;      // "" unless it is one
  size_t count = 0;           // of chars
  uint64_t bits = 0;          // of the value, zero-extended
  std::string text;           // of chars
  std::string shown() const;  // what each program prints of it
};

// What each program prints of a value: integers in decimal, floats as hex bits or "nan", texts as hex bytes.
std::string show_bits(const std::string& type, uint64_t bits);
std::string show_text(const std::string& text);

struct RandomApi {
  std::string xml;
  std::vector<std::vector<Leaf>> topics;  // "t/<i>", of struct S<i>

  // 50 structs, each of them a topic: all scalar types, enums, arrays, texts, structs in structs.
  explicit RandomApi(uint32_t seed, size_t structs = 50);

 private:
  struct Field {
    std::string name, type;
    size_t count = 0;  // 0: no array
  };
  Field new_field(size_t of, size_t number, size_t room);
  void expand(const Field& field, const std::string& path, const std::string& flat, std::vector<Leaf>* out);
  Leaf value(const std::string& type, size_t count);

  std::mt19937_64 random_;
  std::vector<std::vector<Field>> structs_;
  std::vector<size_t> leaves_, depths_;
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_RANDOM_API_H_
