// The shared memory is removed under running tools: each notices within 2 s and says so once, and data flows
// again within 3 s without a restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "shm/clock.h"
#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/small_disk.h"
#include "tests/tools/json.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNoticedNs = 2'000'000'000, kFlowsNs = 3'000'000'000;

// A clock that stands still while the machine is late: it leaves out by how much more than a millisecond a
// thread that sleeps for 5 ms again and again is woken late.
class MachineClock {
 public:
  MachineClock() : sleeper_([this] { sleep(); }) {}
  ~MachineClock() {
    stop_ = true;
    sleeper_.join();
  }
  int64_t now_ns() const { return boottime_ns() - late_ns_; }
  int64_t late_ns() const { return late_ns_; }

 private:
  void sleep() {
    constexpr int64_t kSleepNs = 5'000'000, kSpareNs = 1'000'000;
    while (!stop_) {
      const int64_t due = boottime_ns() + kSleepNs;
      poll(nullptr, 0, kSleepNs / 1'000'000);
      late_ns_ += std::max<int64_t>(0, boottime_ns() - due - kSpareNs);
    }
  }

  std::atomic<int64_t> late_ns_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread sleeper_;
};

class LostTool : public RelayTest {
 protected:
  // Its program has begun: what is removed from now on is not in the midst of being made.
  static bool is_published(const Domain& domain, const std::string& topic) {
    const Result<DomainListing> here = list_topics(domain);
    return here.ok() && std::any_of(here->topics.begin(), here->topics.end(),
                                    [&](const TopicInfo& t) { return t.name == topic && t.sequence != 0; });
  }
  // Away at once, so that nothing is made again before all of it is removed.
  void remove_folder(const std::string& domain) const {
    const std::string away = root_ + "-" + domain;
    fs::rename(root_ + "/" + domain, away);
    fs::remove_all(away);
  }
  // One after the other, as a cleaner does, or RemoveIPC.
  static void remove_files(const std::string& folder) {
    for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());
  }
  // The value that a program which starts now finds.
  std::optional<Held> fresh(const std::string& in, const std::string& topic) const {
    std::optional<Held> found = held(in, topic);
    return found && found->freshness.state == State::kFresh ? found : std::nullopt;
  }
  // From its first call on: a later sample has come than the first one that was found at `from`.
  std::function<bool()> flow(const std::string& from, const std::string& to, const std::string& topic) const {
    return [=, this, first = uint64_t{0}]() mutable {
      const std::optional<Held> there = first == 0 ? fresh(from, topic) : std::nullopt;
      if (there) first = there->sequence;
      const std::optional<Held> here = fresh(to, topic);
      return first != 0 && here && here->sequence > first;
    };
  }
  std::function<bool()> flow(const std::string& in, const std::string& topic) const {
    return flow(in, in, topic);
  }
  bool flows(const std::string& in, const std::string& topic) const { return eventually(flow(in, topic)); }
  static std::function<bool()> all(std::vector<std::function<bool()>> conditions) {
    return [left = std::move(conditions)]() mutable {
      std::erase_if(left, [](auto& condition) { return condition(); });
      return left.empty();
    };
  }
  static std::unique_ptr<Process> tool(const std::vector<std::string>& args,
                                       const Process::Options& options) {
    return std::make_unique<Process>(args, options);
  }
  std::unique_ptr<Process> wave(const std::string& domain) const {
    return tool({"smtsinewave", "wave", "--domain", domain, "--node", "wave", "--max-age", "1s"}, env());
  }
  // The number of the last sample in lines of JSON, whole or not.
  static uint64_t last_sequence(const std::string& lines) {
    const std::string key = "\"sequence\":";
    const size_t at = lines.rfind(key);
    return at == std::string::npos ? 0 : strtoull(lines.c_str() + at + key.size(), nullptr, 10);
  }
  // What is said, how often.
  static size_t count(const std::string& text, const std::string& what) {
    size_t n = 0;
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  }
  // Removes, and waits for each process to say so and for the data to flow.
  void lose(const std::vector<Process*>& processes, const std::function<void()>& remove,
            const std::function<bool()>& flow) {
    const MachineClock clock;
    const int64_t begin = clock.now_ns();
    int64_t noticed_ns = -1, flows_ns = -1;
    remove();
    EXPECT_TRUE(eventually([&] {
      bool noticed = true;
      for (Process* process : processes) noticed = process->has_said("removed") && noticed;  // reads of each
      if (noticed_ns < 0 && noticed) noticed_ns = clock.now_ns() - begin;
      if (flows_ns < 0 && flow()) flows_ns = clock.now_ns() - begin;
      return noticed_ns >= 0 && flows_ns >= 0;
    })) << (noticed_ns < 0 ? "not all have noticed; " : "")
        << (flows_ns < 0 ? "data does not flow" : "");
    EXPECT_LT(noticed_ns, kNoticedNs);
    EXPECT_LT(flows_ns, kFlowsNs);
    RecordProperty("noticed_ms", std::to_string(noticed_ns / 1'000'000));
    RecordProperty("flows_ms", std::to_string(flows_ns / 1'000'000));
    RecordProperty("machine_late_ms", std::to_string(clock.late_ns() / 1'000'000));
    for (Process* process : processes) process->wait_for_error("is whole again");
  }
  // Ends as it should, having said once that something was removed.
  static void end(Process* process) {
    process->send(SIGTERM);
    const Ended ended = process->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(count(ended.err, "while this program runs"), 1u) << ended.err;
  }
};

