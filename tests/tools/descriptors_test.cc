// Every tool with each choice of its standard descriptors closed, as daemons, init scripts and containers
// start programs; and with a standard error that cannot be written.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "shm/list.h"
#include "tests/paths.h"
#include "tests/text.h"
#include "tests/tools/broken_registers.h"
#include "tests/tools/relay_domains.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Args = std::vector<std::string>;

constexpr const char* kClosed = "standard output is closed";
constexpr const char* kAny = "tcp://127.0.0.1:*";

enum class Where { kStdout, kFile };

struct Tool {
  Args args;  // "@name" is a file in a folder of this run
  Where result = Where::kStdout;
  bool serves = false;  // until a signal ends it
};

class Descriptors : public RelayTest {
 protected:
  Descriptors() {
    publish("x", "f64", "1");
    for (const Args& args :
         {Args{"smtlogger", "--output", flight_, "--duration", "50ms", "--domain", "robot"},
          Args{"smtrelay_keygen", "robot", "--out", keys_}}) {
      const Ended ended = run(args);
      EXPECT_EQ(ended.exit_code, 0) << ended.err;
    }
  }

  std::vector<Tool> printing(const std::string& endpoint) const {
    return {{{"smt"}},
            {{"smt", "topic", "list", "--domain", "robot"}},
            {{"smttopic", "--help"}},
            {{"smttopic", "list", "--domain", "robot"}},
            {{"smttopic", "info", "x", "--domain", "robot"}},
            {{"smttopic", "echo", "x", "--once", "--domain", "robot"}},
            {{"smttop", "--interval", "50ms", "--domain", "robot"}},
            {{"smtdoctor", "--domain", "robot"}},
            {{"smtcore", "--once", "--domain", "robot"}},
            {{"smtlogger", "info", flight_}},
            {{"smtrelay_client", "--connect", endpoint, "list"}},
            {{"smtrelay_client", "--connect", endpoint, "get", "x"}},
            {{"smtrelay_keygen", "--public", keys_}},
            {{"smtrelay_pub", "--bind", kAny, "--print-config"}},
            {{"smt-api-builder", api_, "--json", "-"}}};
  }
  std::vector<Tool> others(const std::string& endpoint, const std::string& pages) const {
    const Where file = Where::kFile;
    return {{{"smttopic", "pub", "y", "f64", "2"}, file},
            {{"smtlogger", "--output", "@a.mcap", "--domain", "robot"}, file, true},
            {{"smtlogger", "--output", "@a.h5", "--domain", "robot"}, file, true},
            {{"smtlogger", "convert", flight_, "@b.h5"}, file},
            {{"smtlogger", "recover", flight_, "@b.mcap"}, file},
            {{"smtreplay", flight_, "--asap"}, file},
            {{"smtsinewave", "wave"}, file, true},
            {{"smtcore"}, file, true},
            {{"smtrelay_pub", "--bind", kAny}, file, true},
            {{"smtrelay_sub", "--connect", endpoint}, file, true},
            {{"smtrelay_proxy", "--bind", kAny}, file, true},
            {{"smtrelay_pub", "--bind", kAny, "--check-config"}, file},
            {{"smtrelay_keygen", "base", "--out", "@keys"}, file},
            {{"smtrelay_health", "--metrics", pages}, file},
            {{"smt-api-builder", api_, "--cpp", "@a.h", "--json", "@a.json"}, file},
            {{"smt-api-builder", api_, "--check"}, file},
            {{"smt-register-builder", registers_, "--c", "@r.h"}, file}};
  }

  // The folder and the domain of run `number`.
  std::string files_of(int number) const { return root_ + "/files/" + std::to_string(number); }
  static std::string domain_of(int number) { return "run" + std::to_string(number); }

  Ended run_closed(int number, const Tool& tool, const std::vector<int>& closed) const {
    fs::create_directories(files_of(number));
    Process::Options options = env({{"SMT_DOMAIN", domain_of(number)}});
    options.closed = closed;
    Args args = tool.args;
    for (std::string& arg : args) {
      if (arg.starts_with("@")) arg = files_of(number) + "/" + arg.substr(1);
    }
    Process process(args, options);
    if (tool.serves) {  // it blocks the signal before it says anything, and looks for one afterwards
      EXPECT_TRUE(eventually([&] { return blocks_signal(process.pid(), SIGTERM); }));
      process.send(SIGTERM);
    }
    return process.wait();
  }

  // Nothing of what a tool says is in the files that it has made. They are whole, and those of a generator
  // are what they are in run `like`.
  void judge_files(int number, int like) const {
    for (const std::string& folder : {files_of(number), root_ + "/" + domain_of(number)}) {
      if (!fs::exists(folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        const std::string path = entry.path(), extension = entry.path().extension(), text = data_of(path);
        for (const char* word :
             {": info: ", ": error: ", ": warning: ", "ready ", "SAMPLES", "fingerprint ", "samples from"})
          EXPECT_THAT(text, Not(HasSubstr(word))) << path;
        if (extension == ".mcap" || extension == ".h5") {
          const Ended info = run({"smtlogger", "info", path});
          EXPECT_EQ(info.exit_code, 0) << info.err;
        }
        if (extension == ".h" || extension == ".json") {
          EXPECT_EQ(text, contents(files_of(like) + "/" + entry.path().filename().string()));
        }
      }
    }
    Result<Domain> domain = Domain::open({.root = root_, .domain = domain_of(number)});
    ASSERT_TRUE(domain.ok()) << domain.status().message();
    const Result<DomainListing> listing = list_topics(*domain);
    ASSERT_TRUE(listing.ok()) << listing.status().message();
    EXPECT_THAT(listing->problems, IsEmpty());
  }

  const std::string flight_ = root_ + "/flight.mcap", keys_ = root_ + "/keys";
  const std::string api_ = write("api.xml", after_struct("")),
                    registers_ = write("registers.xml", in_map(kR));
  const std::string broken_ = write("broken.xml", "<api name='x'/>");

 private:
  // Without holes: a segment is large and sparse.
  static std::string data_of(const std::string& path) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string out;
    for (off_t at = 0; (at = lseek(fd.get(), at, SEEK_DATA)) >= 0;) {
      std::string piece(static_cast<size_t>(lseek(fd.get(), at, SEEK_HOLE) - at), '\0');
      if (pread(fd.get(), piece.data(), piece.size(), at) != static_cast<ssize_t>(piece.size())) break;
      at += static_cast<off_t>(piece.size());
      out += piece;
    }
    return out;
  }
};

