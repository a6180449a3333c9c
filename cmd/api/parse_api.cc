#include <fmt/format.h>

#include <map>
#include <set>

#include "cmd/api/names.h"
#include "cmd/api/parse.h"
#include "relay/names/near_names.h"

namespace smt::cmd::api {
namespace {

constexpr std::string_view kScalars = "bool, char, i8, u8, i16, u16, i32, u32, i64, u64, f32, f64";

class ApiParser {
 public:
  ApiParser(const XmlFile& file, Api* api) : file_(file), api_(api), names_(file, api) {}

  void parse() {
    Element top(file_, file_.root());
    names_.read_top(&top, "api");
    if (!file_.errors().empty() && top.name() != "api") return;
    std::vector<Element> all = top.children({"constant", "enum", "struct", "topic"});
    each(&all, "constant", [&](Element* e) { names_.read_constant(e); });
    each(&all, "enum", [&](Element* e) { names_.read_enum(e); });
    each(&all, "struct", [&](Element* e) { read_name(e); });
    each(&all, "struct", [&](Element* e) { read_members(e); });
    each(&all, "topic", [&](Element* e) { read_topic(e); });
    if (all.empty() && file_.errors().empty())
      file_.wrong(top.at(), "describes nothing; write <struct> and <topic> in it");
    check_member_names(file_, names_, *api_);
  }

 private:
  template <class F>
  void each(std::vector<Element>* all, std::string_view name, F f) {
    for (Element& e : *all) {
      if (e.name() == name) f(&e);
    }
  }

  // All names first: structs may stand in any order.
  void read_name(Element* e) {
    Struct s{e->need("name"), names_.comment(e), {}};
    s.at = e->at();
    e->finish();
    if (!names_.declare(*e, "name", s.name)) return;
    names_.take(s.name + "_out_of_range", e->at("name"));
    structs_.emplace(s.name, api_->structs.size());
    api_->structs.push_back(std::move(s));
  }

  void read_members(Element* e) {
    const auto found = structs_.find(e->get("name").value_or(""));
    Struct refused;  // its name is; its members are looked at all the same
    refused.at = e->at();
    Struct* s = found != structs_.end() && api_->structs[found->second].at == e->at()
                    ? &api_->structs[found->second]
                    : &refused;
    std::set<std::string> names;
    for (Element& child : e->children({"field"})) {
      Member m = read_member(&child);
      if (Status status = check_identifier(m.name); !status.ok()) {
        child.wrong("name", status);
      } else if (!names.insert(m.name).second) {
        child.wrong("name", quote(m.name) + " is there already in this struct");
      }
      s->members.push_back(std::move(m));
    }
    if (s->members.empty()) {
      file_.wrong(e->at(), "a struct without a field; write <field name=\"...\" type=\"...\"/> in it");
    } else if (s->members.size() > kMaxMembers) {
      file_.wrong(e->at(),
                  fmt::format("{} fields; a struct has at most {}, so put some into a struct of their own",
                              s->members.size(), kMaxMembers));
    }
  }

  Member read_member(Element* e) {
    Member m;
    m.at = e->at();
    m.name = e->need("name");
    read_type(e, &m);
    read_count(e, &m);
    m.unit = names_.unit(e);
    const bool number = !m.of_enum && !m.of_struct && is_number(m.type);
    if (number) {
      names_.range(e, m.type, &m.min, &m.max);
    } else {
      for (const char* bound : {"min", "max"}) {
        if (e->get(bound)) e->wrong(bound, m.type_name + " has no range; only numbers do");
      }
    }
    if (m.of_struct && !m.unit.empty())
      e->wrong("unit", "a struct has none; give it to the fields of the struct");
    m.comment = names_.comment(e);
    e->finish_leaf();
    return m;
  }

  void read_type(Element* e, Member* m) {
    m->type_name = e->need("type");
    if (m->type_name.empty() || type_from_name(m->type_name, &m->type)) return;
    m->of_enum = names_.find_enum(m->type_name);
    if (m->of_enum) {
      m->type = api_->enums[*m->of_enum].type;
    } else if (const auto found = structs_.find(m->type_name); found != structs_.end()) {
      m->of_struct = found->second;
    } else if (file_.errors().full()) {
      e->wrong("type", "");
    } else {
      std::vector<std::string_view> near = {"bool", "char", "i8",  "u8",  "i16", "u16",
                                            "i32",  "u32",  "i64", "u64", "f32", "f64"};
      for (const auto& [name, index] : structs_) near.push_back(name);
      for (const Enum& other : api_->enums) near.push_back(other.name);
      const std::string_view meant = relay::did_you_mean(m->type_name, near);
      e->wrong("type",
               fmt::format("{} is no type; {}", quote(m->type_name),
                           meant.empty() ? fmt::format("use {}, or a struct or enum of this file", kScalars)
                                         : fmt::format("did you mean {}?", meant)));
    }
  }

  void read_count(Element* e, Member* m) {
    const std::optional<std::string> text = e->get("count");
    if (!text) return;
    m->array = true;
    Number count;
    if (const Constant* constant = names_.find_constant(*text)) {
      if (!is_integer(constant->value.type))
        return e->wrong("count", quote(*text) + " is no integer constant");
      count = constant->value;
      m->count_name = *text;
    } else if (Result<Number> n = read_number(Type::kU64, *text); n.ok()) {
      count = *n;
    } else {
      return e->wrong("count", quote(*text) + " is neither a number nor a constant of this file");
    }
    if (count.negative || count.magnitude == 0 || count.magnitude > kMaxBytes) {
      return e->wrong("count", fmt::format("{} is out of range: 1 to {}", number_text(count), kMaxBytes));
    }
    m->count = static_cast<uint32_t>(count.magnitude);
  }

  void read_topic(Element* e) {
    Topic topic = names_.read_topic(e);
    const std::string type = e->need("type");
    e->finish_leaf();
    const auto found = structs_.find(type);
    if (found != structs_.end()) {
      topic.of_struct = found->second;
      api_->topics.push_back(std::move(topic));
    } else if (!type.empty()) {
      e->wrong("type", quote(type) + " is no struct of this file; a topic's value is a <struct>");
    }
  }

  const XmlFile& file_;
  Api* api_;
  Declarations names_;
  std::map<std::string, size_t> structs_;
};

}  // namespace

Api parse_api(const XmlFile& file, const std::string& cpp_namespace) {
  return parsed(file, cpp_namespace, [&](Api* api) { ApiParser(file, api).parse(); });
}

}  // namespace smt::cmd::api
