// smtdemo: mirrors real topics from a robot over a proxy to a base, all on this machine; ends with PASS or
// FAIL.
#include <fmt/format.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/tool.h"
#include "cmd/demo/conductor.h"
#include "cmd/demo/must.h"
#include "shm/printable.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

// Domains that nobody else sees, removed at the end. SMT_ROOT names them to the programs that are started,
// which publish in `robot` unless told otherwise.
class PrivateRoot {
 public:
  PrivateRoot() {
    if (mkdtemp(path_) == nullptr) {
      must(smt::Status::from_errno(
          "cannot make a folder in /dev/shm (a tmpfs is mounted there, as by default?)", errno));
    }
    setenv("SMT_ROOT", path_, 1);
    setenv("SMT_DOMAIN", "robot", 1);
    for (const char* other : {"SMT_GROUP", "SMT_CONFIG", "SMT_KEYS", "SMT_INSECURE", "SMT_NAME"})
      unsetenv(other);
  }
  ~PrivateRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/dev/shm/smtdemo-XXXXXX";
};

nlohmann::ordered_json json_of(const Verdict& verdict) {
  nlohmann::ordered_json topics = nlohmann::json::array(), checks = nlohmann::json::array();
  for (const Row& r : verdict.rows) {
    topics.push_back({{"topic", r.topic},
                      {"hz", r.hz},
                      {"age_p50_ns", r.age_p50_ns},
                      {"age_p99_ns", r.age_p99_ns},
                      {"received", r.received},
                      {"missed", r.missed},
                      {"state", smt::state_name(r.state)}});
  }
  for (const Check& c : verdict.checks)
    checks.push_back({{"ok", c.ok}, {"what", c.what}, {"figure", c.figure}});
  return {{"pass", verdict.pass()},
          {"interrupted", verdict.interrupted},
          {"seconds", verdict.seconds},
          {"topics", topics},
          {"checks", checks}};
}

std::string text_of(const Verdict& verdict) {
  std::string text;
  if (verdict.interrupted)
    return fmt::format("interrupted after {:.1f} s: nothing is judged\n", verdict.seconds);
  for (const Check& c : verdict.checks)
    text += fmt::format("{:<4} {}: {}\n", c.ok ? "ok" : "FAIL", c.what, c.figure);
  text += fmt::format("{} in {:.1f} s\n", verdict.pass() ? "PASS" : "FAIL", verdict.seconds);
  return smt::printable(text, smt::LineBreaks::kAll);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Mirrors topics of this machine and of a simulated robot over a proxy into a second domain, kills and "
      "restarts\n"
      "robot and proxy, and judges.",
      "smtdemo");
  bool json = false;
  std::string replay;
  double seconds = 12;
  smt::cmd::ToolOptions options;
  app.add_flag("--json", json, "Print one JSON object at the end, and nothing else");
  app.add_option("--replay", replay, "Also replay this folder of CSV files")
      ->check(CLI::ExistingDirectory)
      ->type_name("DIR");
  smt::cmd::add_number(app, "--duration", &seconds, 6.0, 86400.0, "Seconds; a replay may take longer [12]");
  return smt::cmd::run_tool(app, argc, argv, options, [&] {
    smt::cmd::require_output();
    const smt::cmd::Stop stop;
    const PrivateRoot root;
    smt::DomainOptions base = smt::DomainOptions::from_environment();
    base.domain = "base";
    const std::filesystem::path keys = std::filesystem::path(root.path()) / "keys";
    std::filesystem::create_directory(keys);
    const smt::Domain domain = must(smt::Domain::open(base));
    Table table(json ? Table::Style::kSilent : Table::style_of_stdout());
    table.say(fmt::format("The mirror of this demo: smttopic --root {} --domain base list", root.path()));
    const Verdict verdict = Conductor(domain, fmt::format("ipc://{}/proxy", root.path()), keys.string(),
                                      seconds, replay, stop, &table)
                                .run();
    smt::cmd::print_text(json ? json_of(verdict).dump(2, ' ', /*ensure_ascii=*/true) + "\n"
                              : text_of(verdict));
    return verdict.pass() || verdict.interrupted ? smt::cmd::kExitOk : smt::cmd::kExitFailure;
  });
}
