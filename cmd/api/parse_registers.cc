#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "cmd/api/names.h"
#include "cmd/api/parse.h"

namespace smt::cmd::api {
namespace {

// Addresses that something has, in bytes: a register, or a hole that is told of.
struct Span {
  uint64_t begin, end;
  std::string name;
  size_t at;
};

Type register_type(uint32_t width) {
  return width == 8 ? Type::kU8 : width == 16 ? Type::kU16 : width == 32 ? Type::kU32 : Type::kU64;
}

bool read_bit_number(std::string_view text, uint32_t* bit) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *bit);
  return error == std::errc() && end == text.data() + text.size();
}

class RegisterParser {
 public:
  RegisterParser(const XmlFile& file, Api* api) : file_(file), api_(api), names_(file, api) {}

  void parse() {
    Element top(file_, file_.root());
    names_.read_top(&top, "registers");
    if (!file_.errors().empty() && top.name() != "registers") return;
    std::vector<Element> all = top.children({"constant", "enum", "map", "topic"});
    for (const std::string_view name : {"constant", "enum", "map", "topic"}) {
      for (Element& e : all) {
        if (e.name() != name) continue;
        if (name == "constant") names_.read_constant(&e);
        if (name == "enum") names_.read_enum(&e);
        if (name == "map") read_map(&e);
        if (name == "topic") read_topic(&e);
      }
    }
    if (maps_.empty() && file_.errors().empty()) file_.wrong(top.at(), "has no register; write <map> in it");
    check_member_names(file_, names_, *api_);
  }

 private:
  void read_map(Element* e) {
    Struct s{e->need("name"), names_.comment(e), {}};
    s.at = e->at();
    e->finish();
    const bool declared = names_.declare(*e, "name", s.name);
    if (declared) names_.take(s.name + "_registers", e->at("name"));
    if (declared) names_.take("reset_" + s.name, e->at("name"));
    RegisterMap map;
    std::vector<Span> spans;
    std::set<std::string> names;  // of registers, and of what accesses them
    for (Element& child : e->children({"register", "reserved"})) {
      if (child.name() == "reserved") {
        read_reserved(&child, &spans);
      } else {
        map.registers.push_back(read_register(&child, s.name, &names, &spans));
      }
    }
    if (map.registers.empty()) file_.wrong(e->at(), "a map without a register; write <register> in it");
    if (map.registers.size() > kMaxMembers) {
      file_.wrong(e->at(), fmt::format("{} registers; a map has at most {}, so make several of it",
                                       map.registers.size(), kMaxMembers));
    }
    check_spans(std::move(spans));
    std::stable_sort(map.registers.begin(), map.registers.end(),
                     [](const Register& a, const Register& b) { return a.address < b.address; });
    for (const Register& r : map.registers) {
      Member m;
      m.name = r.name;
      m.type = register_type(r.width);
      m.type_name = std::string(name_of(m.type));
      m.comment =
          fmt::format("{}, at {:#x}{}{}", r.access, r.address, r.comment.empty() ? "" : ": ", r.comment);
      m.at = r.at;
      s.members.push_back(std::move(m));
    }
    if (!declared) return;
    map.of_struct = api_->structs.size();
    maps_.emplace(s.name, map.of_struct);
    api_->structs.push_back(std::move(s));
    api_->maps.push_back(std::move(map));
  }

  uint64_t read_address(Element* e) {
    const std::optional<Number> address = names_.number(e, "address", Type::kU64, true);
    if (!address || address->magnitude <= kMaxAddress) return address ? address->magnitude : 0;
    e->wrong("address", fmt::format("is out of range: 0 to {:#x}", kMaxAddress));
    return 0;
  }

  void read_reserved(Element* e, std::vector<Span>* spans) {
    const uint64_t address = read_address(e);
    const std::optional<Number> bytes = names_.number(e, "bytes", Type::kU32, true);
    names_.comment(e);
    e->finish_leaf();
    if (bytes && bytes->magnitude == 0) e->wrong("bytes", "is 0; leave the element out");
    if (bytes) spans->push_back({address, address + bytes->magnitude, "what is reserved", e->at()});
  }

  Register read_register(Element* e, const std::string& map, std::set<std::string>* names,
                         std::vector<Span>* spans) {
    Register r;
    r.at = e->at();
    r.name = e->need("name");
    if (Status s = check_identifier(r.name); !s.ok()) {
      e->wrong("name", s);
    } else if (!names->insert(r.name).second) {
      e->wrong("name", quote(r.name) + " is there already in this map, or two names make it");
    }
    r.address = read_address(e);
    if (const std::optional<Number> width = names_.number(e, "width", Type::kU32, true)) {
      r.width = static_cast<uint32_t>(width->magnitude);
      if (r.width != 8 && r.width != 16 && r.width != 32 && r.width != 64) {
        e->wrong("width", fmt::format("{} is none of 8, 16, 32, 64 bits", r.width));
        r.width = 64;
      }
    }
    r.access = e->need("access");
    if (r.access != "ro" && r.access != "rw" && r.access != "wo") {
      e->wrong("access", quote(r.access) + " is none of ro, rw, wo");
    }
    if (const std::optional<Number> reset = names_.number(e, "reset", register_type(r.width), false)) {
      r.reset = reset->magnitude;
    }
    r.comment = names_.comment(e);
    BitField whole = read_meaning(e, r.width);
    e->finish();
    spans->push_back({r.address, r.address + r.width / 8, r.name, r.at});

    std::vector<Element> children = e->children({"bits"});
    const bool meant = whole.is_signed || whole.of_enum || whole.scaled || !whole.unit.empty();
    if (meant && !children.empty())
      file_.wrong(children[0].at(), "bits of a register that means one value as a whole");
    whole.name = whole.register_name = r.name;
    whole.high = r.width - 1;
    whole.comment = r.comment;
    if (meant) add(*e, map, whole, &r);
    uint64_t used = 0;
    for (Element& child : children) read_bits(&child, map, names, &used, &r);
    return r;
  }

