// Reads the top of any description: its name, constants and enums. Each name may be declared once.
#ifndef SMT_CMD_API_DECLARATIONS_H_
#define SMT_CMD_API_DECLARATIONS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/api/model.h"
#include "cmd/api/xml.h"

namespace smt::cmd::api {

class Declarations {
 public:
  Declarations(const XmlFile& file, Api* api) : file_(file), api_(api) {}

  // The attributes of the outermost element: name, version, comment. `expected` is how that is called.
  void read_top(Element* top, std::string_view expected);
  void read_constant(Element* e);
  void read_enum(Element* e);
  // <topic>, but for what its values are.
  Topic read_topic(Element* e);

  // Stands in front of each name in C. REQUIRES: the top is read.
  const std::string& c_prefix() const { return c_prefix_; }

  // A name that all languages get at the outermost level. False, after an error: it is wrong or taken.
  bool declare(const Element& e, std::string_view attribute, const std::string& name);
  // The same of a name that is derived: "Mode_IDLE".
  bool take(const std::string& name, size_t at);
  bool taken(const std::string& name) const { return names_.count(name) != 0; }

  // "" where there is none.
  std::string comment(Element* e) const;
  std::string unit(Element* e) const;
  // Of `type`, or nothing; an error where it is no such number.
  std::optional<Number> number(Element* e, std::string_view attribute, Type type, bool needed) const;
  // min and max; an error where nothing lies between.
  void range(Element* e, Type type, std::optional<Number>* min, std::optional<Number>* max) const;
  std::optional<size_t> find_enum(std::string_view name) const;
  const Constant* find_constant(std::string_view name) const;

 private:
  const XmlFile& file_;
  Api* api_;
  std::string c_prefix_;
  std::map<std::string, size_t> names_;   // and where each was declared
  std::map<std::string, size_t> topics_;  // the same of topics
  std::map<std::string, size_t, std::less<>> enums_, constants_;
};

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_DECLARATIONS_H_
