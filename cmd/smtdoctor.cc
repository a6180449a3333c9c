// smtdoctor: what is wrong here, and the command that cures it.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/tool.h"
#include "cmd/doctor/doctor.h"
#include "cmd/value/topic_json.h"
#include "relay/names/pattern_set.h"
#include "shm/printable.h"

namespace smt::cmd {

namespace {

std::string_view kind_name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kFine:
      return "fine";
    case Finding::Kind::kNote:
      return "note";
    case Finding::Kind::kProblem:
      return "problem";
  }
  return "?";
}

void print_table(const std::vector<Finding>& findings, size_t problems) {
  const bool colour = colour_on(STDOUT_FILENO);
  std::string out;
  for (const Finding& f : findings) {
    const bool bad = f.kind == Finding::Kind::kProblem;
    const std::string_view name = bad ? "PROBLEM" : kind_name(f.kind);
    out += fmt::format("{}{:<8}{}{:<10}{}\n", colour && bad ? "\x1b[31m" : "", name,
                       colour && bad ? "\x1b[0m" : "", f.check, printable(f.text));
    if (bad && !f.cure.empty()) out += fmt::format("{:18}run: {}\n", "", printable(f.cure));
  }
  out += problems == 0 ? "all is well\n" : fmt::format("{} problem{}\n", problems, problems == 1 ? "" : "s");
  print_text(out);
}

int doctor(const ToolOptions& tool, DoctorOptions options, const std::vector<std::string>& topics) {
  require_output();
  options.domain = tool.domain;
  Result<std::vector<relay::Pattern>> patterns = relay::parse_patterns(topics);
  if (!patterns.ok()) return fail(patterns.status());
  options.topics = std::move(*patterns);
  std::vector<Finding> findings;
  for (const auto& check : {check_domain, check_machine, check_keys, check_endpoints}) {
    std::vector<Finding> found = check(options);
    findings.insert(findings.end(), found.begin(), found.end());
  }
  const auto problems = static_cast<size_t>(std::count_if(
      findings.begin(), findings.end(), [](const Finding& f) { return f.kind == Finding::Kind::kProblem; }));
  if (tool.format == Format::kTable) {
    print_table(findings, problems);
  } else {
    std::vector<Json> objects;
    for (const Finding& f : findings) {
      objects.push_back(
          {{"check", f.check}, {"kind", kind_name(f.kind)}, {"text", f.text}, {"cure", f.cure}});
    }
    print_objects(objects, tool.format);
  }
  return problems == 0 ? kExitOk : kExitFailure;
}

}  // namespace
}  // namespace smt::cmd

extern "C" int smtdoctor_main(int argc, char** argv) {
  using namespace smt::cmd;
  CLI::App app(
      "Look for what is wrong with this machine, a domain and a relay, and tell the command that cures it",
      "smtdoctor");
  app.footer("Exit codes: 0 all is well, 1 a problem, 2 usage.");
  ToolOptions tool;
  DoctorOptions options;
  std::vector<std::string> topics;
  CLI::Option* keys =
      app.add_option("--keys", options.keys, "Folder with the keys of a relay")->type_name("DIR");
  app.add_option("--self-key", options.self_key,
                 "The relay's own key, where it is not in --keys: a file, or the name of a credential")
      ->type_name("FILE")
      ->needs(keys);
  app.add_flag("--key-group", options.key_group, "The group of the domain may read the relay's own key");
  app.add_option("--topic", topics, "Topics that should be here, and fresh; several times")
      ->type_name("PATTERN");
  app.add_option("--bind", options.bind, "Where a relay is to listen")->type_name("ENDPOINT");
  app.add_option("--connect", options.connect, "Where a relay is to dial")->type_name("ENDPOINT");
  add_duration(app, "--timeout", &options.timeout_ns, "For who is dialled to answer [2s]");
  app.add_option("--system-root", options.system_root,
                 "Where the machine's own files are, as of an image [/]")
      ->type_name("DIR");
  add_format_flag(app, &tool);
  add_common_flags(app, &tool);
  return run_tool(app, argc, argv, tool, [&] { return doctor(tool, options, topics); });
}
