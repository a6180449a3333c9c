#include "cmd/config/config_file.h"

#include <fmt/format.h>

#include <optional>
#include <type_traits>
#include <vector>

#include "cmd/config/config_keys.h"
#include "cmd/text/config_toml.h"
#include "relay/names/near_names.h"

namespace smt::cmd {
namespace {

using Kind = Value::Kind;

// Peers may set topics there.
bool has_memory(Role role) { return role == Role::kPub || role == Role::kSub; }

template <class T>
std::string where_of() {
  return table_name<T>().empty() ? "the top of the file" : fmt::format("[[{}]]", table_name<T>());
}

// In which tables of the role the key is known, other than T: "[[send]] or [[receive]]".
template <class T>
std::string other_tables(std::string_view name, Role role) {
  std::vector<std::string> where;
  const auto look = [&]<class Other>(const Other*) {
    const Key<Other>* key = find_key<Other>(name);
    if (!std::is_same_v<T, Other> && key != nullptr && key->of(role)) where.push_back(where_of<Other>());
  };
  look(static_cast<const RelayConfig*>(nullptr));
  look(static_cast<const PeerConfig*>(nullptr));
  look(static_cast<const relay::SendRule*>(nullptr));
  look(static_cast<const relay::ReceiveRule*>(nullptr));
  look(static_cast<const relay::WriteRule*>(nullptr));
  look(static_cast<const relay::AllowRule*>(nullptr));
  look(static_cast<const relay::DenyRule*>(nullptr));
  return fmt::format("{}", fmt::join(where, " or "));
}

template <class T>
std::string unknown(std::string_view name, Role role) {
  const std::string what = fmt::format("unknown key {}", quote(name));
  if (const std::string other = other_tables<T>(name, role); !other.empty()) {
    return fmt::format("{} in {}: it belongs in {}", what, where_of<T>(), other);
  }
  if (const Key<T>* key = find_key<T>(name); key != nullptr) {
    return fmt::format("{}: smtrelay_{} has no use for it", what, role_name(role));
  }
  std::vector<std::string_view> names;
  for (const Key<T>& key : keys_of<T>()) {
    if (key.of(role)) names.push_back(key.name);
  }
  if (table_name<T>().empty()) names.push_back("peer");
  if (table_name<T>().empty() && role != Role::kClient)
    names.insert(names.end(), {"send", "receive", "allow", "deny"});
  if (table_name<T>().empty() && has_memory(role)) names.push_back("write");
  const std::string_view near = relay::did_you_mean(name, names);
  if (near.empty()) return fmt::format("{} in {}; it has {}", what, where_of<T>(), fmt::join(names, ", "));
  return fmt::format("{} in {}; did you mean \"{}\"?", what, where_of<T>(), near);
}

template <class T>
void read_member(const Value::Member& member, Role role, T* out, Places* places, ConfigErrors* errors) {
  const Key<T>* key = find_key<T>(member.key);
  if (key == nullptr || !key->of(role)) {
    return errors->add(member.place, errors->full() ? "" : unknown<T>(member.key, role));
  }
  if (const std::optional<Fault> fault = key->read(member.value, out)) {
    return errors->add(fault->place, fmt::format("{}: {}", key->name, fault->message));
  }
  // The value, as its line is the one to look at.
  (*places)[key->name] = member.value.place;
}

// [[name]]...
template <class T>
void read_entries(const Value::Member& member, Role role, std::vector<Entry<T>>* out, ConfigErrors* errors) {
  const auto wrong = [&](const Place& place) {
    errors->add(place, fmt::format("write each {0} as a table of its own, below a line [[{0}]]", member.key));
  };
  if (member.value.kind != Kind::kList) return wrong(member.place);
  for (const Value& table : member.value.list) {
    if (table.kind != Kind::kTable) {
      wrong(table.place);
      continue;
    }
    Entry<T>& entry = out->emplace_back();
    entry.place = table.place;
    const size_t before = errors->count();
    for (const Value::Member& one : table.members) {
      read_member(one, role, &entry.value, &entry.places, errors);
    }
    entry.whole = errors->count() == before;
  }
}

}  // namespace

Given apply_text(std::string_view text, const std::string& path, RelayConfig* config, ConfigErrors* errors) {
  Given given;
  const std::optional<Value> file = parse_toml(text, path, errors);
  if (!file) return given;
  for (const Value::Member& member : file->members) {
    if (member.key == "peer") {
      read_entries(member, config->role, &config->peers, errors);
    } else if (member.key == "send" && config->role != Role::kClient) {
      given.send = true;
      read_entries(member, config->role, &config->send, errors);
    } else if (member.key == "receive" && config->role != Role::kClient) {
      given.receive = true;
      read_entries(member, config->role, &config->receive, errors);
    } else if (member.key == "write" && has_memory(config->role)) {
      read_entries(member, config->role, &config->write, errors);
    } else if (member.key == "allow" && config->role != Role::kClient) {
      // Without a rule everybody may read everything; whoever writes this means that nobody may.
      if (member.value.kind == Kind::kList && member.value.list.empty())
        errors->add(member.place, "allow: an empty list allows everything; for nothing write [[deny]]");
      read_entries(member, config->role, &config->allow, errors);
    } else if (member.key == "deny" && config->role != Role::kClient) {
      read_entries(member, config->role, &config->deny, errors);
    } else {
      read_member(member, config->role, config, &config->places, errors);
    }
  }
  // A version that cannot be read is an error already.
  bool version = false;
  for (const Value::Member& member : file->members) version = version || member.key == "version";
  if (!version) {
    errors->add({From::kFile, path, 1, 1},
                fmt::format("the version of the format is missing: write version = {}", kConfigVersion));
  }
  return given;
}

Given apply_file(const std::string& path, RelayConfig* config, ConfigErrors* errors) {
  const std::optional<std::string> text = read_config_file(path, errors);
  return text ? apply_text(*text, path, config, errors) : Given();
}

}  // namespace smt::cmd
