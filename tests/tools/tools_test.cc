// Each tool doing its work, seen from outside.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>

#include "shm/list.h"
#include "shm/node.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Smttopic = ToolTest;
using Smtsinewave = ToolTest;
using Smtreplay = ToolTest;
using Tools = ToolTest;

TEST_F(Smttopic, PublishedValueStaysReadable) {
  EXPECT_EQ(run({"smttopic", "pub", "arm/limit", "f32", "0.1"}).exit_code, 0);
  const Ended echo = run({"smttopic", "echo", "--once", "-f", "jsonl", "arm/limit"});
  EXPECT_EQ(echo.exit_code, 0) << echo.err;
  const Json sample = Json::parse(echo.out);
  EXPECT_THAT(keys_of(sample), ElementsAre("topic", "sequence", "stamp_ns", "receive_ns", "age_ns", "state",
                                           "missed", "value"));
  EXPECT_EQ(sample["topic"], "arm/limit");
  EXPECT_EQ(sample["sequence"], 1);
  EXPECT_EQ(sample["state"], "source-dead");
  EXPECT_THAT(echo.out, HasSubstr(R"("value":{"value":0.1}})"));
  EXPECT_LT(std::abs(sample["stamp_ns"].get<int64_t>() - sample["receive_ns"].get<int64_t>()), 50'000'000);
  EXPECT_GT(sample["age_ns"], 0);
}

TEST_F(Smttopic, TakesEveryTypeThatItPrints) {
  const std::pair<const char*, const char*> kTable[] = {
      {"bool", "true"},       {"i8", "-5"},         {"u64", "18446744073709551615"},
      {"f64", "-0.25"},       {"f64", "\"-inf\""},  {"f32[3]", "[1.5,\"nan\",-2.0]"},
      {"string", "\"höhe\""}, {"bytes", "\"AAEC\""}};
  for (const auto& [type, value] : kTable) {
    const Ended pub = run({"smttopic", "pub", "x", type, value});
    ASSERT_EQ(pub.exit_code, 0) << type << " " << value << ": " << pub.err;
    const Ended echo = run({"smttopic", "echo", "--once", "-f", "jsonl", "x"});
    EXPECT_THAT(echo.out, HasSubstr(std::string("\"value\":{\"value\":") + value + "}}")) << type;
  }
}

TEST_F(Smttopic, ListAndInfoHaveTheShapesThatScriptsRelyOn) {
  Process sine(
      {"smtsinewave", "wheel/speed", "--rate", "200", "--max-age", "10s", "--history", "100", "--node", "w"},
      env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "wheel/speed"}).exit_code == 0; }));
  run({"smttopic", "pub", "arm/pose", "f64[3]", "[1,2,3]"});

  const Json list = Json::parse(run({"smttopic", "list", "-f", "json"}).out);
  ASSERT_EQ(list.size(), 2u);
  const Json& topic = list[1];
  EXPECT_THAT(keys_of(topic), ElementsAre("topic", "type", "schema_hash", "size", "history", "state",
                                          "age_ns", "max_age_ns", "stamp_ns", "sequence", "generation",
                                          "hops", "writers", "origin", "age_error_ns", "delay_ns"));
  EXPECT_TRUE(topic["age_error_ns"].is_null() && topic["delay_ns"].is_null()) << "it was born here";
  EXPECT_EQ(list[0]["topic"], "arm/pose");
  EXPECT_EQ(list[0]["state"], "source-dead");
  EXPECT_EQ(topic["topic"], "wheel/speed");
  EXPECT_EQ(topic["type"], "f64");
  EXPECT_EQ(topic["schema_hash"], Schema::scalar(Type::kF64).hash());
  EXPECT_EQ(topic["size"], 8);
  EXPECT_EQ(topic["history"], 128);
  EXPECT_EQ(topic["state"], "fresh");
  EXPECT_EQ(topic["max_age_ns"], 10'000'000'000);
  EXPECT_EQ(topic["generation"], 1);
  EXPECT_EQ(topic["writers"],
            Json::parse("[{\"node\":\"w\",\"pid\":" + std::to_string(sine.pid()) + ",\"live\":true}]"));
  EXPECT_EQ(topic["origin"]["domain"], "d");
  EXPECT_EQ(topic["origin"]["node"], "w");

  const Json info = Json::parse(run({"smttopic", "info", "arm/pose", "-f", "json"}).out);
  EXPECT_EQ(info["schema"], Json::parse(R"([{"name":"value","type":"f64","offset":0,"count":3,"unit":""}])"));
  EXPECT_EQ(json_lines(run({"smttopic", "list", "-f", "jsonl"}).out).size(), 2u);
  EXPECT_THAT(run({"smttopic", "list", "-f", "csv"}).out, testing::StartsWith("topic,type,schema_hash,"));
  const std::string table = run({"smttopic", "list", "wheel/*"}).out;
  EXPECT_THAT(table, AllOf(HasSubstr("wheel/speed  f64"), HasSubstr("fresh"), Not(HasSubstr("arm/pose"))));
  EXPECT_THAT(table, Not(HasSubstr("\x1b"))) << "colour without a terminal";

  sine.send(SIGINT);
  EXPECT_EQ(sine.wait().exit_code, 0);
  EXPECT_THAT(run({"smttopic", "list", "wheel/*"}).out, HasSubstr("source-dead"));
}