  void read_bits(Element* e, const std::string& map, std::set<std::string>* names, uint64_t* used,
                 Register* r) {
    const std::string name = e->need("name"), bits = e->need("bits");
    uint32_t low = 0, high = 0;
    const size_t colon = bits.find(':');
    bool good = read_bit_number(std::string_view(bits).substr(0, colon), &high);
    low = high;
    if (colon != bits.npos) good = good && read_bit_number(std::string_view(bits).substr(colon + 1), &low);
    if (!good && e->at("bits") != e->at())
      e->wrong("bits", quote(bits) + " is neither a bit (\"3\") nor bits (\"7:4\")");
    if (good && low > high)
      e->wrong("bits", fmt::format("{} is lower than {}; write the higher bit first", high, low));
    if (good && low <= high && high >= r->width) {
      e->wrong("bits",
               fmt::format("bit {} is out of range; {} has bits 0 to {}", high, r->name, r->width - 1));
    }
    good = good && low <= high && high < r->width;
    BitField f = read_meaning(e, good ? high - low + 1 : 64);
    f.comment = names_.comment(e);
    e->finish_leaf();
    if (Status s = check_identifier(name); !s.ok()) return e->wrong("name", s);
    f.name = r->name + "_" + name;
    f.register_name = r->name;
    if (!names->insert(f.name).second) {
      return e->wrong("name",
                      quote(name) + " is there already in this register, or a register is called " + f.name);
    }
    if (!good) return;
    f.low = low;
    f.high = high;
    const uint64_t mask = (~uint64_t{0} >> (63 - (high - low))) << low;
    if ((*used & mask) != 0) {
      return e->wrong("bits", fmt::format("{} overlaps with bits of {} above", bits, r->name));
    }
    *used |= mask;
    add(*e, map, std::move(f), r);
  }

  // What raw bits mean: signed, enum, or scale and offset; and the unit.
  BitField read_meaning(Element* e, uint32_t width) {
    BitField f;
    if (const std::optional<Number> is_signed = names_.number(e, "signed", Type::kBool, false)) {
      f.is_signed = is_signed->magnitude != 0;
    }
    if (const std::optional<std::string> name = e->get("enum")) {
      f.of_enum = names_.find_enum(*name);
      if (!f.of_enum) e->wrong("enum", quote(*name) + " is no enum of this file");
      if (f.of_enum) check_enum(*e, api_->enums[*f.of_enum], width);
    }
    const std::optional<Number> scale = names_.number(e, "scale", Type::kF64, false);
    const std::optional<Number> offset = names_.number(e, "offset", Type::kF64, false);
    f.scaled = scale || offset;
    f.scale = scale ? scale->real : 1;
    f.offset = offset ? offset->real : 0;
    if (scale && scale->real == 0) e->wrong("scale", "is 0; every value would be the same");
    f.unit = names_.unit(e);
    if (f.of_enum && (f.is_signed || f.scaled))
      e->wrong("enum", "stands beside signed, scale or offset; a name is no number");
    return f;
  }

  void check_enum(const Element& e, const Enum& names, uint32_t width) {
    for (const EnumValue& value : names.values) {
      if (!value.value.negative && (width >= 64 || value.value.magnitude >> width == 0)) continue;
      return e.wrong("enum", fmt::format("{} = {} of {} does not fit into {} bits", value.name,
                                         number_text(value.value), names.name, width));
    }
  }

  void add(const Element& e, const std::string& map, BitField f, Register* r) {
    for (const char* verb : {"get_", "set_"}) names_.take(verb + map + "_" + f.name, e.at("name"));
    r->bits.push_back(std::move(f));
  }

  void check_spans(std::vector<Span> spans) {
    std::stable_sort(spans.begin(), spans.end(),
                     [](const Span& a, const Span& b) { return a.begin < b.begin; });
    for (size_t i = 1; i < spans.size(); ++i) {
      const Span &before = spans[i - 1], &after = spans[i];
      if (after.begin < before.end) {
        const Span &first = before.at < after.at ? before : after,
                   &second = before.at < after.at ? after : before;
        file_.wrong(second.at, fmt::format("{} at {:#x} overlaps with {} in line {}", second.name,
                                           second.begin, first.name, file_.line(first.at)));
      } else if (after.begin > before.end) {
        file_.wrong(
            after.at,
            fmt::format("nothing is at {:#x} to {:#x}, before {}; if that is meant, write <reserved "
                        "address=\"{:#x}\" bytes=\"{}\"/>",
                        before.end, after.begin - 1, after.name, before.end, after.begin - before.end));
      }
      spans[i].end = std::max(before.end, after.end);
    }
  }

  void read_topic(Element* e) {
    Topic topic = names_.read_topic(e);
    const std::string type = e->need("type");
    e->finish_leaf();
    const auto found = maps_.find(type);
    if (found != maps_.end()) {
      topic.of_struct = found->second;
      api_->topics.push_back(std::move(topic));
    } else if (!type.empty()) {
      e->wrong("type", quote(type) + " is no map of this file");
    }
  }

  static constexpr uint64_t kMaxAddress = uint64_t{1} << 62;
  const XmlFile& file_;
  Api* api_;
  Declarations names_;
  std::map<std::string, size_t> maps_;  // their structs
};

}  // namespace

Api parse_registers(const XmlFile& file, const std::string& cpp_namespace) {
  return parsed(file, cpp_namespace, [&](Api* api) { RegisterParser(file, api).parse(); });
}

}  // namespace smt::cmd::api