TEST_F(LostTool, AllToolsGoOnAfterTheFoldersAreRemoved) {
  std::string rows = "timestamp,x\nuint64_t,double\n";
  for (int i = 0; i < 2000; ++i) rows += std::to_string(10'000 * i) + "," + std::to_string(i) + "\n";
  const std::string csv = write("csv/played.0.csv", rows).substr(0, root_.size() + 4);
  const auto source = wave("robot");
  const auto replay = tool({"smtreplay", csv, "--domain", "robot", "--loop", "--max-age", "1s"}, env());
  const auto line =
      tool({"smttopic", "pub", "--domain", "robot", "line", "f64", "1.5", "--rate", "100"}, env());
  ASSERT_TRUE(flows("robot", "wave") && flows("robot", "played/0") && flows("robot", "line"));
  const Relay gate = proxy();
  const Relay from = pub({"--connect", gate.endpoint()}), to = sub(gate.endpoint());
  const std::string recording = root_ + "-recording.mcap";
  const auto echo = tool({"smttopic", "echo", "--domain", "base", "wave", "-f", "jsonl"}, env());
  const auto hz = tool({"smttopic", "hz", "--domain", "base", "wave"}, env());
  const auto logger =
      tool({"smtlogger", "--domain", "base", "--output", recording, "--topic", "wave", "-f", "json"}, env());
  const auto core = tool({"smtcore", "--domain", "base"}, env());
  ASSERT_TRUE(flows("base", "wave") && flows("base", "smt/core/domain"));
  echo->wait_for_output("wave");
  hz->wait_for_output("wave");
  logger->wait_for_error("recording");
  uint64_t printed = 0;
  lose(
      {source.get(), replay.get(), line.get(), from.process.get(), to.process.get(), echo.get(), hz.get(),
       logger.get(), core.get()},
      [&] {
        remove_folder("robot");
        remove_folder("base");
      },
      all({flow("robot", "base", "wave"), flow("robot", "base", "played/0"), flow("robot", "base", "line"),
           flow("base", "smt/core/domain"), [&] {
             const std::optional<Held> made = printed == 0 ? fresh("base", "wave") : std::nullopt;
             if (made) printed = made->sequence;
             return printed != 0 && last_sequence(echo->output()) > printed;
           }}));
  hz->wait_for_output("\nwave");  // once a second
  for (Process* process : {source.get(), replay.get(), line.get(), from.process.get(), to.process.get(),
                           echo.get(), hz.get(), core.get()}) {
    end(process);
  }
  logger->send(SIGTERM);
  const Ended logged = logger->wait();
  EXPECT_EQ(logged.exit_code, 0) << logged.err;
  const Json info = Json::parse(run({"smtlogger", "info", recording, "-f", "json"}).out);
  EXPECT_EQ(info["complete"], true) << info;
  fs::remove(recording);
}

TEST_F(LostTool, SingleFilesThatAreRemovedAreMadeAgainTooAndTheIdentityOfTheDomainStays) {
  const auto source = wave("robot");
  ASSERT_TRUE(flows("robot", "wave"));
  const Relay from = pub(), to = sub(from.endpoint());
  ASSERT_TRUE(flows("base", "wave"));
  const auto id = [&](const std::string& domain) {
    return *Domain::open({.root = root_, .domain = domain})->origin_id();
  };
  const Id128 robot = id("robot"), base = id("base");
  lose(
      {source.get(), from.process.get(), to.process.get()},
      [&] {
        remove_files(root_ + "/robot");
        remove_files(root_ + "/base");
      },
      flow("robot", "base", "wave"));
  EXPECT_EQ(id("robot"), robot);
  EXPECT_EQ(id("base"), base);
}

TEST_F(LostTool, ABellThatIsRemovedAloneIsMadeAgain) {
  const auto source = wave("robot");
  ASSERT_TRUE(flows("robot", "wave"));
  const std::string bell = root_ + "/robot/wave.bell";
  lose(
      {source.get()}, [&] { fs::remove(bell); },
      all({[&] { return fs::exists(bell); }, flow("robot", "wave")}));
}

TEST_F(LostTool, AFifoThatIsRemovedAloneIsMadeAgain) {
  const auto source = wave("robot");
  const auto echo = tool({"smttopic", "echo", "--domain", "robot", "wave", "-f", "jsonl"}, env());
  echo->wait_for_output("wave");
  const std::string fifo = root_ + "/robot/.waiter.0";
  ASSERT_TRUE(fs::exists(fifo));
  const uint64_t before = last_sequence(echo->output());
  lose(
      {echo.get()}, [&] { fs::remove(fifo); },
      [&] { return fs::exists(fifo) && last_sequence(echo->output()) > before + 1; });
}

TEST_F(LostTool, ValuesThatStandStillAreThereAgainWithTheirStampAndSequence) {
  const auto line =
      tool({"smttopic", "pub", "--domain", "robot", "map", "f64", "1.5", "--rate", "0.001"}, env());
  ASSERT_TRUE(eventually([&] { return held("robot", "map").has_value(); }));
  const Held before = *held("robot", "map");
  remove_folder("robot");
  ASSERT_TRUE(eventually([&] { return held("robot", "map").has_value(); }));
  const Held after = *held("robot", "map");
  EXPECT_EQ(after.sequence, before.sequence);
  EXPECT_EQ(after.stamp_ns, before.stamp_ns);
  EXPECT_EQ(after.bytes, before.bytes);
}

TEST_F(LostTool, OnLostExitEndsWithOneAndARecordingIsWhole) {
  const auto source = wave("robot");
  ASSERT_TRUE(flows("robot", "wave"));
  const std::string recording = root_ + "-exit.mcap";
  const auto logger =
      tool({"smtlogger", "--domain", "robot", "--output", recording, "--on-lost", "exit"}, env());
  const auto relay = tool({"smtrelay_pub", "--domain", "robot", "--name", "robot", "--bind",
                           "tcp://127.0.0.1:*", "--on-lost", "exit"},
                          env());
  const auto second = tool({"smtsinewave", "second", "--domain", "robot", "--on-lost", "exit"}, env());
  logger->wait_for_error("recording");
  relay->wait_for_output("ready");
  ASSERT_TRUE(flows("robot", "second"));
  remove_folder("robot");
  for (Process* process : {logger.get(), relay.get(), second.get()}) {
    const Ended ended = process->wait();
    EXPECT_EQ(ended.exit_code, 1) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("removed"));
    EXPECT_THAT(ended.err, HasSubstr("--on-lost remake"));
  }
  EXPECT_EQ(run({"smtlogger", "info", recording}).exit_code, 0);
  EXPECT_TRUE(flows("robot", "wave")) << "the others go on";
  fs::remove(recording);
}

