// smt: the tools by their short names: smt topic list, smt relay pub, smt replay.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/tool.h"
#include "cmd/text/text.h"
#include "relay/names/near_names.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

struct Tool {
  std::string_view words, program, what;
};
constexpr std::array kTools = {
    Tool{"topic", "smttopic", "Look at topics, and publish by hand"},
    Tool{"sinewave", "smtsinewave", "Publish a sine wave, or another signal"},
    Tool{"replay", "smtreplay", "Play a recording into shared memory"},
    Tool{"relay pub", "smtrelay_pub", "Send the topics of a domain to whoever wants them"},
    Tool{"relay sub", "smtrelay_sub", "Mirror topics of other machines into a domain"},
    Tool{"relay proxy", "smtrelay_proxy", "Pass topics on between relays"},
    Tool{"relay client", "smtrelay_client", "Fetch topics from a relay, or set them"},
    Tool{"relay keygen", "smtrelay_keygen", "Make the keys by which relays know each other"},
    Tool{"relay health", "smtrelay_health", "Ask a relay of this machine whether it is well"}};

constexpr std::string_view kPrefixes[] = {"smt", "smt-", "smtrelay_"};

// The folder of this program, then those of PATH. An empty entry of PATH is no folder: the one that somebody
// happens to stand in is not searched.
std::vector<fs::path> tool_folders() {
  std::vector<fs::path> folders;
  std::error_code error;
  if (const fs::path self = fs::read_symlink("/proc/self/exe", error); !error)
    folders.push_back(self.parent_path());
  const char* const path = getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    if (folder.starts_with('/')) folders.emplace_back(folder);
  }
  return folders;
}

bool is_program(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

std::optional<fs::path> find_program(const std::string& program) {
  for (const fs::path& folder : tool_folders()) {
    if (is_program(folder / program)) return folder / program;
  }
  return std::nullopt;
}

// A word of a name, not a path.
bool is_word(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return isalnum(c) != 0 || c == '_' || c == '-';
  });
}

// Those that no one has described, by their words. Only of the folder of this program: elsewhere may be any
// smt*.
std::vector<std::string> others() {
  std::vector<std::string> words;
  const std::vector<fs::path> folders = tool_folders();
  std::error_code error;
  if (folders.empty()) return words;
  for (const auto& entry : fs::directory_iterator(folders[0], error)) {
    const std::string name = entry.path().filename();
    const bool known =
        std::any_of(kTools.begin(), kTools.end(), [&](const Tool& t) { return t.program == name; });
    const bool fits = name.size() > 3 && name.starts_with("smt") &&
                      (isalpha(name[3]) != 0 || name[3] == '-') && is_word(name);
    if (known || !fits || !is_program(entry.path())) continue;
    words.push_back(name.starts_with("smt-") ? name.substr(4) : name.substr(3));
  }
  std::sort(words.begin(), words.end());
  return words;
}

int list_tools() {
  std::vector<std::vector<std::string>> rows;
  for (const Tool& tool : kTools) {
    if (find_program(std::string(tool.program)))
      rows.push_back({fmt::format("  smt {}", tool.words), std::string(tool.what)});
  }
  for (const std::string& words : others())
    rows.push_back({"  smt " + words, "see smt " + words + " --help"});
  print_text("smt runs the tools that stand beside it, or in PATH:\n\n" + format_table(rows) +
             "\nsmt WORD runs smtWORD, smt-WORD or smtrelay_WORD with the arguments that follow.\n");
  return kExitOk;
}

int unknown(const std::string& words) {
  relay::NearNames near(words);
  for (const Tool& tool : kTools) {
    near.add(std::string(tool.words));
    near.add(std::string(tool.program));
  }
  for (const std::string& other : others()) near.add(other);
  const std::vector<std::string> similar = near.similar(3);
  return fail(kExitUsage, fmt::format("no tool \"{}\"{}{}; smt alone lists them", words,
                                      similar.empty() ? "" : "; did you mean ", fmt::join(similar, " or ")));
}

// Returns only if it fails.
int exec_program(const fs::path& path, char** argv) {
  std::string name = path.filename();
  argv[0] = name.data();
  for (const int signal : kIgnoredSignals) std::signal(signal, SIG_DFL);
  execv(path.c_str(), argv);
  return fail(kExitFailure, fmt::format("cannot run {}: {}", path.string(), strerror(errno)));
}

// `smt --complete WORD...`: the first words of tools; further on, what the tool itself says.
int complete_words(int argc, char** argv) {
  const std::string first = argc > 2 ? argv[2] : "", second = argc > 3 ? argv[3] : "";
  const bool relay = first == "relay" && argc > 3;
  if (argc > (relay ? 4 : 3)) {
    char* const tool = argv[relay ? 3 : 2];
    std::optional<fs::path> path;
    if (relay && is_word(second)) path = find_program("smtrelay_" + second);
    for (const std::string_view prefix : kPrefixes) {
      if (!relay && !path && is_word(tool)) path = find_program(std::string(prefix) + tool);
    }
    if (!path) return kExitOk;
    argv[relay ? 3 : 2] = argv[1];  // --complete, in front of the tool's words
    return exec_program(*path, argv + (relay ? 2 : 1));
  }
  std::vector<std::string> words;
  if (!relay) words = others();
  for (const Tool& known : kTools) {
    const size_t space = known.words.find(' ');
    if (relay && space != known.words.npos) words.emplace_back(known.words.substr(space + 1));
    if (!relay) words.emplace_back(known.words.substr(0, space));
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  for (const std::string& word : words) {
    if (word.starts_with(relay ? second : first)) print_text(word + "\n");
  }
  return kExitOk;
}

int dispatch(int argc, char** argv) {
  const std::string word = argv[1];
  if (word == "relay" && argc > 2 && is_word(argv[2])) {
    if (const auto path = find_program("smtrelay_" + std::string(argv[2])))
      return exec_program(*path, argv + 2);
    return unknown(word + " " + argv[2]);
  }
  if (word == "relay" && argc == 2) return fail(kExitUsage, "which relay? pub, sub, proxy, client or keygen");
  if (!is_word(word)) return unknown(word);
  for (const std::string_view prefix : kPrefixes) {
    if (const auto path = find_program(std::string(prefix) + word)) return exec_program(*path, argv + 1);
  }
  return unknown(word);
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smt_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app("Run a tool by its short name", "smt");
  add_version_flag(app);
  app.footer("smt alone lists the tools. smt topic list is smttopic list, smt relay pub is smtrelay_pub.");
  // Its flags stand before the word; what follows is the tool's.
  const bool completes = argc > 1 && std::string_view(argv[1]) == "--complete";
  const bool dispatches = argc > 1 && argv[1][0] != '-';
  return run_tool(app, completes || dispatches ? 1 : argc, argv, ToolOptions(), [&] {
    return completes ? complete_words(argc, argv) : dispatches ? dispatch(argc, argv) : list_tools();
  });
}