TEST_F(Smttopic, ListsNothingWhereNothingHasPublished) {
  const Ended list = run({"smttopic", "list", "-f", "json"});
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_EQ(list.out, "[]\n");
  EXPECT_THAT(list.err, HasSubstr("no folder"));
  EXPECT_FALSE(std::filesystem::exists(folder())) << "a tool that only looks must not make the domain";
}

TEST_F(Smttopic, ShowsSystemTopicsOnlyWhenAskedFor) {
  run({"smttopic", "pub", "smt/relay/x", "u8", "1"});
  EXPECT_EQ(Json::parse(run({"smttopic", "list", "-f", "json"}).out).size(), 0u);
  EXPECT_EQ(Json::parse(run({"smttopic", "list", "smt/**", "-f", "json"}).out).size(), 1u);
}

TEST_F(Smttopic, EchoFollowsTopicsThatAppearLaterWithoutALossAndEndsAtItsCount) {
  Process echo({"smttopic", "echo", "late/**", "-f", "jsonl", "-n", "300"}, env());
  echo.wait_for_error("waiting");
  Process one({"smtsinewave", "late/a", "--rate", "500", "--history", "1024", "-n", "150"}, env());
  EXPECT_EQ(one.wait().exit_code, 0);
  Process two({"smtsinewave", "late/b", "--rate", "500", "--history", "1024", "-n", "150"}, env());
  EXPECT_EQ(two.wait().exit_code, 0);
  const Ended ended = echo.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::map<std::string, uint64_t> last;
  for (const Json& sample : json_lines(ended.out)) {
    EXPECT_EQ(sample["sequence"].get<uint64_t>(), ++last[sample["topic"]]);
    EXPECT_EQ(sample["missed"], 0);
  }
  EXPECT_EQ(last["late/a"], 150u);
  EXPECT_EQ(last["late/b"], 150u);
}

TEST_F(Smttopic, EchoGoesOnAcrossTheRestartOfAWriter) {
  Process echo({"smttopic", "echo", "x", "-f", "jsonl", "-n", "20"}, env());
  echo.wait_for_error("waiting");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run({"smtsinewave", "x", "--rate", "200", "--history", "64", "-n", "10"}).exit_code, 0);
  }
  const Ended ended = echo.wait();
  EXPECT_EQ(ended.exit_code, 0);
  const std::vector<Json> lines = json_lines(ended.out);
  ASSERT_EQ(lines.size(), 20u);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(lines[i]["sequence"], i + 1);
}

