// A relay that dials where no relay answers, or one with which nothing can flow, says why in the words of
// docs/troubleshooting.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <list>
#include <map>

#include "cmd/serve/endpoint_probe.h"
#include "shm/clock.h"
#include "tests/loopback.h"
#include "tests/text.h"
#include "tests/tools/json.h"
#include "tests/tools/keyed_relays.h"
#include "tests/tools/strangers.h"
#include "tests/tools/troubleshooting_page.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Endpoints = std::map<std::string, std::string>;  // by what is dialled, as the page names it

constexpr int64_t kSecond = 1'000'000'000;

// The sentences of the page, by what is dialled.
std::map<std::string, std::string> page() {
  std::map<std::string, std::string> rows;
  for (const std::vector<std::string>& row : rows_of_page("A relay that nobody answers"))
    rows[row[0]] = row[1].substr(1, row[1].size() - 2);  // between its backticks
  return rows;
}

// What the clients give as the reason.
std::string reason_of(const std::string& sentence) {
  const std::string before = "nobody has answered at ... for ... s: ";
  return sentence.starts_with(before) ? sentence.substr(before.size()) : sentence;
}

class WrongDials : public KeyedTest {
 protected:
  struct Dialler {
    std::unique_ptr<Process> process;
    Endpoints dialed;
    int64_t ready_ns = 0;
  };
  void start(const std::vector<std::string>& args, const Endpoints& dialed,
             std::optional<Process::Options> options = {}) {
    std::vector<std::string> all = args;
    for (const auto& [what, endpoint] : dialed) all.insert(all.end(), {"--connect", endpoint});
    Dialler& d = diallers_.emplace_back(
        Dialler{std::make_unique<Process>(all, options ? *options : env()), dialed, 0});
    d.process->wait_for_output("ready");
    d.ready_ns = boottime_ns();
  }
  static std::string without_peer(const std::string& endpoint) {
    return endpoint.substr(0, endpoint.find('#'));
  }
  // The lines that name the endpoint and say the sentence.
  static size_t told(const std::string& log, const std::string& endpoint, const std::string& sentence) {
    const std::vector<std::string> lines = split_lines(log);
    return static_cast<size_t>(std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      const size_t at = line.find(without_peer(endpoint));
      const size_t end = at + without_peer(endpoint).size();
      return at != line.npos && (end == line.size() || isdigit(line[end]) == 0) && says(line, sentence);
    }));
  }
  // All that the page says of them, each once, and when.
  void expect_told(Dialler* d, std::map<std::string, std::string> sentences, std::set<std::string>* seen) {
    for (const auto& [what, endpoint] : d->dialed) {
      SCOPED_TRACE(what + ", " + endpoint);
      ASSERT_EQ(sentences.count(what), 1u) << "it is not on the page";
      ASSERT_TRUE(eventually([&] { return told(d->process->errors(), endpoint, sentences[what]) > 0; }))
          << d->process->errors();
      EXPECT_LT(boottime_ns() - d->ready_ns, 6 * kSecond);
      seen->insert(what);
    }
    for (const auto& [what, endpoint] : d->dialed) {
      const std::string log = d->process->errors();
      EXPECT_EQ(told(log, endpoint, sentences[what]), 1u) << what << "\n" << log;
      EXPECT_EQ(told(log, endpoint, "warning: ") + told(log, endpoint, "error: "), 1u)
          << "and nothing else: " << what << "\n"
          << log;
    }
    d->process->send(SIGTERM);
    EXPECT_EQ(d->process->wait().exit_code, 0);
  }
  Endpoints strange() const {
    return {{"a port at which nobody listens", strangers_.closed()},
            {"a host that is off, or drops packets", strangers_.takes_nobody()},
            {"a web server", strangers_.web_server()},
            {"a program that waits, or hangs", strangers_.says_nothing()},
            {"a program that hangs up, or a forwarder", strangers_.hangs_up()},
            {"another program that uses ZeroMQ", strangers_.other_zmq()},
            {"a path without a socket", "ipc://" + root_ + "/none"},
            {"a relay of another version", strangers_.other_version()}};
  }
  // In a network without routes but for some that refuse, with a resolver that knows no name, or that has no
  // server.
  std::optional<Process::Options> in_no_network(const std::string& hosts) const {
    Process::Options options = env();
    options.through = {"unshare", "--net", "--mount"};
    const std::string file = write("nsswitch-" + hosts, "hosts: " + hosts + "\n");
    const std::vector<std::string> shell =
        after_shell("mount --make-rprivate / && mount --bind " + file +
                    " /etc/nsswitch.conf && ip link set lo up && ip route add unreachable 203.0.113.0/24 && "
                    "ip route add prohibit 192.0.2.0/24 || exit 99");
    options.through.insert(options.through.end(), shell.begin(), shell.end());
    if (geteuid() != 0 || run_process({"smttopic", "--version"}, options).exit_code != 0) return std::nullopt;
    return options;
  }

  const Strangers strangers_;
  std::list<Dialler> diallers_;
};

