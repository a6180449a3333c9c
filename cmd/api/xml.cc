#include "cmd/api/xml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "cmd/text/config_toml.h"
#include "relay/names/near_names.h"
#include "shm/utf8.h"

namespace smt::cmd::api {
namespace {

constexpr unsigned kParseOptions =
    pugi::parse_default | pugi::parse_declaration | pugi::parse_doctype | pugi::parse_pi;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// A '&' that begins none of the five entities of XML and no number; npos: there is none.
size_t loose_ampersand(std::string_view text) {
  for (size_t at = text.find('&'); at != text.npos; at = text.find('&', at + 1)) {
    const std::string_view name = text.substr(at + 1, text.find(';', at) - at - 1);
    const bool number = name.size() > 1 && name.size() < 10 && name[0] == '#';
    if (!number && name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "apos")
      return at;
  }
  return text.npos;
}

size_t place_of_fault(std::string_view text, const pugi::xml_parse_result& parsed) {
  const auto at = static_cast<size_t>(std::max<ptrdiff_t>(parsed.offset, 0));
  // A wrong end is found letter by letter; the place of all of them is its name.
  const size_t end = text.substr(0, at).rfind("</");
  const bool in_end = end != text.npos && text.substr(end, at - end).find('>') == text.npos;
  return parsed.status == pugi::status_end_element_mismatch && in_end ? end + 2 : at;
}

}  // namespace

std::optional<XmlFile> XmlFile::open(const std::string& path, ConfigErrors* errors) {
  std::optional<std::string> text = read_config_file(path, errors);
  if (!text) return std::nullopt;
  XmlFile file(path, *std::move(text), errors);
  if (!file.check_text()) return std::nullopt;
  const pugi::xml_parse_result parsed =
      file.document_->load_buffer(file.text_.data(), file.text_.size(), kParseOptions, pugi::encoding_utf8);
  if (!parsed) {
    file.wrong(place_of_fault(file.text_, parsed),
               fmt::format("no well-formed XML: {}", parsed.description()));
    return std::nullopt;
  }
  if (!file.check_tree()) return std::nullopt;
  return file;
}

XmlFile::XmlFile(std::string path, std::string text, ConfigErrors* errors)
    : path_(std::move(path)),
      text_(std::move(text)),
      lines_{0},
      errors_(errors),
      document_(std::make_unique<pugi::xml_document>()) {
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') lines_.push_back(i + 1);
  }
}

bool XmlFile::check_text() const {
  if (text_.size() > kMaxConfigBytes) return wrong(0, "the file has more than 1 MiB; split it"), false;
  for (size_t i = 0, n = 0; i < text_.size(); i += n) {
    n = utf8_length(text_, i);
    if (n == 0) return wrong(i, "no UTF-8 from here on; save the file as UTF-8"), false;
    const auto c = static_cast<unsigned char>(text_[i]);
    if (c < 0x20 && !is_space(text_[i])) return wrong(i, "a control character; remove it"), false;
  }
  return true;
}

bool XmlFile::check_tree() const {
  size_t elements = 0;
  for (const pugi::xml_node node : document_->children()) {
    const auto at = static_cast<size_t>(std::max<ptrdiff_t>(node.offset_debug(), 0));
    switch (node.type()) {
      case pugi::node_declaration:
        for (const pugi::xml_attribute attribute : node.attributes()) {
          std::string value = attribute.value();
          std::transform(value.begin(), value.end(), value.begin(),
                         [](unsigned char c) { return std::tolower(c); });
          if (std::string_view(attribute.name()) == "encoding" && value != "utf-8") {
            return wrong(at, fmt::format("encoding {}: save the file as UTF-8", quote(value))), false;
          }
        }
        break;
      case pugi::node_doctype:
        return wrong(at, "a document type and its entities are not read; remove it"), false;
      case pugi::node_pi:
        return wrong(at, "a processing instruction; remove it"), false;
      default:
        if (++elements > 1) return wrong(at, "a second outermost element; there is one"), false;
    }
  }
  return true;
}

uint32_t XmlFile::line(size_t at) const {
  return static_cast<uint32_t>(std::upper_bound(lines_.begin(), lines_.end(), at) - lines_.begin());
}

void XmlFile::wrong(size_t at, std::string_view message) const {
  if (errors_->full()) return errors_->add({}, "");
  at = std::min(at, text_.size());
  Place place{From::kFile, path_, line(at), 1};
  const size_t begin = lines_[place.line - 1];
  // A column is a character, and a byte order mark is none.
  for (size_t i = begin == 0 ? text_.size() - skip_byte_order_mark(text_).size() : begin; i < at;
       i += std::max<size_t>(1, utf8_length(text_, i))) {
    ++place.column;
  }
  errors_->add(place, message);
}

