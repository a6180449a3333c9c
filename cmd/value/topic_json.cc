#include "cmd/value/topic_json.h"

#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

Json nullable(std::optional<int64_t> ns) { return ns ? Json(*ns) : Json(nullptr); }

}  // namespace

Json topic_json(const TopicInfo& topic) {
  Json writers = Json::array();
  for (const TopicWriterInfo& w : topic.writers) {
    writers.push_back({{"node", w.node}, {"pid", w.pid}, {"live", w.live}});
  }
  const Freshness& f = topic.freshness;
  return {{"topic", topic.name},
          {"type", topic.schema.type_name},
          {"schema_hash", topic.schema.hash()},
          {"size", topic.max_bytes},
          {"history", topic.history},
          {"state", state_name(f.state)},
          {"age_ns", nullable(f.age_ns)},
          {"max_age_ns", f.max_age_ns},
          {"stamp_ns", topic.stamp_ns},
          {"sequence", topic.sequence},
          {"generation", topic.generation},
          {"hops", f.hops},
          {"writers", std::move(writers)},
          {"origin", {{"host", f.origin.host}, {"domain", f.origin.domain}, {"node", f.origin.node}}},
          {"age_error_ns", nullable(f.age_error_ns)},
          {"delay_ns", nullable(f.delay_ns)}};
}

Json topic_json_with_schema(const TopicInfo& topic) {
  Json json = topic_json(topic);
  Json fields = Json::array();
  for (const Field& f : topic.schema.fields) {
    fields.push_back({{"name", f.name},
                      {"type", name_of(f.type)},
                      {"offset", f.offset},
                      {"count", f.count},
                      {"unit", f.unit}});
  }
  json["schema"] = std::move(fields);
  return json;
}

Json shown_value(const ShownSample& shown) {
  return shown.value ? *shown.value : value_to_json(shown.schema, shown.sample.bytes);
}

Json sample_json(const ShownSample& shown) {
  return {{"topic", shown.topic},
          {"sequence", shown.sample.sequence},
          {"stamp_ns", shown.sample.stamp_ns},
          {"receive_ns", shown.receive_ns},
          {"age_ns", nullable(shown.age_ns)},
          {"state", state_name(shown.state)},
          {"missed", shown.sample.missed},
          {"value", shown.sample.sequence == 0 ? Json(nullptr) : shown_value(shown)}};
}

std::string objects_text(const std::vector<Json>& objects, Format format, bool csv_header) {
  std::string out;
  if (format == Format::kCsv) {
    std::vector<std::string> cells;
    if (csv_header && !objects.empty()) {
      for (const auto& [key, value] : objects[0].items()) cells.push_back(key);
      out += csv_line(cells);
    }
    for (const Json& object : objects) {
      cells.clear();
      for (const auto& [key, value] : object.items()) {
        cells.push_back(value.is_null() ? "" : value.is_string() ? value.get<std::string>() : dump(value));
      }
      out += csv_line(cells);
    }
    return out;
  }
  const bool array = format == Format::kJson;
  for (const Json& object : objects) {
    if (array) out += &object == objects.data() ? "[" : " ";
    out += dump(object) + (array && &object != &objects.back() ? ",\n" : array ? "]\n" : "\n");
  }
  if (array && objects.empty()) out = "[]\n";
  return out;
}

}  // namespace smt::cmd
