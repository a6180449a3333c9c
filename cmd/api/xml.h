// An XML file that has all its content in elements and attributes, and where each of them stands. The only
// place that knows pugixml.
#ifndef SMT_CMD_API_XML_H_
#define SMT_CMD_API_XML_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/text/config_value.h"
#include "shm/status.h"

namespace smt::cmd::api {

// Positions are bytes from the start of the text; they become lines and columns when there is something to
// say.
class XmlFile {
 public:
  // A regular file of at most 1 MiB that is well-formed UTF-8 XML without a document type. Nothing, after an
  // error.
  static std::optional<XmlFile> open(const std::string& path, ConfigErrors* errors);

  pugi::xml_node root() const { return document_->document_element(); }
  const std::string& text() const { return text_; }
  uint32_t line(size_t at) const;  // from 1
  // Something is wrong at `at`.
  void wrong(size_t at, std::string_view message) const;
  void wrong(size_t at, const Status& status) const { wrong(at, status.message()); }
  ConfigErrors& errors() const { return *errors_; }

 private:
  XmlFile(std::string path, std::string text, ConfigErrors* errors);
  bool check_text() const;
  bool check_tree() const;

  std::string path_, text_;
  std::vector<size_t> lines_;  // where each begins
  ConfigErrors* errors_;
  std::unique_ptr<pugi::xml_document> document_;
};

// One element, read attribute by attribute. What nobody asked for is an error.
class Element {
 public:
  Element(const XmlFile& file, pugi::xml_node node);

  std::string_view name() const { return node_.name(); }
  size_t at() const { return at_; }
  // Of the attribute's value, from its quotation mark on; of the element if it has no such attribute.
  size_t at(std::string_view attribute) const;

  // Nothing: there is no such attribute.
  std::optional<std::string> get(std::string_view attribute);
  // An error and "" where it is missing.
  std::string need(std::string_view attribute);
  // The elements in it, of these names only; everything else is an error.
  std::vector<Element> children(const std::vector<std::string_view>& names) const;
  // After all get() and need(): an error for each attribute that is unknown or there twice.
  void finish() const;
  // The same of an element that holds no others.
  void finish_leaf() const;

  // Of an attribute's value. Of one that is missing nothing is told: need() has done so.
  void wrong(std::string_view attribute, std::string_view message) const;
  void wrong(std::string_view attribute, const Status& status) const { wrong(attribute, status.message()); }

 private:
  struct Attribute {
    std::string name, value;
    size_t name_at, value_at;
  };
  const Attribute* find(std::string_view name) const;

  const XmlFile* file_;
  pugi::xml_node node_;
  size_t at_;
  std::vector<Attribute> attributes_;
  std::vector<std::string> asked_;
};

}  // namespace smt::cmd::api

#endif  // SMT_CMD_API_XML_H_
