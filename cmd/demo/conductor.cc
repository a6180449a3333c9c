#include "cmd/demo/conductor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cmd/cli/exit_code.h"
#include "cmd/demo/must.h"
#include "cmd/demo/topics.h"
#include "shm/clock.h"
#include "shm/list.h"

namespace smt::demo {

namespace {

constexpr std::string_view kReplayNode = "replay";
constexpr std::string_view kAsked = "robot/status";

template <size_t N>
std::vector<Watch> watch_all(const Domain& domain, const Plan (&plan)[N]) {
  std::vector<Watch> all;
  for (const Plan& p : plan) all.emplace_back(domain, std::string(p.topic), true);
  return all;
}

bool all_are(const std::vector<Watch>& topics, State state) {
  return std::all_of(topics.begin(), topics.end(), [&](const Watch& w) { return w.state() == state; });
}

uint64_t sum(const std::vector<Watch>& topics, uint64_t (Watch::*figure)() const) {
  uint64_t sum = 0;
  for (const Watch& w : topics) sum += (w.*figure)();
  return sum;
}

// Samples in a folder of CSV files: their lines that begin with a number. Others have names and types.
uint64_t rows_of(const std::string& folder, size_t* files) {
  uint64_t rows = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".csv") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      rows += !line.empty() && std::string_view("-.0123456789").find(line[0]) != std::string_view::npos;
    }
    ++*files;
  }
  return rows;
}

Row sum_row(const std::string& name, const std::vector<Watch>& topics) {
  Row sum{.topic = name};
  if (!topics.empty()) sum.state = topics.front().state();
  for (const Watch& w : topics) {
    const Row r = w.row();
    sum.hz += r.hz;
    sum.age_p50_ns = std::max(sum.age_p50_ns, r.age_p50_ns);
    sum.age_p99_ns = std::max(sum.age_p99_ns, r.age_p99_ns);
    sum.received += r.received;
    sum.missed += r.missed;
  }
  return sum;
}

}  // namespace

bool Verdict::pass() const {
  return !interrupted && std::all_of(checks.begin(), checks.end(), [](const Check& c) { return c.ok; });
}

Conductor::Conductor(const Domain& base, std::string proxy, std::string keys, double seconds,
                     std::string replay, const cmd::Stop& stop, Table* table)
    : domain_(base),
      proxy_(std::move(proxy)),
      keys_(std::move(keys)),
      seconds_(seconds),
      replay_(std::move(replay)),
      stop_(stop),
      table_(table),
      waiter_(must(Waiter::open(base))),
      start_ns_(boottime_ns()),
      host_(watch_all(base, kHostTopics)),
      robot_(watch_all(base, kRobotTopics)),
      match_(must(Reader::open(base, "match"))) {}

Verdict Conductor::run() {
  make_keys();
  host_program_.emplace("smtdemo_host");
  robot_program_.emplace("smtdemo_robot");
  start_proxy();
  pub_.emplace(dial("smtrelay_pub", "robot", {}));
  sub_.emplace(dial("smtrelay_sub", "base", {"--domain", "base"}));
  match_program_.emplace("smtdemo_match", std::vector<std::string>{"--domain", "base"});
  if (!replay_.empty()) {
    replay_program_.emplace("smtreplay", std::vector<std::string>{replay_, "--speed", "2", "--log", "warn"});
  }
  const std::pair<double, void (Conductor::*)()> scenes[] = {
      {0.2, &Conductor::kill_robot},  {0.3, &Conductor::restart_robot},
      {0.45, &Conductor::kill_proxy}, {0.6, &Conductor::restart_proxy},
      {0.7, &Conductor::ask_once},    {0.75, &Conductor::ask_without_key}};
  for (const auto& [part, scene] : scenes) {
    until(part * seconds_);
    if (!stop_.stopped()) (this->*scene)();
  }
  until(seconds_);
  if (!stop_.stopped()) judge_replay();
  if (!stop_.stopped()) judge_topics();
  if (!stop_.stopped()) judge_match();
  verdict_.rows = rows();
  verdict_.interrupted = stop_.stopped();
  end_all();
  verdict_.seconds = (boottime_ns() - start_ns_) * 1e-9;
  return verdict_;
}

