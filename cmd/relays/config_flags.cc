#include "cmd/relays/config_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <type_traits>

#include "cmd/cli/options.h"
#include "cmd/config/config_check.h"
#include "cmd/config/config_file.h"
#include "cmd/config/config_keys.h"
#include "cmd/relays/impair.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

using Values = std::vector<std::pair<std::string_view, Value>>;

Place flag_place(const std::string& flag) { return {From::kFlag, flag}; }

// "[SMT_NAME or robot]"
template <class T>
std::string help_of(const Key<T>& key, Role role) {
  std::string from;
  T table;
  if constexpr (std::is_same_v<T, RelayConfig>) {
    table = default_config(role);
    if (is_in_environment(key)) from = key.environment();
  }
  std::string text = key.print(table);
  std::erase(text, '"');
  if (key.list) text = text.substr(1, text.size() - 2);
  if (!text.empty()) from += (from.empty() ? "" : " or ") + text;
  return from.empty() ? std::string(key.what) : fmt::format("{} [{}]", key.what, from);
}

// The flag of a key, whose values go to `out`.
template <class T>
CLI::Option* add_key(CLI::App& app, const Key<T>& key, Role role, Values* out,
                     const std::string& short_flag) {
  const std::string flag = key.flag(), help = help_of(key, role);
  const auto take = [out, &key, flag](const std::string& text) {
    out->emplace_back(key.name, Value::word(text, flag_place(flag)));
  };
  if (key.list) {
    return app
        .add_option_function<std::vector<std::string>>(
            flag,
            [out, &key, flag](const std::vector<std::string>& texts) {
              Value list;
              list.kind = Value::Kind::kList;
              list.place = flag_place(flag);
              for (const std::string& text : texts) list.list.push_back(Value::word(text, list.place));
              out->emplace_back(key.name, std::move(list));
            },
            help)
        ->type_name(std::string(key.type));
  }
  if (key.type.empty()) {
    return app.add_flag_function(
        flag, [take](int64_t count) { take(count > 0 ? "true" : "false"); }, help);
  }
  return app.add_option_function<std::string>(short_flag + flag, take, help)
      ->type_name(std::string(key.type));
}

template <class Rule>
void add_rule_flags(CLI::App& app, ConfigFlags* flags) {
  for (const Key<Rule>& key : keys_of<Rule>()) {
    if (!key.what.empty()) add_key(app, key, flags->role, &flags->rule, "");
  }
}

// Each word after the flag is a peer.
CLI::Option* add_peer_flag(CLI::App& app, const char* name, ConfigFlags* flags) {
  const Key<PeerConfig>& key = *find_key<PeerConfig>(name);
  return app
      .add_option_function<std::vector<std::string>>(
          key.flag(),
          [flags, &key](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              flags->peers.emplace_back(key.name, Value::word(text, flag_place(key.flag())));
            }
          },
          std::string(key.what))
      ->type_name(std::string(key.type));
}

template <class T>
void set_value(std::string_view name, const Value& value, T* out, Places* places, ConfigErrors* errors) {
  const Key<T>& key = *find_key<T>(name);
  if (const std::optional<Fault> fault = key.read(value, out)) {
    return errors->add(fault->place, fault->message);
  }
  (*places)[key.name] = value.place;
}

void apply_environment(RelayConfig* config, ConfigErrors* errors) {
  for (const Key<RelayConfig>& key : keys_of<RelayConfig>()) {
    if (!key.of(config->role) || !is_in_environment(key)) continue;
    const std::string name = key.environment();
    const char* text = getenv(name.c_str());
    if (text == nullptr || *text == '\0') continue;
    set_value(key.name, Value::word(text, {From::kEnvironment, name}), config, &config->places, errors);
  }
}

template <class T>
Entry<T> entry_of(const Values& values, ConfigErrors* errors) {
  Entry<T> entry;
  entry.place = values.front().second.place;
  const size_t before = errors->count();
  for (const auto& [key, value] : values) set_value(key, value, &entry.value, &entry.places, errors);
  entry.whole = errors->count() == before;
  return entry;
}

void apply_flags(const ConfigFlags& flags, RelayConfig* config, ConfigErrors* errors) {
  for (const auto& [key, value] : flags.top) set_value(key, value, config, &config->places, errors);
  if (!flags.peers.empty()) config->peers.clear();
  for (const auto& peer : flags.peers) config->peers.push_back(entry_of<PeerConfig>({peer}, errors));
  if (flags.compress) {
    for (Entry<PeerConfig>& peer : config->peers) {
      set_value("compress", Value::word("true", flag_place("--compress")), &peer.value, &peer.places, errors);
    }
  }
  if (flags.rule.empty()) return;
  if (config->role == Role::kSub) {
    config->receive = {entry_of<relay::ReceiveRule>(flags.rule, errors)};
  } else {
    config->send = {entry_of<relay::SendRule>(flags.rule, errors)};
  }
}

