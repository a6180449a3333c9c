// Configuration files and files of keys (libFuzzer): what is refused is told with its place, and what is
// taken gives no peer more than the rules that stand in it, by the letter of docs/config.md, and opens no
// endpoint to other machines.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/config/config_check.h"
#include "cmd/config/config_file.h"
#include "cmd/config/config_print.h"
#include "cmd/serve/engine_options.h"
#include "relay/keys/keys.h"
#include "relay/rules/access.h"
#include "shm/domain.h"
#include "tests/cmd/config/broken_configs.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/wire.h"
#include "tests/relay/access_rules.h"

namespace {

using namespace smt;
using fuzz::expect;
using relay::Right;

constexpr cmd::Role kRoles[] = {cmd::Role::kPub, cmd::Role::kSub, cmd::Role::kProxy, cmd::Role::kClient};
// The first byte: which file it is, by its two upper bits; of a configuration the lower ones are the role.
enum Kind { kSecretFile, kPublicFile, kConfig };
Kind kind_of(uint8_t first) { return first >= 0xe0 ? kSecretFile : first >= 0xc0 ? kPublicFile : kConfig; }

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1))
    out.push_back(text.substr(0, end));
  if (!text.empty()) out.push_back(text);
  return out;
}

// "LINE:COLUMN: a sentence", after "F:" where that stands too. The line is one of the text, or the one
// behind.
void expect_place_and_sentence(std::string_view message, std::string_view file, size_t lines) {
  expect(message.starts_with(file), "an error without its file");
  message.remove_prefix(file.size());
  for (const size_t max : {lines + 1, size_t{1} << 20}) {
    size_t digits = 0, number = 0;
    while (digits < message.size() && isdigit(static_cast<unsigned char>(message[digits])) != 0)
      number = number * 10 + static_cast<size_t>(message[digits++] - '0');
    expect(digits > 0 && number >= 1 && number <= max && message.substr(digits).starts_with(":"),
           "an error without its line and column");
    message.remove_prefix(digits + 1);
  }
  expect(message.size() > 5 && message[0] == ' ', "an error without a sentence");
}

// --- configurations

// Tables that the text begins, as far as that is plain to see; nothing where text of several lines stands.
size_t tables_called(std::string_view name, std::string_view text) {
  size_t count = 0;
  for (std::string_view line : split_lines(text)) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    count += line.starts_with("[[" + std::string(name) + "]]");
  }
  return count;
}

template <class Rule>
bool of_globs(const std::vector<Rule>& rules) {
  return std::all_of(rules.begin(), rules.end(), [](const Rule& rule) {
    for (const auto* list : {&rule.peer, &rule.topic, &rule.exclude}) {
      for (const std::string& pattern : *list) {
        // The oracle's time is exponential in the wildcards.
        if (pattern.starts_with("re:") || std::count(pattern.begin(), pattern.end(), '*') > 6) return false;
      }
    }
    return true;
  });
}

bool stays_here(std::string_view endpoint) {
  if (endpoint.starts_with("ipc://") || endpoint.starts_with("inproc://")) return true;
  endpoint.remove_prefix(std::min(std::string_view("tcp://").size(), endpoint.size()));
  return endpoint.starts_with("127.") || endpoint.starts_with("localhost:") || endpoint.starts_with("[::1]:");
}

void expect_no_more_than_the_rules(const cmd::RelayConfig& config, std::string_view text) {
  const relay::AccessRules rules = cmd::engine_options(config).access;
  if (text.find("\"\"\"") == text.npos && text.find("'''") == text.npos) {
    expect(rules.allow.size() >= tables_called("allow", text), "an [[allow]] that is not taken");
    expect(rules.deny.size() >= tables_called("deny", text), "a [[deny]] that is not taken");
  }
  relay::Access access;
  expect(access.compile(rules).ok(), "rules that pass the check and are none");
  if (!of_globs(rules.allow) || !of_globs(rules.deny)) return;
  for (const char* peer : {"base", "r1", "operator"}) {
    for (const char* topic : {"a", "arm/left", "camera/front", "smt/relay/x"}) {
      for (const Right right : {Right::kRead, Right::kList, Right::kWrite}) {
        expect(access.allows(peer, topic, right) == relay::should_allow(rules, peer, topic, right),
               "another right than the rules give");
      }
    }
  }
  for (const Right right : {Right::kRead, Right::kList, Right::kWrite}) {
    const bool about = !rules.allow.empty() &&
                       std::any_of(rules.allow.begin(), rules.allow.end(),
                                   [&](const auto& r) { return has(relay::given_by(r.rights), right); });
    expect(!about || !access.allows("a/b", "a", right), "a right of somebody without a name");
  }
}