// As an operator does it: each machine makes its own, and the public ones go to where they are to be known.
void Conductor::make_keys() {
  const auto folder = [&](const std::string& name) { return keys_ + "/" + name; };
  for (const char* const name : {"gateway", "robot", "base", "operator"}) {
    Child keygen("smtrelay_keygen", {name, "--out", folder(name)});
    if (!keygen.ended(2000) || keygen.exit_code() != 0)
      throw Failure(fmt::format("smtrelay_keygen does not make the keys of {}", name));
  }
  const auto acquaint = [&](const std::string& who, const std::string& whom) {
    std::filesystem::copy(folder(whom) + "/" + whom + ".pub", folder(who) + "/peers");
  };
  for (const char* const name : {"robot", "base", "operator"}) {
    acquaint("gateway", name);
    acquaint(name, "gateway");
  }
}

Child Conductor::dial(const std::string& program, const std::string& key,
                      std::vector<std::string> more) const {
  more.insert(more.begin(), {"--connect", proxy_, "--keys", keys_ + "/" + key, "--log", "warn"});
  return Child(program, more);
}

void Conductor::start_proxy() {
  proxy_program_.emplace("smtrelay_proxy", std::vector<std::string>{"--bind", proxy_, "--keys",
                                                                    keys_ + "/gateway", "--log", "error"});
}

void Conductor::kill_robot() {
  table_->event(fmt::format("\n{:.1f} s: robot -> proxy -> base; now kill -9 smtdemo_robot", 0.2 * seconds_),
                rows());
  const int64_t killed_ns = boottime_ns();
  robot_program_->kill();
  const std::optional<double> ms = become({&robot_}, State::kSourceDead, killed_ns);
  expect(ms.has_value() && *ms < 1000, "killed robot is seen as source-dead at the base",
         ms ? fmt::format("after {:.1f} ms", *ms) : "not within 2 s");
  const auto readable =
      std::count_if(robot_.begin(), robot_.end(), [](Watch& w) { return w.reader().latest() != nullptr; });
  expect(readable == std::ssize(robot_), "its last values stay readable there",
         fmt::format("{} of {} topics", readable, robot_.size()));
  expect(all_are(host_, State::kFresh), "the other program's topics stay fresh",
         fmt::format("{} topics", host_.size()));
}

uint64_t Conductor::reopened() {
  uint64_t reopened = 0;
  for (std::vector<Watch>* topics : {&host_, &robot_}) {
    for (Watch& w : *topics) reopened += w.reader().reopened();
  }
  return reopened;
}

void Conductor::restart_robot() {
  table_->event(fmt::format("{:.1f} s: the robot is dead; now start it again", 0.3 * seconds_), rows());
  const uint64_t last = robot_.front().last_sequence();
  const int64_t started_ns = boottime_ns();
  robot_program_.emplace("smtdemo_robot");
  const std::optional<double> ms = become({&robot_}, State::kFresh, started_ns);
  expect(ms.has_value(), "restarted robot is fresh again",
         ms ? fmt::format("after {:.1f} ms, start of the program included", *ms) : "not within 2 s");
  expect(robot_.front().last_sequence() > last, "its sequences went on",
         fmt::format("robot/joints from {} to {}", last, robot_.front().last_sequence()));
}

void Conductor::kill_proxy() {
  table_->event(fmt::format("{:.1f} s: now kill -9 smtrelay_proxy", 0.45 * seconds_), rows());
  const int64_t killed_ns = boottime_ns();
  proxy_program_->kill();
  const std::optional<double> ms = become({&host_, &robot_}, State::kLinkDown, killed_ns);
  expect(ms.has_value() && *ms < 1000, "without the proxy all topics are link-down",
         ms ? fmt::format("after {:.1f} ms", *ms) : "not within 2 s");
}

void Conductor::restart_proxy() {
  table_->event(fmt::format("{:.1f} s: the proxy is dead; now start it again", 0.6 * seconds_), rows());
  const int64_t started_ns = boottime_ns();
  start_proxy();
  const std::optional<double> ms = become({&host_, &robot_}, State::kFresh, started_ns);
  expect(ms.has_value(), "with the proxy back all are fresh again",
         ms ? fmt::format("after {:.1f} ms, start of the program included", *ms) : "not within 2 s");
  expect(reopened() == 0, "the base's readers went on without reopening",
         fmt::format("{} reopened", reopened()));
}

