#include "tests/tools/random_api.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>

namespace smt::tools {
namespace {

constexpr const char* kTypes[] = {"bool", "i8",  "u8",  "i16", "u16", "i32",
                                  "u32",  "i64", "u64", "f32", "f64", "char"};
constexpr const char* kEnumTypes[] = {"u8", "i16", "u32", "i64"};
constexpr size_t kMaxLeaves = 100, kMaxDepth = 6;

template <class Real, class Word>
uint64_t real_bits(std::mt19937_64* random) {
  using Limits = std::numeric_limits<Real>;
  const Real kEdges[] = {0,
                         -Real{0},
                         1,
                         static_cast<Real>(0.1),
                         Limits::infinity(),
                         -Limits::infinity(),
                         Limits::quiet_NaN(),
                         Limits::denorm_min(),
                         Limits::max(),
                         Limits::lowest(),
                         Limits::min()};
  const size_t pick = (*random)() % (2 * std::size(kEdges));
  if (pick < std::size(kEdges)) return std::bit_cast<Word>(kEdges[pick]);
  const auto any = static_cast<Word>((*random)());
  return std::isfinite(std::bit_cast<Real>(any)) ? any : Word{1};
}

unsigned bits_of(const std::string& type) { return std::stoul(type.substr(1)); }

uint64_t mask(unsigned bits) { return ~uint64_t{0} >> (64 - bits); }

}  // namespace

std::string show_bits(const std::string& type, uint64_t bits) {
  char text[32];
  if (type == "f32" && std::isnan(std::bit_cast<float>(static_cast<uint32_t>(bits)))) return "nan";
  if (type == "f64" && std::isnan(std::bit_cast<double>(bits))) return "nan";
  if (type[0] == 'f') {
    snprintf(text, sizeof text, "%0*llx", type == "f32" ? 8 : 16, static_cast<unsigned long long>(bits));
  } else if (type[0] == 'i') {
    const unsigned unused = 64 - bits_of(type);
    snprintf(text, sizeof text, "%lld",
             static_cast<long long>(static_cast<int64_t>(bits << unused) >> unused));
  } else {
    snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(bits));
  }
  return text;
}

std::string show_text(const std::string& text) {
  std::string out = "x";
  for (const unsigned char c : text) {
    char byte[3];
    snprintf(byte, sizeof byte, "%02x", c);
    out += byte;
  }
  return out;
}

std::string Leaf::shown() const { return type == "char" ? show_text(text) : show_bits(type, bits); }

RandomApi::RandomApi(uint32_t seed, size_t structs) : random_(seed) {
  xml = "<?xml version='1.0' encoding='UTF-8'?>\n<api name='by_chance' version='1'>\n";
  for (size_t i = 0; i < std::size(kEnumTypes); ++i) {
    const std::string max = std::to_string(mask(bits_of(kEnumTypes[i]) - (kEnumTypes[i][0] == 'i' ? 1 : 0)));
    xml += "<enum name='E" + std::to_string(i) + "' type='" + kEnumTypes[i] +
           "'>\n<value name='NONE' value='0'/>\n" + "<value name='MOST' value='" + max + "'/>\n</enum>\n";
  }
  for (size_t i = 0; i < structs; ++i) {
    std::vector<Field> fields;
    size_t leaves = 0, depth = 1;
    xml += "<struct name='S" + std::to_string(i) + "'>\n";
    const size_t count = 1 + random_() % 10;
    for (size_t k = 0; k < count; ++k) {
      const Field field = new_field(i, k, kMaxLeaves - leaves);
      xml += "<field name='" + field.name + "' type='" + field.type + "'" +
             (field.count == 0 ? "" : " count='" + std::to_string(field.count) + "'") + "/>\n";
      const size_t each = field.type[0] == 'S' ? leaves_[std::stoul(field.type.substr(1))] : 1;
      leaves += each * (field.type == "char" ? 1 : std::max<size_t>(1, field.count));
      if (field.type[0] == 'S') depth = std::max(depth, depths_[std::stoul(field.type.substr(1))] + 1);
      fields.push_back(field);
    }
    xml += "</struct>\n<topic name='t/" + std::to_string(i) + "' type='S" + std::to_string(i) + "'/>\n";
    leaves_.push_back(leaves);
    depths_.push_back(depth);
    structs_.push_back(std::move(fields));
    std::vector<Leaf>& topic = topics.emplace_back();
    for (const Field& field : structs_.back()) expand(field, field.name, field.name, &topic);
  }
  xml += "</api>\n";
}

