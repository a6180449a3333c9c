#include "cmd/cli/complete.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <string_view>

#include "shm/list.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// Where a command line has come to.
struct Position {
  std::vector<const CLI::App*> apps;      // the tool, then its verb
  const CLI::Option* value_of = nullptr;  // the flag whose value comes next
  DomainOptions domain;
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* find_flag(const Position& at, const std::string& word) {
  for (auto app = at.apps.rbegin(); app != at.apps.rend(); ++app) {
    if (const CLI::Option* option = (*app)->get_option_no_throw(word)) return option;
  }
  return nullptr;
}

void set_value(const CLI::Option& option, const std::string& value, DomainOptions* domain) {
  if (option.check_lname("domain")) domain->domain = value;
  if (option.check_lname("root")) domain->root = value;
}

void pass(const std::string& word, Position* at) {
  if (at->value_of != nullptr) {
    set_value(*at->value_of, word, &at->domain);
    at->value_of = nullptr;
    return;
  }
  if (word.size() > 1 && word[0] == '-') {
    const size_t equals = word.find('=');
    const CLI::Option* flag = find_flag(*at, word.substr(0, equals));
    if (flag == nullptr || !takes_value(*flag)) return;
    if (equals == word.npos) at->value_of = flag;
    if (equals != word.npos) set_value(*flag, word.substr(equals + 1), &at->domain);
    return;
  }
  if (at->apps.size() > 1) return;
  for (const CLI::App* verb : at->apps[0]->get_subcommands({})) {
    if (verb->get_name() == word) at->apps.push_back(verb);
  }
}

void add_topics(DomainOptions options, const std::string& begin, std::vector<std::string>* out) {
  options.create = false;
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok()) return;
  Result<DomainListing> listing = list_topics(*domain);
  if (!listing.ok()) return;
  for (const TopicInfo& topic : listing->topics) {
    if (!topic.name.starts_with("smt/") || begin.starts_with("smt/")) out->push_back(topic.name);
  }
}

void add_domains(const std::string& root, std::vector<std::string>* out) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
    if (entry.is_directory(error)) out->push_back(entry.path().filename());
  }
}

// The words of a flag, where its type tells them: "table|json|jsonl|csv".
void add_values(const CLI::Option& option, const Position& at, std::vector<std::string>* out) {
  const std::string type = option.get_type_name();
  if (option.check_lname("domain")) add_domains(at.domain.root, out);
  if (option.check_lname("topic") || option.check_lname("exclude")) add_topics(at.domain, "", out);
  if (option.check_lname("state")) {
    for (const State state : {State::kEmpty, State::kFresh, State::kStale, State::kSourceDead,
                              State::kLinkDown, State::kSubstituted}) {
      out->emplace_back(state_name(state));
    }
  }
  if (option.check_lname("log")) out->insert(out->end(), {"trace", "debug", "info", "warn", "error", "off"});
  for (size_t begin = 0; type.find('|') != type.npos && begin < type.size();) {
    const size_t end = std::min(type.find('|', begin), type.size());
    out->push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
}

void add_flags(const Position& at, std::vector<std::string>* out) {
  for (const CLI::App* app : at.apps) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) out->push_back("--" + name);
    }
  }
}

}  // namespace

std::vector<std::string> completions(const CLI::App& app, const ToolOptions& tool,
                                     const std::vector<std::string>& words) {
  Position at{{&app}, nullptr, tool.domain};
  for (size_t i = 0; i + 1 < words.size(); ++i) pass(words[i], &at);
  const std::string begin = words.empty() ? "" : words.back();
  std::vector<std::string> out;
  if (at.value_of != nullptr) {
    add_values(*at.value_of, at, &out);
  } else if (begin.starts_with('-')) {
    add_flags(at, &out);
  } else {
    const CLI::App& last = *at.apps.back();
    for (const CLI::App* verb : last.get_subcommands({})) out.push_back(verb->get_name());
    const auto options = last.get_options();
    const bool topics = std::any_of(options.begin(), options.end(), [](const CLI::Option* option) {
      const std::string name = option->get_positional() ? option->get_name(true) : "";
      return name == "TOPIC" || name == "PATTERN";
    });
    if (topics) add_topics(at.domain, begin, &out);
  }
  // A shell shows words as they are, and a word that is changed would name nothing.
  std::erase_if(out,
                [&](const std::string& word) { return !word.starts_with(begin) || printable(word) != word; });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace smt::cmd