void Conductor::ask_once() {
  const int64_t asked_ns = boottime_ns();
  Child client = dial("smtrelay_client", "operator", {"get", std::string(kAsked)});
  while (!client.ended() && boottime_ns() - asked_ns < 2000 * kMs) step(1);
  expect(client.exit_code() == 0, fmt::format("smtrelay_client get {}", kAsked),
         fmt::format("exit code {} after {:.1f} ms", client.exit_code(), (boottime_ns() - asked_ns) * 1e-6));
}

void Conductor::ask_without_key() {
  Child client("smtrelay_client",
               {"--connect", proxy_, "--timeout", "300ms", "--log", "off", "get", std::string(kAsked)});
  for (const int64_t asked_ns = boottime_ns(); !client.ended() && boottime_ns() - asked_ns < 2000 * kMs;)
    step(1);
  expect(client.exit_code() == cmd::kExitNoPeer, "who has no key gets no answer",
         fmt::format("exit code {}", client.exit_code()));
}

void Conductor::judge_match() {
  (void)match_.refresh();  // it was not there yet when the demo began
  const Sample* sample = match_.latest();
  Match m{};
  if (sample != nullptr && sample->bytes.size() == sizeof m) memcpy(&m, sample->bytes.data(), sizeof m);
  expect(m.equal != 0 && m.different == 0,
         "each is the source's, byte for byte, as another program compared them",
         fmt::format("{} equal, {} different, {} not compared", m.equal, m.different, m.unknown));
}