TEST_F(WrongDials, EachIsToldOnceWithinSixSecondsInTheWordsOfThePage) {
  make_keys({"base", "robot", "guard"});
  acquaint_both("robot", "guard");
  acquaint("base", "robot");
  acquaint("base", "guard");
  const Relay plain = pub(), keyed = robot();
  const Relay taker = RelayTest::start(
      {"smtrelay_sub", "--domain", "taker", "--name", "taker", "--bind", "tcp://127.0.0.1:*"});
  const std::map<std::string, std::string> sentences = page();
  Endpoints at_all = strange();
  at_all["a relay with keys, from one without"] = keyed.endpoint();
  uint16_t port = 0;
  (void)bound(&port);
  const std::string own = ":" + std::to_string(port);
  Endpoints of_sub = at_all, of_pub = at_all;
  of_sub["a smtrelay_sub, from a smtrelay_sub"] = taker.endpoint();
  of_sub["the relay itself"] = "tcp://localhost" + own;
  of_pub["a smtrelay_pub, from a smtrelay_pub"] = plain.endpoint();
  start({"smtrelay_sub", "--domain", "base", "--name", "base", "--bind", "tcp://127.0.0.1" + own}, of_sub);
  start({"smtrelay_pub", "--domain", "other", "--name", "other"}, of_pub);
  start({"smtrelay_proxy", "--name", "gate"}, at_all);
  start({"smtrelay_sub", "--domain", "keyed", "--keys", keys("base")},
        {{"a relay without keys, from one with keys", plain.endpoint() + "#robot"},
         {"a relay that does not know this one's key", keyed.endpoint() + "#robot"}});
  start({"smtrelay_sub", "--domain", "mistaken", "--keys", keys("base")},
        {{"a relay with another key than expected", keyed.endpoint() + "#guard"}});
  std::set<std::string> seen;
  if (const auto nowhere = in_no_network("files")) {
    start({"smtrelay_sub", "--domain", "nowhere", "--name", "nowhere", "--insecure"},
          {{"a network without a route", "tcp://198.51.100.1:7000"},
           {"a host without a route", "tcp://203.0.113.1:7000"},
           {"an address that a rule forbids", "tcp://192.0.2.1:7000"},
           {"a name that does not exist", "tcp://no.such.host.invalid:7000"}},
          nowhere);
    start({"smtrelay_sub", "--domain", "nameless", "--name", "nameless", "--insecure"},
          {{"a name, while no name server answers", "tcp://robot.example:7000"}}, in_no_network("dns"));
  } else {
    seen = {"a network without a route", "a host without a route", "an address that a rule forbids",
            "a name that does not exist", "a name, while no name server answers"};
  }
  for (Dialler& d : diallers_) expect_told(&d, sentences, &seen);
  for (const auto& [what, sentence] : sentences) EXPECT_EQ(seen.count(what), 1u) << what << " is not tried";
}

