#include "bench/relay/relay_main.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "bench/relay/answers.h"
#include "bench/relay/sweeps.h"
#include "bench/report.h"

namespace smt::bench {
namespace {

constexpr char kAll[] = "all";

struct Flags {
  bool quick = false, smoke = false, json = false, without_smtrelay = false;
  std::string only, bin;
  std::vector<std::string> sweeps;
  bool ends_alone = false;  // of the sweeps

  bool asks(const Question& question) const {
    return only.empty() ? sweeps.empty() : only.find(question.letter) != std::string::npos;
  }
  bool sweeps_over(const std::string& axis) const {
    const auto named = [&](const std::string& name) {
      return std::find(sweeps.begin(), sweeps.end(), name) != sweeps.end();
    };
    return named(axis) || named(kAll);
  }
};

Report run(const Flags& flags, const Domain& domain, const std::vector<Peer>& peers) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const std::string folder = std::filesystem::path(domain.path()).parent_path().string() + "/trial";
  const int rounds = flags.smoke ? 1 : flags.quick ? 3 : 5;
  const double seconds = flags.smoke ? 0.1 : flags.quick ? 0.3 : 1.0;
  const std::string bin = flags.without_smtrelay ? "" : flags.bin;
  Report report("relay: published in one memory -> seen by a reader that slept in the other",
                {kBestNaive, kBestMessageEach, kBatch, kRawTcp, kBare});
  std::vector<Variant> present;
  for (const Peer& peer : peers) {
    if (peer.absent.empty()) {
      present.push_back(peer.variant);
    } else {
      report.leave_out("all questions", peer.variant.name, peer.absent);
    }
  }
  std::vector<Question> asked;
  for (Question& question : questions(bin, present)) {
    if (flags.asks(question)) asked.push_back(std::move(question));
  }
  for (const char* axis : kAxes) {
    if (!flags.sweeps_over(axis)) continue;
    for (Question& point : sweep(axis, flags.ends_alone, bin)) asked.push_back(std::move(point));
  }
  std::vector<Answers> answers;
  for (Question& question : asked) {
    fmt::print(stderr, "{}\n", question.heading());
    answers.emplace_back(std::move(question), rounds, seconds, folder);
    answers.back().show(&report);
  }
  for (const Answers& a : answers) a.judge(&report);
  return report;
}

}  // namespace

int relay_main(int argc, char** argv, const char* describe, const std::function<std::vector<Peer>()>& peers) {
  Flags flags;
  flags.bin = bin_folder();
  CLI::App app(describe);
  app.add_flag("--quick", flags.quick, "Three short rounds instead of five");
  app.add_flag(
      "--smoke", flags.smoke,
      "Does each variant run? One moment of what is asked for, or of the first question and the ends of a "
      "sweep, whose figures mean nothing");
  app.add_flag("--json", flags.json, "One JSON object instead of the table");
  app.add_flag("--without-smtrelay", flags.without_smtrelay, "The baselines alone");
  app.add_option("--only", flags.only, "Only the questions of these letters, as abd");
  std::vector<std::string> axes(std::begin(kAxes), std::end(kAxes));
  axes.push_back(kAll);
  app.add_option("--sweep", flags.sweeps,
                 "The cost along this axis instead of the questions; with --only, besides")
      ->check(CLI::IsMember(axes));
  app.add_option("--bin", flags.bin, "Folder of smtrelay's programs [where this program is]");
  CLI11_PARSE(app, argc, argv);
  if (flags.smoke && flags.only.empty() && flags.sweeps.empty()) {
    flags.only = "a";
    flags.sweeps = {"hops"};
    flags.ends_alone = true;
  }
  for (const char* name : {"smtrelay_pub", "smtrelay_proxy", "smtrelay_sub"}) {
    const std::string path = flags.bin + "/" + name;
    if (flags.without_smtrelay || access(path.c_str(), X_OK) == 0) continue;
    fmt::print(stderr, "{} is not there: build it, or say --without-smtrelay\n", path);
    return 1;
  }
  std::vector<char*> common = {argv[0]};
  char json[] = "--json";
  if (flags.json) common.push_back(json);
  return main(static_cast<int>(common.size()), common.data(),
              [&](const Options&, const Domain& domain) { return run(flags, domain, peers()); });
}

}  // namespace smt::bench