// What is there if the file has no rules of a direction.
void add_default_rules(const Given& given, RelayConfig* config) {
  if (config->role == Role::kClient) return;
  if (!given.send && config->role != Role::kSub) config->send.emplace_back();
  if (!given.receive && config->role != Role::kPub) config->receive.emplace_back();
}

void check_that_it_serves(const RelayConfig& config, const Place& place, ConfigErrors* errors) {
  const bool client = config.role == Role::kClient;
  if (config.peers.empty()) {
    errors->add(place, client ? "no endpoint; give --connect, as --connect tcp://127.0.0.1:7400, or [[peer]]"
                              : "no endpoint; give --bind or --connect, as --bind tcp://127.0.0.1:7400, or "
                                "[[peer]]");
  } else if (client && config.peers.size() > 1) {
    errors->add(config.peers[1].place, "smtrelay_client has one peer");
  }
  if (!client && config.send.empty() && config.receive.empty() && config.write.empty()) {
    errors->add(place, "no rule to send, to receive or to write: there is nothing to do");
  }
}

}  // namespace

void add_config_flags(CLI::App& app, ConfigFlags* flags) {
  const Role role = flags->role;
  CLI::Option* connect = add_peer_flag(app, "connect", flags);
  if (role == Role::kClient) {
    connect->allow_extra_args(false);  // a PATTERN may follow
  } else {
    add_peer_flag(app, "bind", flags);
    app.add_flag("--compress", flags->compress, std::string(find_key<PeerConfig>("compress")->what));
    role == Role::kSub ? add_rule_flags<relay::ReceiveRule>(app, flags)
                       : add_rule_flags<relay::SendRule>(app, flags);
    app.add_option_function<std::string>(
           "--impair",
           [flags](const std::string& text) {
             Result<relay::Impairment> impairment = parse_impairment(text);
             if (!impairment.ok()) throw CLI::ValidationError(impairment.status().message());
             flags->impair = *impairment;
           },
           "Rehearse a bad network on every link, each way: delay=80ms,jitter=20ms,loss=2%,rate=2mbit (bits "
           "per second), seed=7; a lost packet is a stall, as over TCP")
        ->type_name("PART,...");
    app.add_option("--explain", flags->explain, "Say which rule lets TOPIC pass or stops it, and end")
        ->type_name("TOPIC");
  }
  for (const Key<RelayConfig>& key : keys_of<RelayConfig>()) {
    if (key.of(role) && !key.what.empty())
      add_key(app, key, role, &flags->top, key.name == "format" ? "-f," : "");
  }
  app.add_option("--config", flags->file, "Read this TOML file first [SMT_CONFIG]")
      ->envname("SMT_CONFIG")
      ->type_name("FILE");
  app.add_flag("--check-config", flags->check, "Check the configuration, say what is wrong, and end");
  app.add_flag("--print-config", flags->print,
               "Print the configuration with the origin of each value, as a file, and end");
  add_version_flag(app);
  const char* const order = " Order: defaults < file < SMT_* environment < flags.\n";
  const char* const patterns =
      "PATTERN: a topic name in which * is any text inside one segment and ** any number of segments;\n"
      "re:EXPRESSION is RE2. smt/** is named only by patterns that begin with smt/.";
  if (role == Role::kClient) {
    app.footer(std::string("--connect stands for the [[peer]] of the file.") + order + patterns);
    return;
  }
  const std::string rule_flags =
      role == Role::kSub
          ? "--topic, --exclude, --rate, --prefix, --max-age and --on-stale make one rule, which stands for "
            "all\n"
            "[[receive]] of the file,"
          : "--topic, --exclude and --rate make one rule, which stands for all [[send]] of the file,";
  app.footer(
      "Prints `ready NAME ENDPOINT...` when it serves; SIGINT ends it, SIGHUP reads rules and peers of the "
      "file\nof --config anew. " +
      rule_flags + " --bind and --connect for all its [[peer]]." + order + patterns + " --exclude wins.");
}

RelayConfig load_config(const ConfigFlags& flags, ConfigErrors* errors) {
  RelayConfig config = default_config(flags.role);
  Given given;
  if (!flags.file.empty()) given = apply_file(flags.file, &config, errors);
  add_default_rules(given, &config);
  apply_environment(&config, errors);
  apply_flags(flags, &config, errors);
  complete_liveness(&config, errors);
  const size_t before = errors->count();
  read_keys(&config, errors);
  // Without its keys no endpoint can be judged.
  if (errors->count() == before) check_peers(config, errors);
  check_metrics(config, errors);
  check_rules(config, errors);
  if (flags.serves() && errors->empty()) {
    check_that_it_serves(config, flags.file.empty() ? Place() : Place{From::kFile, flags.file, 1, 1}, errors);
  }
  return config;
}

}  // namespace smt::cmd
