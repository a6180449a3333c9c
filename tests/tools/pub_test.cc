// smttopic pub: values of any topic, from the command line and from what echo prints.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "shm/list.h"
#include "shm/topic.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

struct PubPose {
  double x;
  float q[2];
  uint64_t n;
  bool ok;
};
SMT_FIELDS(PubPose, x, q, n, ok)

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Pub : public ToolTest {
 protected:
  Ended from(const std::string& lines, std::vector<std::string> flags = {}) const {
    flags.insert(flags.begin(), {"smttopic", "pub", "-f", "-"});
    Process::Options options = env();
    options.stdin_path = write("lines", lines);
    return run_process(flags, options);
  }
  // Topic, sequence and value of all samples there are.
  std::string samples(const std::string& in) const {
    const Ended echo =
        run({"smttopic", "echo", "**", "--history", "-f", "jsonl", "--duration", "100ms", "--domain", in});
    EXPECT_EQ(echo.exit_code, 0) << echo.err;
    std::vector<std::string> lines;
    for (const Json& sample : json_lines(echo.out)) {
      lines.push_back(sample["topic"].get<std::string>() + " " + sample["sequence"].dump() + " " +
                      sample["value"].dump() + "\n");
    }
    std::sort(lines.begin(), lines.end());  // those of several topics come in any order
    return std::accumulate(lines.begin(), lines.end(), std::string());
  }
  // A topic of a struct, as a program has it that has ended.
  void advertise(const std::string& name, const std::string& in, double x) const {
    Result<Domain> other = Domain::open({.root = root_, .domain = in});
    ASSERT_TRUE(other.ok());
    auto node = Node::open(*other, {.name = "program"});
    auto pose = Topic<PubPose>::advertise(**node, {.name = name, .history = 16});
    ASSERT_TRUE(pose.ok());
    EXPECT_TRUE(pose->publish({x, {0.5, NAN}, UINT64_MAX, true}).ok());
  }
  TopicInfo info(const std::string& topic) const {
    Result<DomainListing> listing = list_topics(domain());
    for (const TopicInfo& t : listing->topics) {
      if (t.name == topic) return t;
    }
    ADD_FAILURE() << "no topic " << topic;
    return {};
  }
};

TEST_F(Pub, TakesWhatEchoPrints) {
  advertise("arm/pose", "d", 0.1);
  run({"smttopic", "pub", "arm/limit", "f32[2]", "[0.1,\"inf\"]"});
  run({"smttopic", "pub", "arm/name", "string", "\"höhe\\n\""});
  run({"smttopic", "pub", "arm/blob", "bytes", "\"AAEC\""});
  const Ended echo = run({"smttopic", "echo", "**", "-f", "jsonl", "--duration", "100ms"});
  // In a domain whose topics are there, each has the type that it has; the bytes are the same.
  const std::vector<std::vector<std::string>> kThere = {
      {"arm/limit", "f32[2]", "[1,2]"}, {"arm/name", "string", "\"\""}, {"arm/blob", "bytes", "\"\""}};
  for (const std::vector<std::string>& words : kThere) {
    run({"smttopic", "pub", words[0], words[1], words[2], "--domain", "e"});
  }
  advertise("arm/pose", "e", 9);
  const Ended pub = from(echo.out, {"--domain", "e"});
  ASSERT_EQ(pub.exit_code, 0) << pub.err;
  const std::string values = samples("e");
  EXPECT_THAT(values, HasSubstr("arm/limit 2 {\"value\":[0.1,\"inf\"]}"));
  EXPECT_THAT(values, HasSubstr("arm/name 2 {\"value\":\"höhe\\n\"}"));
  EXPECT_THAT(values, HasSubstr("arm/blob 2 {\"value\":\"AAEC\"}"));
  EXPECT_THAT(values,
              HasSubstr("arm/pose 1 {\"x\":0.1,\"q\":[0.5,\"nan\"],\"n\":18446744073709551615,\"ok\":true}"));
  // In one where nothing is, types are inferred; the values are the same.
  ASSERT_EQ(from(echo.out, {"--domain", "f"}).exit_code, 0);
  EXPECT_EQ(samples("f"), samples("d"));
}