Element::Element(const XmlFile& file, pugi::xml_node node)
    : file_(&file), node_(node), at_(static_cast<size_t>(std::max<ptrdiff_t>(node.offset_debug(), 0))) {
  // pugixml does not say where attributes stand. It has found them well-formed, so they are as many here.
  const std::string_view text = file.text();
  size_t at = at_ + name().size();
  for (const pugi::xml_attribute attribute : node.attributes()) {
    const size_t name_at = skip_space(text, at);
    const size_t quote = text.find_first_of("\"'", name_at);
    if (quote == text.npos) break;
    const size_t end = text.find(text[quote], quote + 1);
    if (end == text.npos) break;
    attributes_.push_back({attribute.name(), attribute.value(), name_at, quote});
    const std::string_view raw = text.substr(quote + 1, end - quote - 1);
    if (const size_t loose = std::min(raw.find('<'), loose_ampersand(raw)); loose != raw.npos) {
      file.wrong(quote + 1 + loose, "no well-formed XML: write &lt; for '<' and &amp; for '&'");
    }
    at = end + 1;
  }
}

const Element::Attribute* Element::find(std::string_view name) const {
  const auto found = std::find_if(attributes_.begin(), attributes_.end(),
                                  [&](const Attribute& attribute) { return attribute.name == name; });
  return found == attributes_.end() ? nullptr : &*found;
}

size_t Element::at(std::string_view attribute) const {
  const Attribute* found = find(attribute);
  return found == nullptr ? at_ : found->value_at;
}

std::optional<std::string> Element::get(std::string_view attribute) {
  asked_.emplace_back(attribute);
  const Attribute* found = find(attribute);
  if (found == nullptr) return std::nullopt;
  return found->value;
}

std::string Element::need(std::string_view attribute) {
  const std::optional<std::string> value = get(attribute);
  if (!value) file_->wrong(at_, fmt::format("<{}> needs the attribute {}=\"...\"", name(), attribute));
  return value.value_or("");
}

std::vector<Element> Element::children(const std::vector<std::string_view>& names) const {
  std::vector<Element> out;
  for (const pugi::xml_node child : node_.children()) {
    const auto at = static_cast<size_t>(std::max<ptrdiff_t>(child.offset_debug(), 0));
    if (child.type() == pugi::node_pi || child.type() == pugi::node_declaration) {
      file_->wrong(at, "a processing instruction; remove it");
    } else if (child.type() != pugi::node_element) {
      file_->wrong(skip_space(file_->text(), at),
                   fmt::format("text in <{}>; what is to be said of it goes into comment=\"...\"", name()));
    } else if (std::find(names.begin(), names.end(), child.name()) == names.end()) {
      if (file_->errors().full()) {
        file_->wrong(at, "");
        continue;
      }
      const std::string_view near = relay::did_you_mean(child.name(), names);
      const std::string hint = !near.empty()   ? fmt::format("did you mean <{}>?", near)
                               : names.empty() ? "it has no elements"
                                               : fmt::format("it has <{}>", fmt::join(names, ">, <"));
      file_->wrong(at, fmt::format("<{}> is unknown in <{}>; {}", child.name(), name(), hint));
    } else {
      out.emplace_back(*file_, child);
    }
  }
  return out;
}

void Element::finish() const {
  const std::vector<std::string_view> names(asked_.begin(), asked_.end());
  for (const Attribute& attribute : attributes_) {
    if (find(attribute.name) != &attribute) {
      file_->wrong(attribute.name_at, fmt::format("{} is there twice; remove one", attribute.name));
    } else if (std::find(names.begin(), names.end(), attribute.name) == names.end()) {
      const std::string_view near = file_->errors().full() ? "" : relay::did_you_mean(attribute.name, names);
      const std::string hint = near.empty() ? fmt::format("it has {}", fmt::join(names, ", "))
                                            : fmt::format("did you mean {}?", near);
      file_->wrong(attribute.name_at, fmt::format("{} is unknown in <{}>; {}", attribute.name, name(), hint));
    }
  }
}

void Element::finish_leaf() const {
  finish();
  (void)children({});
}

void Element::wrong(std::string_view attribute, std::string_view message) const {
  if (find(attribute) == nullptr) return;
  file_->wrong(at(attribute), fmt::format("{}: {}", attribute, message));
}

}  // namespace smt::cmd::api
