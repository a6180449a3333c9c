#include <fmt/format.h>

#include <algorithm>

#include "cmd/api/parse.h"

namespace smt::cmd::api {
namespace {

class Layout {
 public:
  Layout(const XmlFile& file, Api* api) : file_(file), api_(api), depth_(api->structs.size(), 0) {}

  void run() {
    for (size_t i = 0; i < api_->structs.size(); ++i) {
      if (visit(i, 1) == 0) return;  // one error: what holds it would only repeat it
    }
    sort();
    uint64_t fields = 0;
    for (Topic& topic : api_->topics) {
      fields += api_->structs[topic.of_struct].fields;
      if (fields > kMaxAllFields) {
        return file_.wrong(
            api_->structs[topic.of_struct].at,
            fmt::format("all topics together have more than {} fields; split the file", kMaxAllFields));
      }
      const Schema schema = schema_of(*api_, api_->structs[topic.of_struct]);
      const Status s = schema.check();
      // The bounds here are stricter than those of a schema but for the length of its text.
      if (!s.ok() || schema.text().size() > (1 << 20)) {
        file_.wrong(api_->structs[topic.of_struct].at,
                    s.ok() ? "its fields make a schema of more than 1 MiB; shorten names, or use arrays"
                           : s.message());
      }
      topic.schema_hash = schema.hash();
    }
  }

 private:
  // How deep structs nest in it, itself included; 0 after an error.
  size_t visit(size_t index, size_t level) {
    if (depth_[index] == kOpen) return 0;
    if (depth_[index] != 0) return depth_[index];
    depth_[index] = kOpen;
    Struct& s = api_->structs[index];
    size_t deepest = 0;
    for (Member& m : s.members) {
      if (m.of_struct) {
        const bool inside = depth_[*m.of_struct] == kOpen;
        if (inside || level == kMaxDepth) {
          file_.wrong(m.at, inside ? fmt::format("{} would hold itself, by {}; a value has an end",
                                                 m.type_name, s.name)
                                   : fmt::format("structs nest more than {} deep; flatten some", kMaxDepth));
          return 0;
        }
        const size_t depth = visit(*m.of_struct, level + 1);
        if (depth == 0) return 0;
        deepest = std::max(deepest, depth);
      }
      if (!place(&s, &m)) return 0;
    }
    s.size = (s.size + s.align - 1) / s.align * s.align;
    order_.push_back(index);
    if (deepest + 1 > kMaxDepth) {
      file_.wrong(s.at, fmt::format("structs nest more than {} deep; flatten some", kMaxDepth));
      return 0;
    }
    return depth_[index] = deepest + 1;
  }

  bool place(Struct* s, Member* m) {
    const Struct* inner = m->of_struct ? &api_->structs[*m->of_struct] : nullptr;
    const uint64_t align = inner != nullptr ? inner->align : type_bytes(m->type);
    const uint64_t bytes = inner != nullptr ? inner->size : type_bytes(m->type);
    m->offset = (s->size + align - 1) / align * align;
    s->align = std::max(s->align, align);
    s->size = m->offset + bytes * m->count;  // at most 2^24 * 2^24 + 2^24
    s->fields += inner != nullptr ? inner->fields * m->count : 1;
    const bool ranged = (m->min && !is_min(*m->min)) || (m->max && !is_max(*m->max));
    s->ranged = s->ranged || ranged || (inner != nullptr && inner->ranged);
    if (s->size > kMaxBytes) {
      file_.wrong(m->at, fmt::format("{} gets larger than {} bytes with it", s->name, kMaxBytes));
      return false;
    }
    if (s->fields > kMaxFields) {
      file_.wrong(m->at, fmt::format("{} gets more than {} fields with it, those of structs in it counted",
                                     s->name, kMaxFields));
      return false;
    }
    return true;
  }

  void sort() {
    std::vector<size_t> now(order_.size());
    std::vector<Struct> sorted;
    for (size_t i = 0; i < order_.size(); ++i) {
      now[order_[i]] = i;
      sorted.push_back(std::move(api_->structs[order_[i]]));
    }
    for (Struct& s : sorted) {
      for (Member& m : s.members) {
        if (m.of_struct) m.of_struct = now[*m.of_struct];
      }
    }
    api_->structs = std::move(sorted);
    for (Topic& topic : api_->topics) topic.of_struct = now[topic.of_struct];
    for (RegisterMap& map : api_->maps) map.of_struct = now[map.of_struct];
  }

  static constexpr size_t kOpen = ~size_t{0};  // its members are being visited
  const XmlFile& file_;
  Api* api_;
  std::vector<size_t> depth_;  // 0: not visited
  std::vector<size_t> order_;
};

}  // namespace

void lay_out(const XmlFile& file, Api* api) { Layout(file, api).run(); }

void check_member_names(const XmlFile& file, const Declarations& names, const Api& api) {
  const std::string& prefix = names.c_prefix();
  for (const Struct& s : api.structs) {
    for (const Member& m : s.members) {
      const bool macro = m.name.starts_with(prefix) && names.taken(m.name.substr(prefix.size()));
      if (!names.taken(m.name) && !macro) continue;
      file.wrong(m.at, fmt::format("field {}: a type or constant has this name{}; take another one",
                                   quote(m.name), macro ? " in C" : ""));
    }
  }
}

Api parsed(const XmlFile& file, const std::string& cpp_namespace, const std::function<void(Api*)>& parse) {
  Api api;
  api.cpp_namespace = cpp_namespace;
  parse(&api);
  if (api.cpp_namespace.empty()) api.cpp_namespace = api.name;
  if (file.errors().empty()) lay_out(file, &api);
  return api;
}

}  // namespace smt::cmd::api