TEST_F(Smttopic, EchoWritesJsonCsvAndTextForPeople) {
  run({"smttopic", "pub", "p", "f64[2]", "[1,\"nan\"]", "-n", "2", "-r", "1000"});
  const Json array = Json::parse(run({"smttopic", "echo", "p", "--history", "-n", "2", "-f", "json"}).out);
  ASSERT_EQ(array.size(), 2u);
  EXPECT_EQ(array[1]["value"]["value"], Json::parse("[1.0,\"nan\"]"));
  const std::string csv = run({"smttopic", "echo", "p", "--history", "-n", "2", "-f", "csv"}).out;
  EXPECT_THAT(csv, testing::StartsWith(
                       "topic,sequence,stamp_ns,receive_ns,age_ns,state,missed,value[0],value[1]\np,1,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_THAT(csv, HasSubstr(",1.0,nan\n"));
  EXPECT_THAT(run({"smttopic", "echo", "p", "-n", "1"}).out,
              AllOf(HasSubstr("p  #2  stamp 2"), HasSubstr("value: [1.0, nan]\n")));
}

TEST_F(Smttopic, EchoTellsSilenceFromAbsence) {
  const Ended absent = run({"smttopic", "echo", "x", "--timeout", "50ms"});
  EXPECT_EQ(absent.exit_code, 4);
  EXPECT_THAT(absent.err, HasSubstr("no folder"));
  run({"smttopic", "pub", "y", "u8", "1"});
  EXPECT_EQ(run({"smttopic", "echo", "x", "--timeout", "50ms"}).exit_code, 4);
  EXPECT_EQ(run({"smttopic", "echo", "x", "--once"}).exit_code, 4);
  const Ended silent = run({"smttopic", "echo", "y", "--timeout", "50ms"});
  EXPECT_EQ(silent.exit_code, 3);
  EXPECT_THAT(silent.out, HasSubstr("value: 1")) << "what is there comes first";
  EXPECT_THAT(silent.err, HasSubstr("no sample within 50 ms"));
  EXPECT_EQ(run({"smttopic", "echo", "y", "--duration", "50ms"}).exit_code, 0);
}

TEST_F(Smttopic, HzAndBwMeasureARunningTopic) {
  Process sine({"smtsinewave", "x", "--rate", "100"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "x"}).exit_code == 0; }));
  const Ended hz = run({"smttopic", "hz", "x", "-n", "1", "-f", "json"});
  EXPECT_EQ(hz.exit_code, 0) << hz.err;
  const Json rate = Json::parse(hz.out)[0];
  EXPECT_THAT(keys_of(rate),
              ElementsAre("topic", "hz", "published", "mean_ns", "min_ns", "max_ns", "jitter_ns", "missed"));
  EXPECT_NEAR(rate["hz"].get<double>(), 100, 40);
  EXPECT_NEAR(rate["mean_ns"].get<double>(), 1e7, 8e6);
  EXPECT_EQ(rate["missed"], 0);
  const Ended bw = run({"smttopic", "bw", "x", "-n", "1", "-f", "jsonl"});
  EXPECT_NEAR(Json::parse(bw.out)["bytes_per_s"].get<double>(), 800, 320);

  Process table({"smttopic", "hz", "x"}, env());
  table.wait_for_output("JITTER");
  table.send(SIGINT);
  const Ended ended = table.wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.out, HasSubstr("in all"));
}

TEST_F(Smttopic, DelayTellsHowOldSamplesWereWhenTheyCame) {
  Process sine({"smtsinewave", "x", "--rate", "100"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "x"}).exit_code == 0; }));
  const Ended delay = run({"smttopic", "delay", "x", "-n", "1", "-f", "json"});
  EXPECT_EQ(delay.exit_code, 0) << delay.err;
  const Json ages = Json::parse(delay.out)[0];
  EXPECT_THAT(keys_of(ages), ElementsAre("topic", "samples", "p50_ns", "p99_ns", "max_ns", "hops", "host"));
  EXPECT_NEAR(ages["samples"].get<double>(), 100, 40);
  EXPECT_EQ(ages["max_ns"], 0) << "of this machine: written when it was born";
  EXPECT_EQ(ages["hops"], 0);
  EXPECT_THAT(run({"smttopic", "delay", "x", "--duration", "50ms"}).out, HasSubstr("AGE p99"));
}

