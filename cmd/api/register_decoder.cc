#include "cmd/api/register_decoder.h"

#include <algorithm>
#include <utility>

#include "cmd/api/parse.h"

namespace smt::cmd::api {

std::optional<RegisterDecoder> RegisterDecoder::open(const std::string& path, ConfigErrors* errors) {
  const std::optional<XmlFile> file = XmlFile::open(path, errors);
  if (!file) return std::nullopt;
  // No code is generated: the map's name need not be one of a namespace.
  Api api = parse_registers(*file, "decoded");
  if (!errors->empty()) return std::nullopt;
  return RegisterDecoder(std::move(api));
}

RegisterDecoder::RegisterDecoder(Api api) : api_(std::move(api)) {
  for (size_t i = 0; i < api_.maps.size(); ++i)
    maps_[schema_of(api_, api_.structs[api_.maps[i].of_struct]).hash()] = i;
}

bool RegisterDecoder::decode(ShownSample* shown) const {
  const auto found = maps_.find(shown->schema.hash());
  if (found == maps_.end() || shown->sample.sequence == 0) return found != maps_.end();
  const std::vector<Register>& registers = api_.maps[found->second].registers;
  Json decoded = Json::object();
  const Json before = shown_value(*shown);
  for (auto shown_field = before.begin(); shown_field != before.end(); ++shown_field) {
    const std::string& name = shown_field.key();
    const Json& value = *shown_field;
    decoded[name] = value;
    const auto known =
        std::find_if(registers.begin(), registers.end(), [&](const Register& r) { return r.name == name; });
    if (known == registers.end() || !value.is_number_integer()) continue;
    for (const BitField& bits : known->bits) {
      const bool whole = bits.name == known->name;
      const std::string key = name + "." + (whole ? "value" : bits.name.substr(known->name.size() + 1));
      decoded[key] = meaning_of(api_, bits, value.get<uint64_t>());
      if (!bits.unit.empty()) shown->schema.fields.push_back({key, Type::kF64, 0, 1, bits.unit});
    }
  }
  shown->value = std::move(decoded);
  return true;
}

Json meaning_of(const Api& api, const BitField& bits, uint64_t value) {
  const uint64_t raw = value >> bits.low & bits.mask();
  const uint32_t unused = 64 - bits.count();
  const auto number =
      bits.is_signed ? static_cast<int64_t>(raw << unused) >> unused : static_cast<int64_t>(raw);
  const bool negative = bits.is_signed && number < 0;
  if (bits.of_enum) {
    const uint64_t magnitude = negative ? ~static_cast<uint64_t>(number) + 1 : raw;
    for (const EnumValue& named : api.enums[*bits.of_enum].values) {
      if (named.value.negative == negative && named.value.magnitude == magnitude) return named.name;
    }
  }
  if (bits.scaled) {
    return (bits.is_signed ? static_cast<double>(number) : static_cast<double>(raw)) * bits.scale +
           bits.offset;
  }
  if (bits.is_flag()) return raw != 0;
  return bits.is_signed ? Json(number) : Json(raw);
}

}  // namespace smt::cmd::api
