#include <cstdlib>

#include "cmd/api/emit.h"
#include "cmd/value/value.h"

namespace smt::cmd::api {
namespace {

// Keys that say nothing are left out.
void put_text(Json* out, const char* key, const std::string& text) {
  if (!text.empty()) (*out)[key] = text;
}

Json number_to_json(const Number& n) {
  if (n.type == Type::kBool) return n.magnitude != 0;
  // The double that prints as the shortest decimal of the float.
  if (n.type == Type::kF32) return std::strtod(number_text(n).c_str(), nullptr);
  if (n.type == Type::kF64) return n.real;
  if (n.negative) return static_cast<int64_t>(0 - n.magnitude);
  return n.magnitude;
}

void put_meaning(const Api& api, const Member& m, Json* out) {
  if (m.of_enum) (*out)["enum"] = api.enums[*m.of_enum].name;
  put_text(out, "unit", m.unit);
  if (m.min) (*out)["min"] = number_to_json(*m.min);
  if (m.max) (*out)["max"] = number_to_json(*m.max);
  put_text(out, "comment", m.comment);
}

Json constant_to_json(const Constant& c) {
  Json out = {{"name", c.name}, {"type", name_of(c.value.type)}, {"value", number_to_json(c.value)}};
  put_text(&out, "unit", c.unit);
  put_text(&out, "comment", c.comment);
  return out;
}

Json enum_to_json(const Enum& e) {
  Json out = {{"name", e.name}, {"type", name_of(e.type)}};
  put_text(&out, "comment", e.comment);
  out["values"] = Json::array();
  for (const EnumValue& value : e.values) {
    Json& one =
        out["values"].emplace_back(Json{{"name", value.name}, {"value", number_to_json(value.value)}});
    put_text(&one, "comment", value.comment);
  }
  return out;
}

Json struct_to_json(const Api& api, const Struct& s) {
  Json out = {{"name", s.name}, {"size", s.size}, {"align", s.align}};
  put_text(&out, "comment", s.comment);
  out["fields"] = Json::array();
  for (const Member& m : s.members) {
    const std::string type = m.of_struct ? api.structs[*m.of_struct].name : std::string(name_of(m.type));
    Json& field = out["fields"].emplace_back(Json{{"name", m.name}, {"type", type}, {"offset", m.offset}});
    if (m.array) field["count"] = m.count;
    put_meaning(api, m, &field);
  }
  return out;
}

Json topic_to_json(const Api& api, const Topic& topic) {
  const Struct& s = api.structs[topic.of_struct];
  Json out = {{"name", topic.name},
              {"id", topic.id},
              {"type", s.name},
              {"size", s.size},
              {"schema_hash", topic.schema_hash},
              {"max_age_ns", topic.max_age_ns},
              {"history", topic.history}};
  put_text(&out, "comment", topic.comment);
  out["fields"] = Json::array();
  for (const Leaf& leaf : leaves_of(api, s)) {
    const Field& f = leaf.field;
    Json& field = out["fields"].emplace_back(
        Json{{"name", f.name}, {"type", name_of(f.type)}, {"offset", f.offset}, {"count", f.count}});
    put_meaning(api, *leaf.member, &field);
  }
  return out;
}

Json bits_to_json(const Api& api, const BitField& f) {
  Json out = {{"name", f.name}, {"low", f.low}, {"high", f.high}};
  if (f.is_signed) out["signed"] = true;
  if (f.of_enum) out["enum"] = api.enums[*f.of_enum].name;
  if (f.scaled) {
    out["scale"] = f.scale;
    out["offset"] = f.offset;
  }
  put_text(&out, "unit", f.unit);
  put_text(&out, "comment", f.comment);
  return out;
}

Json map_to_json(const Api& api, const RegisterMap& map) {
  Json out = {{"name", api.structs[map.of_struct].name}, {"registers", Json::array()}};
  for (const Register& r : map.registers) {
    Json one = {{"name", r.name},
                {"address", r.address},
                {"width", r.width},
                {"access", r.access},
                {"reset", r.reset}};
    put_text(&one, "comment", r.comment);
    one["bits"] = Json::array();
    for (const BitField& f : r.bits) one["bits"].push_back(bits_to_json(api, f));
    out["registers"].push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string emit_json(const Api& api) {
  Json out = {{"generated_by", api.tool}, {"source", api.source}, {"sha256", api.sha256}, {"name", api.name}};
  put_text(&out, "comment", api.comment);
  for (const char* list : {"constants", "enums", "structs", "topics"}) out[list] = Json::array();
  for (const Constant& c : api.constants) out["constants"].push_back(constant_to_json(c));
  for (const Enum& e : api.enums) out["enums"].push_back(enum_to_json(e));
  for (const Struct& s : api.structs) out["structs"].push_back(struct_to_json(api, s));
  for (const Topic& topic : api.topics) out["topics"].push_back(topic_to_json(api, topic));
  if (!api.maps.empty()) out["maps"] = Json::array();
  for (const RegisterMap& map : api.maps) out["maps"].push_back(map_to_json(api, map));
  return out.dump(2) + "\n";
}

}  // namespace smt::cmd::api