// Each row of the page; the first column, and the doctor's flags.
TEST_F(WrongDials, TheDoctorNamesEachRowOfThePage) {
  make_keys({"base", "robot", "guard"});
  acquaint("base", "robot");
  acquaint("base", "guard");
  const Relay plain = pub(), keyed = robot();
  const Relay taker = RelayTest::start(
      {"smtrelay_sub", "--domain", "taker", "--name", "taker", "--bind", "tcp://127.0.0.1:*"});
  std::map<std::string, std::string> sentences = page();
  const std::string both = "relay ... answers within ...; it ";
  for (const auto& [what, does] : std::map<std::string, std::string>{
           {"a smtrelay_sub, from a smtrelay_sub", both + "takes topics and sends none"},
           {"a smtrelay_pub, from a smtrelay_pub", both + "sends topics"}})
    sentences[what] = does;
  struct Case {
    std::string what, endpoint;
    std::vector<std::string> more = {};
    std::optional<Process::Options> where = {};
  };
  std::vector<Case> cases = {
      {"a relay with keys, from one without", keyed.endpoint()},
      {"a relay without keys, from one with keys", plain.endpoint() + "#robot", {"--keys", keys("base")}},
      {"a relay that does not know this one's key", keyed.endpoint() + "#robot", {"--keys", keys("base")}},
      {"a relay with another key than expected", keyed.endpoint() + "#guard", {"--keys", keys("base")}},
      {"the relay itself", "tcp://localhost:7400", {"--bind", "tcp://127.0.0.1:7400"}},
      {"a smtrelay_sub, from a smtrelay_sub", taker.endpoint()},
      {"a smtrelay_pub, from a smtrelay_pub", plain.endpoint()}};
  for (const auto& [what, endpoint] : strange()) cases.push_back({what, endpoint});
  const auto nowhere = in_no_network("files"), nameless = in_no_network("dns");
  for (const auto& [what, endpoint] :
       Endpoints{{"a network without a route", "tcp://198.51.100.1:7000"},
                 {"a host without a route", "tcp://203.0.113.1:7000"},
                 {"an address that a rule forbids", "tcp://192.0.2.1:7000"},
                 {"a name that does not exist", "tcp://no.such.host.invalid:7000"}})
    cases.push_back({what, endpoint, {}, nowhere});
  cases.push_back({"a name, while no name server answers", "tcp://robot.example:7000", {}, nameless});
  std::list<std::pair<const Case*, Process>> doctors;
  for (const Case& c : cases) {
    if (c.endpoint.find("127.0.0.1") == std::string::npos &&
        c.endpoint.find("localhost") == std::string::npos && c.endpoint.starts_with("tcp") && !c.where)
      continue;  // only root makes networks
    std::vector<std::string> args = {"smtdoctor", "-f",        "jsonl", "--connect",
                                     c.endpoint,  "--timeout", "1500ms"};
    args.insert(args.end(), c.more.begin(), c.more.end());
    doctors.emplace_back(std::piecewise_construct, std::tuple(&c),
                         std::tuple(args, c.where ? *c.where : env()));
  }
  std::set<std::string> seen;
  for (auto& [c, doctor] : doctors) {
    std::string text;
    for (const Json& finding : json_lines(doctor.wait().out)) {
      if (finding["check"] == "connect") text = finding["text"];
    }
    EXPECT_TRUE(says(text, reason_of(sentences[c->what]))) << c->what << "\n" << text;
  }
  for (const Case& c : cases) seen.insert(c.what);
  for (const auto& [what, sentence] : sentences)
    EXPECT_EQ(seen.count(what), 1u) << what << " is not asked for";
}

TEST_F(WrongDials, TheClientGivesTheSameReasons) {
  make_keys({"robot"});
  const Relay keyed = robot();
  std::map<std::string, std::string> sentences = page();
  Endpoints dialed = strange();
  dialed["a relay with keys, from one without"] = keyed.endpoint();
  std::list<std::pair<std::string, Process>> tools;
  for (const auto& [what, endpoint] : dialed) {
    const std::vector<std::string> args = {"smtrelay_client", "get",       "x",     "--connect",
                                           endpoint,          "--timeout", "1500ms"};
    tools.emplace_back(std::piecewise_construct, std::tuple(what), std::tuple(args, env()));
  }
  for (auto& [what, tool] : tools) {
    const Ended ended = tool.wait();
    EXPECT_NE(ended.exit_code, 0) << what;
    EXPECT_TRUE(says(ended.err, reason_of(sentences[what]))) << what << "\n" << ended.err;
  }
}