TEST_F(Smttopic, RemovesOnlyWhatNobodyPublishes) {
  Process sine({"smtsinewave", "x"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "x"}).exit_code == 0; }));
  EXPECT_EQ(run({"smttopic", "rm", "x"}).exit_code, 1);
  sine.send(SIGTERM);
  EXPECT_EQ(sine.wait().exit_code, 0);
  EXPECT_EQ(run({"smttopic", "rm", "x"}).exit_code, 0);
  EXPECT_EQ(run({"smttopic", "info", "x"}).exit_code, 4);
}

TEST_F(Smtsinewave, KeepsAmplitudeOffsetPhaseAndRate) {
  const Ended sine = run({"smtsinewave", "s", "--amplitude", "2", "--offset", "10", "--frequency", "5",
                          "--rate", "100", "--history", "64", "-n", "41"});
  ASSERT_EQ(sine.exit_code, 0) << sine.err;
  const Ended echo = run({"smttopic", "echo", "s", "--history", "-f", "jsonl", "--timeout", "50ms"});
  const std::vector<Json> lines = json_lines(echo.out);
  ASSERT_EQ(lines.size(), 41u);
  // Each value is exactly that of a time n / rate which was not used before and has come, give or take how
  // late the first one was: nothing drifts, however busy the machine is.
  const int64_t start = lines[0]["stamp_ns"];
  int64_t n = -1;
  for (const Json& sample : lines) {
    const int64_t due = (sample["stamp_ns"].get<int64_t>() - start) / 10'000'000 + 8;
    const auto fits = [&] {
      const double expected = 10 + 2 * std::sin(2 * M_PI * 5 * static_cast<double>(n) / 100);
      return std::abs(sample["value"]["value"].get<double>() - expected) < 1e-9;
    };
    do {
      ++n;
    } while (n < due && !fits());
    EXPECT_TRUE(n <= due && fits()) << sample;
  }
  EXPECT_GE(n, 40);
}

TEST_F(Smtsinewave, RemovesItsTopicsAtTheEndWhenAskedTo) {
  EXPECT_EQ(run({"smtsinewave", "s", "-n", "3", "--type", "i16", "--remove-on-exit", "--segment-size", "1M"})
                .exit_code,
            0);
  EXPECT_EQ(Json::parse(run({"smttopic", "list", "-f", "json"}).out).size(), 0u);
}

constexpr const char* kGps = "timestamp,fix,eph\r\nuint64_t,uint8_t,float\r\n1000,3,0.5\r\n3000,2,NaN\r\n";
constexpr const char* kImu =
    "timestamp,a[0],a[1],a[2]\nuint64_t,float,float,float\n2000,1,2,3\n3000,4,5,INF\n";

TEST_F(Smtreplay, PublishesRowsOfAllFilesWithTheirStampsAndKeepsTheLastOnes) {
  write("rec/gps.0.csv", kGps);
  write("rec/imu.1.csv", kImu);
  const Ended replay = run({"smtreplay", root_ + "/rec", "--prefix", "f/", "--max-age", "1m"});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_THAT(replay.err, HasSubstr("smtreplay: 2 topics, 4 samples, 0 rows skipped, 0 files left out"));
  const std::vector<Json> lines =
      json_lines(run({"smttopic", "echo", "f/**", "--history", "-n", "4", "-f", "jsonl"}).out);
  ASSERT_EQ(lines.size(), 4u);
  std::map<std::string, std::vector<Json>> by_topic;
  for (const Json& sample : lines) by_topic[sample["topic"]].push_back(sample);
  ASSERT_EQ(by_topic["f/gps/0"].size(), 2u);
  EXPECT_EQ(by_topic["f/gps/0"][1]["stamp_ns"], 3'000'000);
  EXPECT_EQ(by_topic["f/gps/0"][1]["value"].dump(), R"({"timestamp":3000,"fix":2,"eph":"nan"})");
  EXPECT_EQ(by_topic["f/imu/1"][1]["value"].dump(), R"({"timestamp":3000,"a":[4.0,5.0,"inf"]})");
  // In time order over both files: gps 1000, imu 2000, then gps and imu 3000 by name.
  EXPECT_LE(by_topic["f/gps/0"][0]["receive_ns"], by_topic["f/imu/1"][0]["receive_ns"]);
}

