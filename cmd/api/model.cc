#include "cmd/api/model.h"

namespace smt::cmd::api {
namespace {

// Bounded by kMaxDepth and kMaxFields, which are checked before.
void append(const Api& api, const Struct& s, const std::string& prefix, uint64_t at, std::vector<Leaf>* out) {
  for (const Member& m : s.members) {
    const std::string name = prefix + m.name;
    if (!m.of_struct) {
      out->push_back({{name, m.type, static_cast<uint32_t>(at + m.offset), m.count, m.unit}, &m});
      continue;
    }
    const Struct& inner = api.structs[*m.of_struct];
    for (uint32_t i = 0; i < m.count; ++i) {
      const std::string index = m.array ? "." + std::to_string(i) : "";
      append(api, inner, name + index + ".", at + m.offset + i * inner.size, out);
    }
  }
}

}  // namespace

std::vector<Leaf> leaves_of(const Api& api, const Struct& s) {
  std::vector<Leaf> leaves;
  append(api, s, "", 0, &leaves);
  return leaves;
}

Schema schema_of(const Api& api, const Struct& s) {
  Schema schema{s.name, s.size, {}};
  for (Leaf& leaf : leaves_of(api, s)) schema.fields.push_back(std::move(leaf.field));
  return schema;
}

}  // namespace smt::cmd::api