TEST_F(WrongDials, WhereOneSideAloneHasKeysTheClientSaysSoOnce) {
  make_keys({"base", "robot", "guard"});
  acquaint("base", "robot");
  acquaint("base", "guard");
  const Relay plain = pub(), keyed = robot();
  const std::map<std::string, std::string> sentences = page();
  struct Case {
    std::string what, endpoint;
    bool has_keys;
    int exit_code;
  };
  for (const Case& c :
       {Case{"a relay without keys, from one with keys", plain.endpoint() + "#robot", true, 7},
        Case{"a relay with keys, from one without", keyed.endpoint(), false, 7},
        Case{"a relay that does not know this one's key", keyed.endpoint() + "#robot", true, 6},
        Case{"a relay with another key than expected", keyed.endpoint() + "#guard", true, 6}}) {
    SCOPED_TRACE(c.what);
    std::vector<std::string> more = {"--connect", c.endpoint};
    if (c.has_keys) more.insert(more.end(), {"--keys", keys("base")});
    const auto with = [&](std::vector<std::string> args) {
      args.insert(args.end(), more.begin(), more.end());
      return run(args);
    };
    const Ended client = with({"smtrelay_client", "get", "x"});
    EXPECT_EQ(client.exit_code, c.exit_code);
    EXPECT_TRUE(says(client.err, reason_of(sentences.at(c.what)))) << client.err;
    EXPECT_THAT(split_lines(client.err), SizeIs(1));
  }
}

TEST_F(WrongDials, AProbeIsNothingToTheRelayThatIsProbed) {
  make_keys({"base", "robot"});
  acquaint("robot", "base");
  const Relay plain = pub(), keyed = robot();
  for (const auto& [relay, answer] :
       {std::pair(&plain, cmd::Answer::kPlain), std::pair(&keyed, cmd::Answer::kKeyed)}) {
    for (int i = 0; i < 20; ++i) {
      cmd::EndpointProbe probe;
      probe.start(relay->endpoint(), 2 * kSecond);
      ASSERT_TRUE(eventually([&] { return !probe.runs(); }));
      EXPECT_EQ(probe.found()->answer, answer);
    }
  }
  for (const Relay* relay : {&plain, &keyed}) {
    for (const char* field : {"malformed", "corrupt", "unknown_key", "cut", "opened", "barred"}) {
      EXPECT_EQ(counter("robot", "smt/relay/robot/pub/session", field), 0u) << field;
    }
    relay->process->send(SIGTERM);
    const std::string log = relay->process->wait().err;
    EXPECT_EQ(log.find("127.0.0.1"), log.npos) << log;
  }
}

TEST_F(WrongDials, TheDoctorSaysHello) {
  make_keys({"base", "robot"});
  acquaint_both("base", "robot");
  const Relay plain = pub(), keyed = robot();
  const auto connect = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"smtdoctor", "-f", "jsonl"});
    for (const Json& finding : json_lines(run(args).out)) {
      if (finding["check"] == "connect") return finding;
    }
    return Json();
  };
  for (const Json& fine : {connect({"--connect", plain.endpoint()}),
                           connect({"--connect", keyed.endpoint(), "--keys", keys("base")})}) {
    EXPECT_EQ(fine["kind"], "fine") << fine;
    EXPECT_THAT(fine["text"].get<std::string>(), HasSubstr(": relay robot answers within "));
  }
  std::filesystem::remove(keys("robot") + "/peers/base.pub");
  keyed.process->send(SIGHUP);
  keyed.process->wait_for_error("is taken");
  const Json refused = connect({"--connect", keyed.endpoint(), "--keys", keys("base")});
  EXPECT_EQ(refused["kind"], "problem");
  EXPECT_THAT(refused["text"].get<std::string>(), HasSubstr("our key is not known there"));
}

TEST_F(WrongDials, AHostThatHasAnIpv6AddressAloneIsDialledByName) {
  const std::string hosts = write("hosts", "::1 robot6.example\n");
  const std::string nsswitch = write("nsswitch", "hosts: files\n");
  Process::Options named = env();
  named.through = {"unshare", "--mount"};
  const std::vector<std::string> shell =
      after_shell("mount --make-rprivate / && mount --bind " + hosts + " /etc/hosts && mount --bind " +
                  nsswitch + " /etc/nsswitch.conf || exit 99");
  named.through.insert(named.through.end(), shell.begin(), shell.end());
  if (geteuid() != 0 || run_process({"smttopic", "--version"}, named).exit_code != 0)
    GTEST_SKIP() << "only root makes namespaces";
  publish("x", "u8", "1");
  const Relay robot =
      RelayTest::start({"smtrelay_pub", "--domain", "robot", "--name", "robot", "--bind", "tcp://[::1]:*"});
  const std::string endpoint = "tcp://robot6.example:" + std::to_string(port_of(robot.endpoint()));
  Process base({"smtrelay_sub", "--domain", "base", "--insecure", "--connect", endpoint}, named);
  EXPECT_TRUE(becomes("base", "x", State::kSourceDead));
}

}  // namespace
}  // namespace smt::tools