// The printed form without the origins.
std::string meaning_of(const cmd::RelayConfig& config) {
  std::string out;
  const std::string printed = cmd::print_config(config);
  for (const std::string_view line : split_lines(printed)) {
    out += line.substr(0, line.rfind("  # "));
    out += '\n';
  }
  return out;
}

struct Read {
  cmd::RelayConfig config;
  cmd::ConfigErrors errors;
};
// As load_config of cmd/relays/config_flags.h, without files, environment and flags.
Read read_text(std::string_view text, cmd::Role role) {
  Read read;
  read.config.role = role;
  read.config.name = "host";
  const cmd::Given given = apply_text(text, "F", &read.config, &read.errors);
  if (role != cmd::Role::kClient) {
    if (!given.send && role != cmd::Role::kSub) read.config.send.emplace_back();
    if (!given.receive && role != cmd::Role::kPub) read.config.receive.emplace_back();
  }
  complete_liveness(&read.config, &read.errors);
  if (read.errors.empty() || !read.config.peers.empty()) check_peers(read.config, &read.errors);
  check_rules(read.config, &read.errors);
  return read;
}

void try_config(std::string_view text, cmd::Role role) {
  const Read read = read_text(text, role);
  const std::vector<std::string> told = read.errors.lines();
  expect(read.errors.empty() == told.empty(), "errors that nobody is told");
  for (const std::string& line : told) {
    if (line.starts_with("and ")) continue;
    // A default's rule has no line.
    expect_place_and_sentence(line, "F:", split_lines(text).size());
  }
  if (!read.errors.empty()) return;
  for (const auto& entry : read.config.peers) {
    std::vector<std::string> endpoints = entry.value.connect;
    if (!entry.value.bind.empty()) endpoints.push_back(entry.value.bind);
    for (const std::string& endpoint : endpoints)
      expect(read.config.insecure || stays_here(endpoint), "an open endpoint without keys");
  }
  expect_no_more_than_the_rules(read.config, text);
  const std::string meaning = meaning_of(read.config);
  if (meaning.find(": none") != meaning.npos) return;
  const Read again = read_text(meaning, role);
  expect(again.errors.empty() && meaning_of(again.config) == meaning,
         "a configuration that changes when printed");
}

// --- keys

void try_secret(std::string_view text) {
  const Result<relay::KeyPair> pair = relay::parse_secret_file(text);
  if (pair.ok()) {
    expect(check_name("peer", pair->name).ok(), "a key of nobody");
    expect(text.find(relay::public_key_text(pair->secret.bytes())) != text.npos,
           "a key that does not stand there");
    return;
  }
  expect_place_and_sentence(pair.status().message(), "", split_lines(text).size());
  for (const std::string_view line : split_lines(text)) {
    const size_t key = line.find("secret ");
    if (key == line.npos) continue;
    const std::string_view word = line.substr(key + 7, line.find(' ', key + 7) - key - 7);
    expect(word.size() < 40 || pair.status().message().find(word) == std::string::npos,
           "a message that tells the secret key");
  }
}

void try_public(std::string_view text) {
  const Result<relay::PeerKeys> peer = relay::parse_public_file(text);
  if (!peer.ok()) return expect_place_and_sentence(peer.status().message(), "", split_lines(text).size());
  expect(check_name("peer", peer->name).ok(), "a key of nobody");
  expect(!peer->keys.empty() && peer->keys.size() <= relay::kMaxKeysOfPeer, "no key, or too many");
  for (const relay::KeyBytes& key : peer->keys)
    expect(text.find(relay::public_key_text(key)) != text.npos, "a key that does not stand there");
}