TEST_F(Smtreplay, SplitsRowsIntoOneTopicForEachField) {
  write("rec/imu.1.csv", kImu);
  EXPECT_EQ(run({"smtreplay", root_ + "/rec", "--split", "--asap"}).exit_code, 0);
  const Json list = Json::parse(run({"smttopic", "list", "-f", "json"}).out);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0]["topic"], "imu/1/a");
  EXPECT_EQ(list[0]["type"], "f32[3]");
  EXPECT_EQ(list[1]["topic"], "imu/1/timestamp");
  EXPECT_THAT(run({"smttopic", "echo", "imu/1/a", "--once", "-f", "jsonl"}).out,
              HasSubstr(R"([4.0,5.0,"inf"])"));
}

TEST_F(Smtreplay, PacesByTimestampAndShortensSilence) {
  write("rec/a.csv", "timestamp\nuint64_t\n0\n100000\n1000000000\n");
  const auto seconds = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"smtreplay", root_ + "/rec"});
    const int64_t start = boottime_ns();
    EXPECT_EQ(run(flags).exit_code, 0);
    return static_cast<double>(boottime_ns() - start) / 1e9;
  };
  EXPECT_GE(seconds({"--max-gap", "200ms"}), 0.3);
  EXPECT_GE(seconds({"--max-gap", "1s", "--speed", "10"}), 0.11);
  EXPECT_LT(seconds({"--asap"}), 5);
}

TEST_F(Smtreplay, LoopsUntilItIsToldToStop) {
  write("rec/a.csv", "timestamp,x\nuint64_t,int8_t\n0,1\n1000,2\n");
  Process replay({"smtreplay", root_ + "/rec", "--loop", "--speed", "10"}, env());
  EXPECT_TRUE(eventually([&] {
    const Ended info = run({"smttopic", "info", "a", "-f", "json"});
    return info.exit_code == 0 && Json::parse(info.out)["sequence"] > 20;
  }));
  replay.send(SIGINT);
  EXPECT_EQ(replay.wait().exit_code, 0);
}

TEST_F(Tools, EndQuietlyWhenNobodyReadsTheirOutput) {
  run({"smttopic", "pub", "x", "u8", "1"});
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  close(fds[0]);
  Process::Options options = env();
  options.stdout_fd = fds[1];
  const Ended ended = run_process({"smttopic", "echo", "nothing/yet"}, options);
  close(fds[1]);
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.err, Not(HasSubstr("error")));
}

TEST_F(Tools, SayThatStandardOutputIsFull) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  Process::Options options = env();
  options.stdout_fd = full;
  const Ended ended = run_process({"smttopic", "list", "-f", "json"}, options);
  close(full);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("cannot write standard output: No space left"));
}

TEST_F(Tools, TakeFlagsBeforeTheEnvironmentBeforeDefaults) {
  EXPECT_EQ(run({"smttopic", "pub", "x", "u8", "1", "--domain", "other"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(root_ + "/other"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
  EXPECT_EQ(
      run_process({"smttopic", "info", "x"}, env({{"SMT_DOMAIN", "other"}, {"SMT_FORMAT", "json"}})).out[0],
      '{');
  EXPECT_THAT(run_process({"smttopic", "info", "x", "-f", "table"},
                          env({{"SMT_DOMAIN", "other"}, {"SMT_FORMAT", "json"}}))
                  .out,
              testing::StartsWith("topic "));
}

TEST_F(Tools, TellHelpAndVersionOnStdout) {
  for (const char* tool : {"smttopic", "smtsinewave", "smtreplay"}) {
    const Ended help = run({tool, "--help"}), version = run({tool, "--version"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: ") + tool));
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_THAT(version.out, testing::StartsWith("smtrelay "));
  }
  EXPECT_THAT(run({"smttopic", "echo", "--help"}).out, HasSubstr("PATTERN"));
}

}  // namespace
}  // namespace smt::tools