TEST_F(LostTool, ANameThatAnotherProcessHasTakenIsSaidAndEndsTheTool) {
  const auto source = wave("robot");
  ASSERT_TRUE(flows("robot", "wave"));
  source->send(SIGSTOP);
  remove_folder("robot");
  const auto other = wave("robot");
  ASSERT_TRUE(flows("robot", "wave"));
  source->send(SIGCONT);
  const Ended ended = source->wait();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("node wave"));
  EXPECT_THAT(ended.err, HasSubstr("already running"));
  EXPECT_TRUE(flows("robot", "wave"));
}

TEST_F(LostTool, WithoutRoomToMakeItAgainAToolSaysSoAndEndsWithOne) {
  const std::string root = root_ + "/small", folder = root + "/d";
  const SmallDisk disk(root, "size=2m,mode=1777");
  if (!disk.ok()) GTEST_SKIP() << "needs root for a mount of its own";
  const Domain domain = *Domain::open({.root = root, .domain = "d"});
  struct Tool {
    std::string node, topic;
    std::vector<std::string> args;
  };
  const Tool tools[] = {{"wave", "wave", {"smtsinewave", "wave", "--node", "wave"}},
                        {"relay-pub-robot",
                         "smt/relay/robot/pub/outbound",
                         {"smtrelay_pub", "--name", "robot", "--bind", "tcp://127.0.0.1:*"}}};
  for (const auto& [node, topic, args] : tools) {
    const auto process = tool(args, env({{"SMT_ROOT", root}}));
    ASSERT_TRUE(eventually([&] { return is_published(domain, topic); })) << topic;
    for (std::ofstream full(root + "/full"); full.write(std::string(4096, 'x').c_str(), 4096).flush();) {
    }
    for (const char* end : {".bell", ""})
      fs::remove(folder + "/" + node + end);  // their memory is the process's
    const Ended ended = process->wait();
    EXPECT_EQ(ended.exit_code, 1) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("removed"));
    EXPECT_THAT(ended.err, HasSubstr("no space in " + folder));
    fs::remove(root + "/full");
  }
}