void Conductor::judge_replay() {
  if (!replay_program_) return;
  while (!replay_program_->ended() && !stop_.stopped() && boottime_ns() - start_ns_ < 120'000 * kMs) step();
  find_replay();
  size_t files = 0;
  const uint64_t rows = rows_of(replay_, &files);
  const auto counted = [&] { return sum(replayed_, &Watch::received) + sum(replayed_, &Watch::missed); };
  // What was published last may be on its way.
  for (const int64_t ended_ns = boottime_ns(); counted() < rows && boottime_ns() - ended_ns < 2000 * kMs;) {
    find_replay();
    step();
  }
  if (stop_.stopped()) return;
  expect(replay_program_->exit_code() == 0, "smtreplay ended",
         fmt::format("exit code {}", replay_program_->exit_code()));
  expect(replayed_.size() == files && files != 0, "the replay's topics are there",
         fmt::format("{} topics of {} files", replayed_.size(), files));
  const uint64_t received = sum(replayed_, &Watch::received), missed = sum(replayed_, &Watch::missed);
  expect(received + missed == rows, "each sample of the replay is counted",
         fmt::format("{} received + {} missed = {} rows", received, missed, rows));
  expect(sum(replayed_, &Watch::steps_back) == 0, "and came in order", "0 steps back");
}

void Conductor::judge_topics() {
  table_->event(fmt::format("{:.1f} s: the end", (boottime_ns() - start_ns_) * 1e-9), rows());
  uint64_t received = 0, missed = 0, published = 0, unproved = 0, steps_back = 0;
  std::string slow;
  const auto judge = [&](const std::vector<Watch>& topics, const auto& plan) {
    for (size_t i = 0; i < topics.size(); ++i) {
      const Watch& w = topics[i];
      received += w.received();
      missed += w.missed();
      published += w.last_sequence();
      unproved += w.unproved();
      steps_back += w.steps_back();
      const double hz = w.row().hz;
      if (hz < 0.8 * plan[i].hz || hz > 1.2 * plan[i].hz)
        slow += fmt::format(" {} {:.1f} Hz", plan[i].topic, hz);
    }
  };
  judge(host_, kHostTopics);
  judge(robot_, kRobotTopics);
  const size_t topics = host_.size() + robot_.size();
  expect(all_are(host_, State::kFresh) && all_are(robot_, State::kFresh), "all topics are fresh",
         fmt::format("{} topics", topics));
  expect(slow.empty(), "each has its rate",
         slow.empty() ? "500, 100, 10 and 1 Hz, within 20 %" : "not" + slow);
  expect(received + missed == published, "each sample is counted",
         fmt::format("{} received + {} missed (most of them without the proxy) = {} published", received,
                     missed, published));
  // Without the proxy 15 % of the time, nothing arrives, and without the robot's programs a moment more;
  // where memory is slow, encrypted images take 20 ms of 100, and newer samples of 500 Hz take the place of
  // others.
  expect(missed * 3 <= published, "and few missed", fmt::format("{} of {}", missed, published));
  expect(unproved == 0 && received != 0, "each sample read proves itself by its check",
         fmt::format("{} of {}, {} of them images of 1 MiB", received - unproved, received,
                     std::find_if(robot_.begin(), robot_.end(), [](const Watch& w) {
                       return w.row().topic == "robot/camera";
                     })->received()));
  expect(steps_back == 0, "no sample came twice or after a later one",
         fmt::format("{} steps back", steps_back));
}

void Conductor::end_all() {
  std::string codes;
  bool clean = true;
  for (std::optional<Child>* program :
       {&match_program_, &sub_, &pub_, &proxy_program_, &host_program_, &robot_program_}) {
    const int code = (*program)->stop();
    clean = clean && code == 0;
    codes += fmt::format("{}{}", codes.empty() ? "" : ", ", code);
  }
  if (replay_program_) replay_program_->stop();
  expect(clean, "the programs end cleanly", "exit codes " + codes);
}

void Conductor::step(int64_t wait_ms) {
  waiter_.wait(std::chrono::milliseconds(wait_ms));
  const int64_t now = boottime_ns();
  const bool look = now - looked_ns_ >= 20 * kMs;
  if (look) looked_ns_ = now;
  for (std::vector<Watch>* topics : {&host_, &robot_, &replayed_}) {
    for (Watch& w : *topics) {
      if (look) w.look();
      w.drain();
    }
  }
  if (now - shown_ns_ >= 200 * kMs) {
    shown_ns_ = now;
    if (replay_program_) find_replay();
    table_->show(rows());
  }
}

void Conductor::until(double seconds) {
  const auto end_ns = start_ns_ + static_cast<int64_t>(seconds * 1e9);
  while (boottime_ns() < end_ns && !stop_.stopped()) {
    step();
    for (std::optional<Child>* program :
         {&host_program_, &robot_program_, &pub_, &proxy_program_, &sub_, &match_program_}) {
      // What was killed has ended by order; exit codes are of those that ended by themselves.
      if ((*program)->ended() && (*program)->exit_code() >= 0 && !stop_.stopped()) {
        throw Failure((*program)->program() + " ended before its time, with exit code " +
                      std::to_string((*program)->exit_code()) + "; its own message is above");
      }
    }
  }
}

std::optional<double> Conductor::become(const std::vector<const std::vector<Watch>*>& topics, State state,
                                        int64_t since_ns) {
  while (!stop_.stopped() && boottime_ns() - since_ns < 2000 * kMs) {
    step(5);
    if (std::all_of(topics.begin(), topics.end(), [&](const auto* t) { return all_are(*t, state); })) {
      return (boottime_ns() - since_ns) * 1e-6;
    }
  }
  return std::nullopt;
}

void Conductor::find_replay() {
  for (const TopicInfo& info : must(list_topics(domain_)).topics) {
    const bool known = std::any_of(replayed_.begin(), replayed_.end(),
                                   [&](Watch& w) { return w.reader().topic() == info.name; });
    if (info.freshness.origin.node == kReplayNode && !known)
      replayed_.emplace_back(domain_, info.name, false);
  }
}

std::vector<Row> Conductor::rows() const {
  std::vector<Row> rows;
  for (const std::vector<Watch>* topics : {&host_, &robot_}) {
    for (const Watch& w : *topics) rows.push_back(w.row());
  }
  if (replay_program_)
    rows.push_back(sum_row(fmt::format("({} replayed topics)", replayed_.size()), replayed_));
  return rows;
}

}  // namespace smt::demo
