// How fast, how completely and how cheaply do topics reach the memory of another machine?
//
// Both "machines" are this one: each relay is a process of its own, and so are the program that publishes and
// the one that reads. Writer and sender run on core 0, receivers and readers on core 1, I/O threads included;
// they talk over TCP on the loopback. A latency is the time from just before publish until a reader that
// slept in the far memory holds the value; values carry the time themselves. CPU is what the kernel charged
// to all threads of the relay processes. Variants take turns, round by round.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "bench/relay/answers.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

struct Flags {
  bool quick = false, smoke = false, json = false, without_smtrelay = false;
  std::string only, bin;
};

Report run(const Flags& flags, const Domain& domain) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string folder = std::filesystem::path(domain.path()).parent_path().string() + "/trial";
  const int rounds = flags.quick || flags.smoke ? 1 : 5;
  const double seconds = flags.smoke ? 0.05 : flags.quick ? 0.5 : 1.0;
  Report report("relay: published in one memory -> seen by a reader that slept in the other",
                {kNaive, kRawTcp, kBestNaive});
  std::vector<Answers> answers;
  for (Question& question : questions(flags.without_smtrelay ? "" : flags.bin)) {
    if (!flags.only.empty() && flags.only.find(question.letter) == std::string::npos) continue;
    fmt::print(stderr, "({}) {}\n", question.letter, question.title);
    answers.emplace_back(std::move(question), rounds, seconds, folder);
    answers.back().show(&report);
  }
  for (const Answers& a : answers) a.judge(&report);
  return report;
}

int relay_main(int argc, char** argv) {
  Flags flags;
  flags.bin = bin_folder();
  CLI::App app("Measures smtrelay beside relays that one would write by hand");
  app.add_flag("--quick", flags.quick, "One short round instead of five: under a minute");
  app.add_flag("--smoke", flags.smoke,
               "Does each variant run? The first question, whose figures mean nothing");
  app.add_flag("--json", flags.json, "One JSON object instead of the table");
  app.add_flag("--without-smtrelay", flags.without_smtrelay, "The baselines alone");
  app.add_option("--only", flags.only, "Only the questions of these letters, as abd");
  app.add_option("--bin", flags.bin, "Folder of smtrelay_pub and smtrelay_sub [where this program is]");
  CLI11_PARSE(app, argc, argv);
  if (flags.smoke && flags.only.empty()) flags.only = "a";
  for (const char* name : {"smtrelay_pub", "smtrelay_sub"}) {
    const std::string path = flags.bin + "/" + name;
    if (flags.without_smtrelay || access(path.c_str(), X_OK) == 0) continue;
    fmt::print(stderr, "{} is not there: build it, or say --without-smtrelay\n", path);
    return 1;
  }
  std::vector<char*> common = {argv[0]};
  char json[] = "--json";
  if (flags.json) common.push_back(json);
  return main(static_cast<int>(common.size()), common.data(),
              [&](const Options&, const Domain& domain) { return run(flags, domain); });
}

}  // namespace
}  // namespace smt::bench

int main(int argc, char** argv) { return smt::bench::relay_main(argc, argv); }