TEST_F(LostTool, OnlyTheUserOfTheRootFolderMakesThatAgain) {
  SMT_AS_OTHER_USER(other);
  const std::string root = root_ + "/root", away = root_ + "/away", node = root + "/d/wave";
  fs::create_directory(root);
  fs::permissions(root, fs::perms(01777));
  Process::Options options = other;
  options.env = env({{"SMT_ROOT", root}}).env;
  const auto source = tool({"smtsinewave", "wave", "--node", "wave"}, options);
  ASSERT_TRUE(eventually([&] {
    return fs::exists(node) && is_published(*Domain::open({.root = root, .domain = "d"}), "wave");
  }));
  fs::rename(root, away);
  fs::remove_all(away);
  source->wait_for_error("removed");
  fs::create_directory(root);
  fs::permissions(root, fs::perms(01777));
  source->wait_for_error("is whole again");
  EXPECT_TRUE(fs::exists(node));
  fs::rename(root, away);
  fs::remove_all(away);
  const Ended ended = source->wait();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("the folder " + root + " is gone, which belonged to user 0"));
  EXPECT_FALSE(fs::exists(root));
}

TEST_F(LostTool, TheDoctorNamesAProgramThatGoesOnInMemoryThatWasRemoved) {
  const Domain d = domain();
  Result<std::unique_ptr<Node>> node = Node::open(d, {.name = "deaf"});
  ASSERT_TRUE(node.ok());
  const std::string who = "node deaf (pid " + std::to_string(getpid()) + ") lives, and its ",
                    bell = who + "bell was removed", memory = who + "memory was removed";
  EXPECT_THAT(run({"smtdoctor"}).out, Not(HasSubstr("was removed")));
  fs::remove(folder() + "/deaf.bell");
  EXPECT_THAT(run({"smtdoctor"}).out, HasSubstr(bell));
  fs::remove_all(folder());
  const Ended ended = run({"smtdoctor"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.out, HasSubstr(memory));
  ASSERT_TRUE((*node)->remake().ok());
  EXPECT_THAT(run({"smtdoctor"}).out, Not(HasSubstr("was removed")));
}

}  // namespace
}  // namespace smt::tools