RandomApi::Field RandomApi::new_field(size_t of, size_t number, size_t room) {
  Field field{"f" + std::to_string(number), kTypes[random_() % std::size(kTypes)]};
  if (number == 0 && of < std::size(kTypes)) field.type = kTypes[of];  // each at least once
  const size_t kind = random_() % 10;
  if (number != 0 && kind == 0) field.type = "E" + std::to_string(random_() % std::size(kEnumTypes));
  size_t each = 1;
  if (number != 0 && kind >= 7 && of > 0) {
    const size_t inner = random_() % of;
    if (leaves_[inner] <= room / 2 && depths_[inner] < kMaxDepth) {
      field.type = "S" + std::to_string(inner);
      each = leaves_[inner];
    }
  }
  if (random_() % 3 == 0) field.count = 1 + random_() % 5;
  if (field.type == "char" && field.count != 0) field.count = 1 + random_() % 40;
  if (field.type != "char" && each * std::max<size_t>(1, field.count) > room) field.count = 0;
  return field;
}

void RandomApi::expand(const Field& field, const std::string& path, const std::string& flat,
                       std::vector<Leaf>* out) {
  const bool text = field.type == "char";
  const size_t elements = text ? 1 : std::max<size_t>(1, field.count);
  for (size_t i = 0; i < elements; ++i) {
    const bool array = !text && field.count != 0;
    const std::string here = path + (array ? "[" + std::to_string(i) + "]" : "");
    if (field.type[0] == 'S') {
      const std::string inner = flat + (array ? "." + std::to_string(i) : "") + ".";
      for (const Field& f : structs_[std::stoul(field.type.substr(1))])
        expand(f, here + "." + f.name, inner + f.name, out);
      continue;
    }
    Leaf leaf = value(field.type, field.count);
    leaf.path = here;
    leaf.flat = flat;
    if (array && field.count > 1) leaf.index = static_cast<int>(i);  // in a schema one element is no array
    out->push_back(std::move(leaf));
  }
}

Leaf RandomApi::value(const std::string& type, size_t count) {
  Leaf leaf;
  leaf.type = type;
  if (type[0] == 'E') {
    leaf.enum_name = type;
    leaf.type = kEnumTypes[std::stoul(type.substr(1))];
  }
  if (type == "char") {
    leaf.count = count;
    const size_t length =
        random_() % 3 == 0 ? std::max<size_t>(1, count) : random_() % (std::max<size_t>(1, count) + 1);
    for (size_t i = 0; i < length; ++i) leaf.text += static_cast<char>(' ' + random_() % 95);
  } else if (type == "bool") {
    leaf.bits = random_() % 2;
  } else if (leaf.type == "f32") {
    leaf.bits = real_bits<float, uint32_t>(&random_);
  } else if (leaf.type == "f64") {
    leaf.bits = real_bits<double, uint64_t>(&random_);
  } else {
    const unsigned bits = bits_of(leaf.type);
    const uint64_t kEdges[] = {0, 1, mask(bits), mask(bits) >> 1, (mask(bits) >> 1) + 1};
    const size_t pick = random_() % (2 * std::size(kEdges));
    leaf.bits = (pick < std::size(kEdges) ? kEdges[pick] : random_()) & mask(bits);
  }
  return leaf;
}

}  // namespace smt::tools
