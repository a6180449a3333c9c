#include "cmd/api/model.h"

namespace smt::cmd::api {
namespace {

// Bounded by kMostDepth and kMostFields, which are checked before.
void Append(const Api& api, const Struct& s, const std::string& prefix, uint64_t at, std::vector<Leaf>* out) {
  for (const Member& m : s.members) {
    const std::string name = prefix + m.name;
    if (!m.of_struct) {
      out->push_back({{name, m.type, static_cast<uint32_t>(at + m.offset), m.count, m.unit}, &m});
      continue;
    }
    const Struct& inner = api.structs[*m.of_struct];
    for (uint32_t i = 0; i < m.count; ++i) {
      const std::string index = m.array ? "." + std::to_string(i) : "";
      Append(api, inner, name + index + ".", at + m.offset + i * inner.size, out);
    }
  }
}

}  // namespace

std::vector<Leaf> Leaves(const Api& api, const Struct& s) {
  std::vector<Leaf> leaves;
  Append(api, s, "", 0, &leaves);
  return leaves;
}

Schema SchemaOf(const Api& api, const Struct& s) {
  Schema schema{s.name, s.size, {}};
  for (Leaf& leaf : Leaves(api, s)) schema.fields.push_back(std::move(leaf.field));
  return schema;
}

}  // namespace smt::cmd::api