// --- what to begin with

const std::vector<std::string>& good_lines(Kind kind) {
  static const std::vector<std::string> kKeys = [] {
    std::vector<std::string> out = {"# a comment", "", "smtrelay-public  robot", "smtrelay-secret KEY"};
    for (uint8_t i = 0; i < 4; ++i) {
      relay::KeyBytes key;
      key.fill(i * 37);
      const std::string text = relay::public_key_text(key);
      out.push_back("smtrelay-public " + text + " robot");
      out.push_back("smtrelay-secret " + text + " robot");
      out.push_back("smtrelay-public " + text + " base");
      out.push_back("smtrelay-public " + text.substr(0, 40) + " robot");
    }
    return out;
  }();
  static const std::vector<std::string> kConfigLines = [] {
    std::vector<std::string> out = {
        "version = 1", "[[allow]]", "[[deny]]", "[[send]]", "[[receive]]", "[[write]]", "[[peer]]",
        "bind = 'tcp://127.0.0.1:7400'", "bind = 'tcp://*:7400'", "connect = 'tcp://localhost:7400'",
        "insecure = true", "peer = \"r1\"", "peer = ['base', 'r*']", "topic = \"arm/**\"",
        "topic = \"smt/**\"", "topic = ['a', 'camera/*']", "exclude = \"arm/left\"", "do = \"read\"",
        "do = ['list', 'write']", "max_age = \"1s\"", "on_stale = \"zero\"", "lease = \"1s\"",
        "prefix = \"{peer}\"", "as = \"b\"", "heartbeat = \"1s\"", "patience = \"3s\"", "order = \"random\"",
        // Of Mosquitto: CVE-2018-12550 an access file that says nothing, -12551 lines cut short, -20145 a
        // file that is not looked at.
        "", "# topic read #", "allow = []", "deny = []", "[allow]", "[[allow]", "allow",
        "[[allow]]\ntopic = []", "[[deny]]\npeer = \"\"", "user", "user admin", "admin:", ":$6$salt$hash",
        "topic readwrite #", "pattern read $SYS/#", "per_listener_settings = true", "acl_file = \"/a\"",
        "allow_anonymous = true"};
    for (const BrokenConfig& broken : kBrokenConfigs)
      if (broken.text.size() < 200) out.push_back(broken.text);
    return out;
  }();
  return kind == kConfig ? kConfigLines : kKeys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  fuzz::executed();
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (kind_of(data[0])) {
    case kSecretFile:
      try_secret(text);
      break;
    case kPublicFile:
      try_public(text);
      break;
    case kConfig:
      try_config(text, kRoles[data[0] % 4]);
  }
  return 0;
}

// Line by line.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  fuzz::Random random(seed);
  if (size == 0 || random.below(64) == 0) data[0] = static_cast<uint8_t>(random.next());
  const std::string text(reinterpret_cast<const char*>(data) + 1, size == 0 ? 0 : size - 1);
  std::vector<std::string> lines;
  for (const std::string_view line : split_lines(text)) lines.emplace_back(line);
  const std::vector<std::string>& good = good_lines(kind_of(data[0]));
  const size_t at = random.below(lines.size() + 1);
  const auto here = lines.begin() + static_cast<ptrdiff_t>(at);
  if (lines.empty() || random.below(3) == 0) {
    lines.insert(here, good[random.below(good.size())]);
    if (lines.size() == 1) lines.insert(lines.begin(), good[0]);
  } else if (at == lines.size()) {
    lines.push_back(lines[random.below(lines.size())]);
  } else if (random.below(3) == 0) {
    lines.erase(here);
  } else if (random.below(4) == 0) {
    std::swap(*here, lines[random.below(lines.size())]);
  } else {
    *here = fuzz::mutate_bytes(*here, 200);
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  out.resize(std::min(out.size(), max_size - 1));
  std::copy(out.begin(), out.end(), data + 1);
  return 1 + out.size();
}
