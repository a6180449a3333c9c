#include "cmd/config/config_print.h"

#include <fmt/format.h>

#include <string_view>

#include "cmd/config/config_keys.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

constexpr size_t kOriginColumn = 40;

// "key = value   # origin"; a value that cannot be written is told as none.
std::string line_of(const std::string& text, const Place* place) {
  const std::string origin = place == nullptr ? Place().origin() : place->origin();
  return fmt::format("{:<{}}  # {}\n", text, kOriginColumn, printable(origin));
}

template <class T>
std::string table(const T& table, const Places& places, Role role) {
  std::string out;
  for (const Key<T>& key : keys_of<T>()) {
    if (!key.of(role)) continue;
    const auto place = places.find(key.name);
    const std::string text = key.print(table);
    out +=
        line_of(text.empty() ? fmt::format("# {}: none", key.name) : fmt::format("{} = {}", key.name, text),
                place == places.end() ? nullptr : &place->second);
  }
  return out;
}

template <class T>
std::string entries(const std::vector<Entry<T>>& entries, Role role) {
  std::string out;
  for (const Entry<T>& entry : entries) {
    out += "\n" + line_of(fmt::format("[[{}]]", table_name<T>()), &entry.place) +
           table(entry.value, entry.places, role);
  }
  return out;
}

}  // namespace

std::string print_config(const RelayConfig& config) {
  std::string out = table(config, config.places, config.role);
  if (config.role == Role::kClient) return out + entries(config.peers, config.role);
  // Without the empty list a role's own direction would come back with its default rule.
  if (config.send.empty()) out += line_of("send = []", nullptr);
  if (config.receive.empty()) out += line_of("receive = []", nullptr);
  return out + entries(config.peers, config.role) + entries(config.send, config.role) +
         entries(config.receive, config.role) + entries(config.write, config.role) +
         entries(config.allow, config.role) + entries(config.deny, config.role);
}

}  // namespace smt::cmd
