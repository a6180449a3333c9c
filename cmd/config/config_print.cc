#include "cmd/config/config_print.h"

#include <fmt/format.h>

#include <string_view>

#include "cmd/config/config_keys.h"
#include "cmd/text/text.h"

namespace smt::cmd {
namespace {

constexpr size_t kOriginColumn = 40;

// "key = value   # origin"; a value that cannot be written is told as none.
std::string Line(const std::string& text, const Place* place) {
  const std::string origin = place == nullptr ? Place().origin() : place->origin();
  return fmt::format("{:<{}}  # {}\n", text, kOriginColumn, Printable(origin));
}

template <class T>
std::string Table(const T& table, const Places& places, Role role) {
  std::string out;
  for (const Key<T>& key : Keys<T>()) {
    if (!key.of(role)) continue;
    const auto place = places.find(key.name);
    const std::string text = key.print(table);
    out += Line(text.empty() ? fmt::format("# {}: none", key.name) : fmt::format("{} = {}", key.name, text),
                place == places.end() ? nullptr : &place->second);
  }
  return out;
}

template <class T>
std::string Entries(const std::vector<Entry<T>>& entries, Role role) {
  std::string out;
  for (const Entry<T>& entry : entries) {
    out += "\n" + Line(fmt::format("[[{}]]", TableName<T>()), &entry.place) +
           Table(entry.value, entry.places, role);
  }
  return out;
}

}  // namespace

std::string PrintConfig(const RelayConfig& config) {
  std::string out = Table(config, config.places, config.role);
  if (config.role == Role::kClient) return out + Entries(config.peers, config.role);
  // Without the empty list a role's own direction would come back with its default rule.
  if (config.send.empty()) out += Line("send = []", nullptr);
  if (config.receive.empty()) out += Line("receive = []", nullptr);
  return out + Entries(config.peers, config.role) + Entries(config.send, config.role) +
         Entries(config.receive, config.role) + Entries(config.write, config.role) +
         Entries(config.allow, config.role) + Entries(config.deny, config.role);
}

}  // namespace smt::cmd