TEST_F(Descriptors, ThatAreClosedGetNoTextIntoAnyFileAndOnlyAResultThatGoesToStdoutIsLost) {
  Relay robot = pub({"--metrics", "127.0.0.1:*"});
  std::vector<Tool> tools = printing(robot.endpoint());
  for (Tool& tool : others(robot.endpoint(), pages_of(robot))) tools.push_back(std::move(tool));
  int number = 0;
  for (const Tool& tool : tools) {
    std::string line;
    for (const std::string& arg : tool.args) line += arg + " ";
    const int like = number;
    int code = -1;
    for (unsigned set = 0; set < 8; ++set, ++number) {
      SCOPED_TRACE(line + "without " + std::to_string(set));
      std::vector<int> closed;
      for (const int fd : {0, 1, 2}) {
        if ((set >> fd & 1) != 0) closed.push_back(fd);
      }
      const Ended ended = run_closed(number, tool, closed);
      const bool lost = tool.result == Where::kStdout && (set & 2) != 0;
      if (set == 0) code = ended.exit_code;
      EXPECT_EQ(ended.exit_code, lost ? 1 : code) << ended.err;
      if (lost && (set & 4) == 0) {
        EXPECT_THAT(ended.err, HasSubstr(kClosed));
      }
      if (!lost) {
        EXPECT_THAT(ended.err, Not(HasSubstr(kClosed)));
      }
      if (tool.result == Where::kStdout && !lost) {
        EXPECT_NE(ended.out, "");
      }
      judge_files(number, like);
    }
    if (tool.result == Where::kFile) {
      EXPECT_EQ(code, 0) << line;
    }
  }
}

TEST_F(Descriptors, AreTriedWithEveryTool) {
  std::set<std::string> tried;
  for (const std::vector<Tool>& tools : {printing(""), others("", "")}) {
    for (const Tool& tool : tools) tried.insert(tool.args[0]);
  }
  for (const auto& entry : fs::directory_iterator(bin_dir())) {
    const std::string name = entry.path().filename();
    if (name.starts_with("smt") && !name.starts_with("smtdemo")) {
      EXPECT_EQ(tried.count(name), 1u) << name;
    }
  }
}

TEST_F(Descriptors, AToolThatWouldWaitSaysAtOnceThatStandardOutputIsClosed) {
  const Relay robot = pub();
  int number = 0;
  for (const Args& args :
       {Args{"smttopic", "echo", "nothing"}, Args{"smttopic", "watch"}, Args{"smttopic", "hz", "x"},
        Args{"smttopic", "delay", "x"}, Args{"smttop", "--interval", "1h"},
        Args{"smtrelay_client", "--connect", robot.endpoint(), "watch", "nothing"}}) {
    const Ended ended = run_closed(number++, {args}, {1});
    EXPECT_EQ(ended.exit_code, 1) << args[1];
    EXPECT_THAT(ended.err, HasSubstr(kClosed)) << args[1];
  }
}

TEST_F(Descriptors, AStandardErrorThatCannotBeWrittenChangesNoExitCode) {
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  int unread[2];
  ASSERT_EQ(pipe2(unread, O_CLOEXEC), 0);
  close(unread[0]);
  const Fd nobody(unread[1]);
  const std::pair<Args, int> kTable[] = {
      {{"smtreplay", flight_, "--asap"}, 0},
      {{"smt-api-builder", broken_, "--check"}, 2},
      {{"smttopic", "echo", "x", "--once", "--domain", "robot", "--registers", broken_}, 2},
      {{"smtlogger", "--output", root_ + "/none/a.mcap"}, 2},
      {{"smttopic", "info", "nothing", "--domain", "robot"}, 4}};
  for (const auto& [args, code] : kTable) {
    for (const int fd : {full.get(), nobody.get()}) {
      Process::Options options = env();
      options.stderr_fd = fd;
      EXPECT_EQ(run_process(args, options).exit_code, code) << args[0] << " " << args[1];
    }
  }
}

TEST_F(Descriptors, ASummaryThatCannotBeWrittenIsSaidAndTheRecordingIsWhole) {
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  Process::Options options = env();
  options.stdout_fd = full.get();
  const std::string file = root_ + "/a.mcap";
  const Ended ended = run_process({"smtlogger", "--output", file, "--duration", "50ms"}, options);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("cannot write standard output: No space left"));
  EXPECT_EQ(run({"smtlogger", "info", file}).exit_code, 0);
}

}  // namespace
}  // namespace smt::tools