TEST_F(Pub, TakesTheTypeOfTheTopicThatIsThere) {
  advertise("arm/pose", "d", 0.1);
  const std::string value = R"({"x":-1.0,"q":[1.0,2.0],"n":7,"ok":false})";
  const Ended pub = run({"smttopic", "pub", "arm/pose", value});
  EXPECT_EQ(pub.exit_code, 0) << pub.err;
  EXPECT_EQ(Json::parse(run({"smttopic", "echo", "arm/pose", "--once", "-f", "jsonl"}).out)["value"].dump(),
            value);
  EXPECT_EQ(info("arm/pose").schema, schema_of<PubPose>());
  const Ended missing = run({"smttopic", "pub", "arm/pose", "{\"x\":1}"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("field \"q\" is missing"));
  const Ended absent = run({"smttopic", "pub", "arm/none", "1.5"});
  EXPECT_EQ(absent.exit_code, 4);
  EXPECT_THAT(absent.err, HasSubstr("no topic arm/none"));
  EXPECT_EQ(run({"smttopic", "pub", "arm/pose", "-5"}).exit_code, 2)
      << "a negative number is a value, no flag";
}

TEST_F(Pub, InfersTheTypeOfTopicsThatAreNotThere) {
  const Ended pub = from(R"({"topic":"a","value":{"x":1,"y":2.5}}
{"topic":"b","value":{"value":[1,2,3]}}

{"topic":"c","value":null}
{"topic":"a","value":{"x":-2,"y":3},"sequence":9}
)");
  ASSERT_EQ(pub.exit_code, 0) << pub.err;
  EXPECT_EQ(samples("d"), "a 1 {\"x\":1,\"y\":2.5}\na 2 {\"x\":-2,\"y\":3.0}\nb 1 {\"value\":[1,2,3]}\n");
  EXPECT_EQ(info("b").schema, *Schema::parse("i64[3]"));
}

TEST_F(Pub, PublishesAllLinesToTheOneTopicThatIsNamed) {
  const std::string lines = "{\"topic\":\"a\",\"value\":{\"value\":1}}\n{\"value\":2}\n";
  EXPECT_EQ(from(lines, {"b", "u8"}).exit_code, 0);
  EXPECT_EQ(samples("d"), "b 1 {\"value\":1}\nb 2 {\"value\":2}\n");
  EXPECT_EQ(info("b").schema, *Schema::parse("u8"));
  EXPECT_EQ(from(lines, {"b", "u8", "1"}).exit_code, 2);
}

TEST_F(Pub, TellsABadLineWithItsNumberAndGoesOn) {
  const std::string good = "{\"topic\":\"a\",\"value\":{\"value\":1}}\n";
  const std::string brackets = std::string(50'000, '[') + std::string(50'000, ']');
  const std::pair<std::string, const char*> kTable[] = {
      {"{\"topic\":\"a\",", "line 3: the line is not JSON: it ends before"},
      {"{\"topic\":\"a\",\"value\":NaN}",
       "line 3: the line is not JSON at column 22, where NaN} stands; write \"nan\""},
      {"{\"topic\":\"a\",\"value\":-Infinity}", "write \"nan\", \"inf\" or \"-inf\""},
      {"{\"topic\":\"a\",\"value\":1e999}",
       "line 3: the line holds a number that is out of the range of f64"},
      {brackets, "line 3: the line nests brackets more than 64 deep"},
      {"{\"topic\":\"a\",\"value\":" + brackets + "}", "line 3: the line nests brackets more than 64 deep"},
      {"[1]", "line 3: not a JSON object"},
      {"{\"value\":1}", "line 3: no \"topic\""},
      {"{\"topic\":\"a\"}", "line 3: no \"value\""},
      {"{\"topic\":\"a\",\"value\":[1,2]}", "line 3: a: value: the array has 2 elements"},
      {"{\"topic\":\"a\",\"value\":1.5}", "line 3: a: value: 1.5 is"},
      {"{\"topic\":\"/\",\"value\":1}", "topic name '/'"},
      {"{\"topic\":\"n\",\"value\":[]}",
       "n: value: an array of no type; give the type first, with smttopic pub n TYPE"}};
  for (const auto& [line, message] : kTable) {
    const Ended pub = from(good + "\n" + line + "\n" + good);
    EXPECT_EQ(pub.exit_code, 1) << line;
    EXPECT_THAT(pub.err, AllOf(HasSubstr(message), HasSubstr("left out"))) << line;
  }
  EXPECT_EQ(info("a").sequence, 2 * std::size(kTable)) << "what stands before and behind is published";
  EXPECT_EQ(run({"smttopic", "pub", "--from", root_ + "/none"}).exit_code, 2);
  const Ended folder = run({"smttopic", "pub", "--from", root_});
  EXPECT_EQ(folder.exit_code, 1);
  EXPECT_THAT(folder.err, HasSubstr("cannot read " + root_ + ": Is a directory"));
}

TEST_F(Pub, TellsHowLongALineMayBe) {
  const Ended ended = from(std::string((64 << 20) + 1, ' ') + "\n{\"topic\":\"a\",\"value\":1}\n");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.err,
            "smttopic: warning: stdin, line 1: more than 64 MiB, the maximum of a line; left out\n");
  EXPECT_EQ(info("a").sequence, 1u);
}

TEST_F(Pub, LogsTheFirstTenBadLinesAndCountsAll) {
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += "NaN\n";
  const Ended pub = from(lines + "{\"topic\":\"a\",\"value\":1}\n");
  EXPECT_EQ(pub.exit_code, 1);
  EXPECT_THAT(pub.err, AllOf(HasSubstr("line 10: "), Not(HasSubstr("line 11: ")),
                             HasSubstr("stdin: 500 bad lines were left out")));
  EXPECT_EQ(info("a").sequence, 1u);
}

TEST_F(Pub, EndsAtTheFirstBadLineIfItIsStrict) {
  const std::string lines = "{\"topic\":\"a\",\"value\":1}\nNaN\n{\"topic\":\"a\",\"value\":2}\n";
  const Ended pub = from(lines, {"--strict"});
  EXPECT_EQ(pub.exit_code, 1);
  EXPECT_THAT(pub.err, HasSubstr("stdin, line 2: "));
  EXPECT_EQ(info("a").sequence, 1u);
  EXPECT_EQ(from("{\"topic\":\"a\",\"value\":2}\n", {"--strict"}).exit_code, 0);
  EXPECT_EQ(run({"smttopic", "pub", "a", "1", "--strict"}).exit_code, 2) << "there are no lines";
}

TEST_F(Pub, SaysHowToGiveATypeThatTheFirstValueDoesNotShow) {
  const std::string numbers = "{\"topic\":\"a b\",\"value\":0}\n{\"topic\":\"a b\",\"value\":0.5}\n";
  const Ended first = from(numbers);
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_THAT(first.err,
              HasSubstr("line 2: a b: value: 0.5 is not an integer, for i64; the type was inferred from "
                        "line 1; give the type first, with smttopic pub 'a b' f64 VALUE; left out"));
  EXPECT_EQ(info("a b").schema, *Schema::parse("i64")) << "nothing is widened";
  EXPECT_THAT(from(numbers).err,
              HasSubstr("for i64; the topic was there with this type, and smttopic rm 'a b'"));
  EXPECT_EQ(run({"smttopic", "pub", "a b", "f64", "0"}).exit_code, 0);
  EXPECT_EQ(from(numbers).exit_code, 0) << "as the message says";
  EXPECT_EQ(info("a b").schema, *Schema::parse("f64"));

  const std::string long_text(41, 'x');
  const Ended fields = from(
      "{\"topic\":\"s\",\"value\":{\"t\":\"ab\",\"x\":0}}\n"
      "{\"topic\":\"s\",\"value\":{\"t\":\"" +
      long_text + "\",\"x\":0}}\n");
  EXPECT_EQ(fields.exit_code, 1);
  EXPECT_THAT(fields.err,
              HasSubstr("line 2: s: t: 41 bytes of text do not fit char[32]; the type was inferred from line "
                        "1; the first line of a topic has to show the type of each field"));
  const Ended named = from("{\"value\":0}\n{\"value\":0.5}\n", {"c"});
  EXPECT_THAT(named.err, HasSubstr("give the type, with smttopic pub c f64 --from -"));
  EXPECT_EQ(from("{\"value\":0}\n{\"value\":0.5}\n", {"c", "f64"}).exit_code, 0) << "as the message says";
}

TEST_F(Pub, KeepsTheRateAndEndsAtTheCount) {
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += "{\"topic\":\"a\",\"value\":{\"value\":" + std::to_string(i) + "}}\n";
  const int64_t start = boottime_ns();
  EXPECT_EQ(from(lines, {"-r", "100", "-n", "21"}).exit_code, 0);
  EXPECT_GE(boottime_ns() - start, 200'000'000);
  EXPECT_EQ(info("a").sequence, 21u);
  EXPECT_EQ(from(lines).exit_code, 0);
  EXPECT_EQ(info("a").sequence, 71u) << "the same node goes on";
}

TEST_F(Pub, PublishesEachLineAsItComesAndEndsAtASignal) {
  const std::string fifo = root_ + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const Fd both(open(fifo.c_str(), O_RDWR | O_CLOEXEC));  // so that neither end waits for the other
  Process pub({"smttopic", "pub", "--from", fifo}, env());
  for (int i = 1; i <= 3; ++i) {
    const std::string line = "{\"topic\":\"a\",\"value\":{\"value\":" + std::to_string(i) + "}}\n";
    ASSERT_EQ(::write(both.get(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
    EXPECT_TRUE(eventually([&] {
      return run({"smttopic", "echo", "a", "--once", "--field", "value"})
                 .out.find("value: " + std::to_string(i)) != std::string::npos;
    }));
  }
  pub.send(SIGINT);
  EXPECT_EQ(pub.wait().exit_code, 0);
}

}  // namespace
}  // namespace smt::tools
