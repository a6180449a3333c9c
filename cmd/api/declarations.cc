#include "cmd/api/declarations.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cmd/api/names.h"
#include "cmd/text/text.h"

namespace smt::cmd::api {

void Declarations::read_top(Element* top, std::string_view expected) {
  if (top->name() != expected) {
    file_.wrong(top->at(), fmt::format("<{}>: the outermost element is <{}>", top->name(), expected));
    return;
  }
  if (const std::string version = top->need("version"); version != "1") {
    top->wrong("version", quote(version) + " is unknown; this format is version 1");
  }
  api_->name = top->need("name");
  Status name = check_identifier(api_->name);
  const bool is_namespace = api_->cpp_namespace.empty();
  if (name.ok() && is_namespace) name = check_namespace(api_->name);
  if (!name.ok()) top->wrong("name", name);
  c_prefix_ = api::c_prefix(is_namespace ? api_->name : api_->cpp_namespace) + "_";
  api_->comment = comment(top);
  top->finish();
}

bool Declarations::declare(const Element& e, std::string_view attribute, const std::string& name) {
  if (Status s = check_global_name(name); !s.ok()) return e.wrong(attribute, s), false;
  return take(name, e.at(attribute));
}

bool Declarations::take(const std::string& name, size_t at) {
  if (Status s = check_c_name(c_prefix_ + name); !s.ok()) return file_.wrong(at, s), false;
  const auto [found, fresh] = names_.emplace(name, at);
  if (fresh) return true;
  file_.wrong(at, fmt::format("{} is there already, in line {}; take another name", quote(name),
                              file_.line(found->second)));
  return false;
}

std::string Declarations::comment(Element* e) const {
  std::string text = e->get("comment").value_or("");
  if (Status s = check_comment(text); !s.ok()) e->wrong("comment", s);
  return text;
}

std::string Declarations::unit(Element* e) const {
  const std::optional<std::string> unit = e->get("unit");
  if (!unit) return "";
  if (Status s = check_unit(*unit); !s.ok()) e->wrong("unit", s);
  return *unit;
}

std::optional<Number> Declarations::number(Element* e, std::string_view attribute, Type type,
                                           bool needed) const {
  const std::optional<std::string> text = needed ? e->need(attribute) : e->get(attribute);
  if (!text) return std::nullopt;
  Result<Number> n = read_number(type, *text);
  if (n.ok()) return *n;
  e->wrong(attribute, n.status());
  return std::nullopt;
}

void Declarations::range(Element* e, Type type, std::optional<Number>* min,
                         std::optional<Number>* max) const {
  *min = number(e, "min", type, false);
  *max = number(e, "max", type, false);
  if (*min && *max && less(**max, **min)) e->wrong("max", "is less than min; nothing would be in range");
}

void Declarations::read_constant(Element* e) {
  Constant constant{e->need("name"), "", "", {}};
  const std::string type_name = e->need("type");
  if (Type type; !type_from_name(type_name, &type) || type == Type::kChar) {
    e->wrong("type",
             fmt::format("{} is no type of a constant; use bool, i8 to u64, f32 or f64", quote(type_name)));
    (void)e->get("value");
  } else if (const std::optional<Number> value = number(e, "value", type, true)) {
    constant.value = *value;
  }
  constant.unit = unit(e);
  constant.comment = comment(e);
  e->finish_leaf();
  if (!declare(*e, "name", constant.name)) return;
  constants_.emplace(constant.name, api_->constants.size());
  api_->constants.push_back(std::move(constant));
}

void Declarations::read_enum(Element* e) {
  Enum out{e->need("name"), "", Type::kU8, {}};
  const std::string type_name = e->need("type");
  if (!type_from_name(type_name, &out.type) || !is_integer(out.type)) {
    e->wrong("type", quote(type_name) + " is no integer type; use i8, u8, i16, ... u64");
    out.type = Type::kI64;
  }
  out.comment = comment(e);
  e->finish();
  const bool declared = declare(*e, "name", out.name);
  std::set<std::string> names;
  std::set<std::pair<bool, uint64_t>> numbers;
  std::vector<Element> children = e->children({"value"});
  for (Element& child : children) {
    EnumValue value{child.need("name"), "", {}};
    const std::optional<Number> number = this->number(&child, "value", out.type, true);
    value.comment = comment(&child);
    child.finish_leaf();
    Status name = check_identifier(value.name);
    if (name.ok() && (value.name == "name" || value.name == "value" || value.name == "mro")) {
      name = {Code::kInvalid, quote(value.name) + ": each enum of Python has that itself; take another name"};
    }
    if (name.ok() && !names.insert(value.name).second) {
      name = {Code::kInvalid, quote(value.name) + " is there already in this enum"};
    }
    if (!name.ok()) child.wrong("name", name);
    if (number && !numbers.emplace(number->negative, number->magnitude).second) {
      child.wrong("value", fmt::format("{} has a name already in this enum", number_text(*number)));
    }
    if (!number || !name.ok() || !declared || !take(out.name + "_" + value.name, child.at("name"))) continue;
    value.value = *number;
    out.values.push_back(std::move(value));
  }
  if (children.empty())
    file_.wrong(e->at(), "an enum without a value; write <value name=\"...\" value=\"...\"/> in it");
  if (!declared) return;
  enums_.emplace(out.name, api_->enums.size());
  api_->enums.push_back(std::move(out));
}

Topic Declarations::read_topic(Element* e) {
  Topic topic;
  topic.name = e->need("name");
  const bool named = e->at("name") != e->at();
  if (Status s = check_topic(topic.name); named && !s.ok()) e->wrong("name", s);
  if (const auto [first, fresh] = topics_.emplace(topic.name, e->at()); named && !fresh) {
    e->wrong("name", fmt::format("{} is there already, in line {}; a topic is described once",
                                 quote(topic.name), file_.line(first->second)));
    return topic;
  }
  const std::optional<std::string> id = e->get("id");
  topic.id = id.value_or(identifier_of(topic.name));
  if (Status s = check_identifier(topic.id); named && !s.ok()) {
    e->wrong(id ? "id" : "name", s.message() + (id ? "" : "; or name it in C++ with id=\"...\""));
  }
  if (const std::optional<std::string> age = e->get("max_age")) {
    Result<int64_t> ns = parse_duration(*age);
    if (ns.ok()) topic.max_age_ns = *ns;
    if (!ns.ok()) e->wrong("max_age", ns.status());
  }
  if (const std::optional<Number> history = number(e, "history", Type::kU32, false)) {
    topic.history = static_cast<uint32_t>(history->magnitude);
    if (topic.history == 0 || topic.history > kMaxHistory) {
      e->wrong("history", fmt::format("{} is out of range: 1 to {}", topic.history, kMaxHistory));
    }
  }
  topic.comment = comment(e);
  if (!named || topic.id.empty()) return topic;
  for (const char* suffix :
       {"Topic", "Topic_NAME", "Topic_SCHEMA_HASH", "Topic_MAX_AGE_NS", "Topic_HISTORY"}) {
    if (!take(topic.id + suffix, e->at(id ? "id" : "name"))) break;
  }
  return topic;
}

std::optional<size_t> Declarations::find_enum(std::string_view name) const {
  const auto found = enums_.find(name);
  if (found == enums_.end()) return std::nullopt;
  return found->second;
}

const Constant* Declarations::find_constant(std::string_view name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? nullptr : &api_->constants[found->second];
}

}  // namespace smt::cmd::api
