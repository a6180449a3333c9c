// smtlogger from outside: what was published is what is in the file, whatever ends the recording.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <tuple>

#include "cmd/recording/log_events.h"
#include "cmd/recording/open_log.h"
#include "shm/clock.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/size_limit.h"
#include "tests/small_disk.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

struct Recorded {
  uint64_t sequence = 0;
  int64_t stamp_ns = 0, receive_ns = 0;
  uint64_t missed = 0;
  Bytes bytes;
  bool operator==(const Recorded&) const = default;
};
// By topic, in the order of the file; without events and initial values.
using Content = std::map<std::string, std::vector<Recorded>>;

void read_into(const std::string& path, Content* content, bool* complete = nullptr) {
  Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(path, {}, cmd::LogScope::kFile);
  ASSERT_TRUE(log.ok()) << log.status().message();
  for (cmd::LogSample s; (*log)->next(&s);) {
    if (s.topic->name == cmd::kLogEventsTopic || s.initial) continue;
    (*content)[s.topic->name].push_back(
        {s.sequence, s.stamp_ns, s.receive_ns, s.missed, Bytes(s.bytes.begin(), s.bytes.end())});
  }
  EXPECT_EQ((*log)->samples_left_out(), 0u);
  if (complete != nullptr) *complete = (*log)->complete();
}

struct Event {
  std::string topic, event;
  uint64_t count = 0;
  bool operator==(const Event&) const = default;
};

void read_events(const std::string& path, std::vector<Event>* events) {
  Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(path, {}, cmd::LogScope::kFile);
  ASSERT_TRUE(log.ok()) << log.status().message();
  for (cmd::LogSample s; (*log)->next(&s);) {
    if (s.topic->name != cmd::kLogEventsTopic) continue;
    cmd::LogEvent event;
    ASSERT_EQ(s.bytes.size(), sizeof event);
    memcpy(&event, s.bytes.data(), sizeof event);
    events->push_back({event.topic, event.event, event.count});
  }
}

bool has_a_value(const std::string& path) {
  const Result<std::unique_ptr<cmd::LogReader>> log = cmd::open_log(path);
  cmd::LogSample sample;
  return log.ok() && (*log)->next(&sample);
}

class Smtlogger : public ToolTest {
 protected:
  Smtlogger() : domain_(domain()) {
    Result<std::unique_ptr<Node>> node = Node::open(domain_, {.name = "source", .segment_bytes = 256 << 20});
    node_ = std::move(*node);
  }
  Publisher advertise(const std::string& name, const Schema& schema, uint32_t history = 16384) {
    TopicOptions options;
    options.name = name;
    options.schema = schema;
    options.history = history;
    Result<Publisher> publisher = node_->advertise(options);
    EXPECT_TRUE(publisher.ok()) << publisher.status().message();
    return std::move(*publisher);
  }
  // Has begun when it returns.
  std::unique_ptr<Process> record(const std::vector<std::string>& more = {},
                                  const std::string& file = "a.mcap") {
    std::vector<std::string> args = {"smtlogger", "--output", path(file), "-f", "json"};
    args.insert(args.end(), more.begin(), more.end());
    auto process = std::make_unique<Process>(args, env());
    process->wait_for_error("recording ");
    return process;
  }
  std::string path(const std::string& name) const { return root_ + "/" + name; }
  uint64_t size(const std::string& name) const {
    std::error_code error;
    const uint64_t bytes = fs::file_size(path(name), error);
    return error ? 0 : bytes;
  }
  // Ends it with SIGINT; its summary.
  static Json finish(Process* process) {
    process->send(SIGINT);
    const Ended ended = process->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }
  // All parts of a recording, which are complete; they have as many bytes as the summary says.
  static Content read_all(const Json& summary) {
    Content content;
    uint64_t bytes = 0;
    for (const auto& file : summary["files"]) {
      bool complete = false;
      read_into(file, &content, &complete);
      EXPECT_TRUE(complete) << file;
      bytes += fs::file_size(file.get<std::string>());
    }
    EXPECT_EQ(summary["file_bytes"], bytes);
    return content;
  }
  Bytes random(size_t bytes) {
    Bytes out(bytes);
    for (std::byte& b : out) b = static_cast<std::byte>(random_());
    return out;
  }

  Domain domain_;
  std::unique_ptr<Node> node_;
  std::mt19937 random_{7};
};

const Schema kState = {"State",
                       40,
                       {{"on", Type::kBool, 0, 1, ""},
                        {"x", Type::kF32, 4, 3, "m"},
                        {"t", Type::kF64, 16, 1, "s"},
                        {"name", Type::kChar, 24, 16, ""}}};

class EachFormat : public Smtlogger, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Smtlogger, EachFormat, testing::Values("mcap", "h5"),
                         [](const auto& format) { return format.param; });

TEST_P(EachFormat, RecordsEverySampleOfEveryTopicByteByByte) {
  Publisher state = advertise("arm/state", kState), text = advertise("log/text", Schema::string());
  Content published;
  const auto publish = [&](Publisher* to, const std::string& name, const Bytes& value) {
    const int64_t stamp = 1'000'000'000 + static_cast<int64_t>(published[name].size());
    ASSERT_TRUE(to->publish(value, stamp, boottime_ns()).ok());
    published[name].push_back({published[name].size() + 1, stamp, realtime_ns(), 0, value});
  };
  const auto logger = record({}, "a." + GetParam());
  for (int i = 0; i < 3000; ++i) {
    publish(&state, "arm/state", random(40));  // any bits: NaNs, padding, broken text
    if (i % 3 == 0) publish(&text, "log/text", random(i % 50));
  }
  Publisher late = advertise("late", Schema::scalar(Type::kF64));
  publish(&late, "late", random(8));
  const Json summary = finish(logger.get());
  EXPECT_EQ(summary["samples"], 4001);
  EXPECT_EQ(summary["initial"], 0);
  EXPECT_EQ(summary["missed"], 0);
  EXPECT_EQ(summary["left_out"], 0);
  ASSERT_EQ(summary["topics"].size(), 3u);
  EXPECT_EQ(summary["topics"][0]["topic"], "arm/state");
  EXPECT_EQ(summary["topics"][0]["bytes"], 3000 * 40);

  Content content = read_all(summary);
  ASSERT_EQ(content.size(), published.size());
  for (const auto& [name, samples] : published) {
    ASSERT_EQ(content[name].size(), samples.size()) << name;
    for (size_t i = 0; i < samples.size(); ++i) {
      const Recorded& got = content[name][i];
      ASSERT_EQ(got.sequence, samples[i].sequence) << name;
      ASSERT_EQ(got.stamp_ns, samples[i].stamp_ns) << name << " " << i;
      ASSERT_EQ(got.missed, 0u);
      ASSERT_TRUE(got.bytes == samples[i].bytes) << name << " " << i;
      ASSERT_LT(std::abs(got.receive_ns - samples[i].receive_ns), 1'000'000'000) << name << " " << i;
    }
  }
  const Ended info = run({"smtlogger", "info", path("a." + GetParam()), "-f", "json"});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  EXPECT_EQ(Json::parse(info.out)["topics"][0]["samples"], 3000);
  EXPECT_EQ(Json::parse(info.out)["topics"][0]["schema_hash"], kState.hash());
}

TEST_P(EachFormat, ReplayHasTheSameBytesStampsAndSpacing) {
  Publisher state = advertise("arm/state", kState), text = advertise("text", Schema::string());
  const auto logger = record({}, "a." + GetParam());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(state.publish(random(40), 5000 + i, boottime_ns()).ok());
    ASSERT_TRUE(i % 10 != 0 || text.publish(random(i), 6000 + i, boottime_ns()).ok());
    poll(nullptr, 0, 5);
  }
  const Json summary = finish(logger.get());
  Content content = read_all(summary);
  const std::string file = summary["files"][0];
  const auto replayed = [&](const std::string& prefix, const std::vector<std::string>& flags) {
    std::vector<std::string> args = {"smtreplay", file, "--prefix", prefix, "--history", "256"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    Content out;
    for (const auto& [name, samples] : content) {
      Result<Reader> reader = Reader::open(domain_, prefix + "/" + name);
      while (const Sample* s = reader->next()) {
        out[name].push_back(
            {s->sequence, s->stamp_ns, s->written_ns, 0, Bytes(s->bytes.begin(), s->bytes.end())});
      }
    }
    return out;
  };
  Content again = replayed("again", {});
  const std::vector<Recorded>&was = content["arm/state"], &is = again["arm/state"];
  ASSERT_EQ(was.size(), 100u);
  ASSERT_EQ(again["text"].size(), 10u);
  for (const auto& [name, samples] : content) {
    ASSERT_EQ(again[name].size(), samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      EXPECT_EQ(again[name][i].stamp_ns, samples[i].stamp_ns);
      EXPECT_TRUE(again[name][i].bytes == samples[i].bytes) << name << " " << i;
    }
  }
  // Never early; late by what the machine makes of it.
  const int64_t recorded = was[99].receive_ns - was[0].receive_ns,
                played = is[99].receive_ns - is[0].receive_ns;
  EXPECT_GE(played, recorded - 100'000'000);
  EXPECT_LE(played, recorded + 2'000'000'000);
  const int64_t start = std::min(was[0].receive_ns, content["text"][0].receive_ns) + 250'000'000;
  const auto late = [&](const Recorded& r) { return r.receive_ns >= start; };
  Content rest = replayed("rest", {"--asap", "--start", "250ms"});
  EXPECT_EQ(rest["arm/state"].size(), 1 + static_cast<size_t>(std::count_if(was.begin(), was.end(), late)))
      << "with the one that was current then";
  EXPECT_LT(rest["arm/state"].size(), 100u);
}

TEST_F(Smtlogger, ConvertsThereAndBack) {
  Publisher state = advertise("arm/state", kState), text = advertise("text", Schema::string());
  const auto logger = record();
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(state.publish(random(40)).ok());
    ASSERT_TRUE(text.publish(random(i % 60)).ok());
  }
  finish(logger.get());
  Content as[3];
  for (const auto& [from, to] : {std::pair("a.mcap", "b.h5"), std::pair("b.h5", "c.mcap")}) {
    const Ended ended = run({"smtlogger", "convert", path(from), path(to)});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }
  read_into(path("a.mcap"), &as[0]);
  read_into(path("b.h5"), &as[1]);
  read_into(path("c.mcap"), &as[2]);
  ASSERT_EQ(as[0]["text"].size(), 500u);
  EXPECT_TRUE(as[0] == as[1]);
  EXPECT_TRUE(as[1] == as[2]);

  const Ended ended = run({"smtlogger", "convert", path("b.h5"), path("text/")});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("topic text of type string has no fields"));
}

TEST_F(Smtlogger, CountsToTheSampleWhatItCameTooLateFor) {
  Publisher topic = advertise("x", Schema::scalar(Type::kU32), 8);
  const auto publish = [&](uint32_t value) {
    ASSERT_TRUE(topic.publish(std::as_bytes(std::span(&value, 1))).ok());
  };
  for (uint32_t i = 1; i <= 20; ++i) publish(i);  // before it begins: history, and one that is current then
  const auto logger = record();
  ASSERT_TRUE(eventually([&] { return has_a_value(path("a.mcap")); }));
  logger->send(SIGSTOP);
  for (uint32_t i = 21; i <= 1020; ++i) publish(i);
  logger->send(SIGCONT);
  const Json summary = finish(logger.get());
  EXPECT_EQ(summary["samples"].get<int>() + summary["missed"].get<int>(), 1000) << summary;
  EXPECT_EQ(summary["initial"], 1);
  EXPECT_GE(summary["missed"], 980);
  Content content;
  read_into(path("a.mcap"), &content);
  const std::vector<Recorded>& samples = content["x"];
  ASSERT_EQ(samples.size(), summary["samples"].get<size_t>());
  uint64_t missed = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    uint32_t value = 0;
    memcpy(&value, samples[i].bytes.data(), sizeof value);
    EXPECT_EQ(value, samples[i].sequence);
    missed += samples[i].missed;
    EXPECT_EQ(samples[i].sequence - (i == 0 ? 20 : samples[i - 1].sequence) - 1, samples[i].missed);
  }
  EXPECT_EQ(missed, summary["missed"].get<uint64_t>());
}

TEST_P(EachFormat, EventsTellWhatWasMissedWhatCameAndWhatDied) {
  Publisher topic = advertise("x", Schema::scalar(Type::kU32), 8);
  Result<std::unique_ptr<Node>> other = Node::open(domain_, {.name = "other"});
  ASSERT_TRUE(other.ok());
  Result<Publisher> advertised = (*other)->advertise({.name = "brief", .schema = Schema::scalar(Type::kU32)});
  ASSERT_TRUE(advertised.ok());
  std::optional<Publisher> brief(std::move(*advertised));
  const Bytes zero(4);
  ASSERT_TRUE(topic.publish(zero).ok());
  ASSERT_TRUE(brief->publish(zero).ok());
  const auto logger = record({}, "a." + GetParam());
  // It has looked at the topics before anything of them is in the file.
  ASSERT_TRUE(eventually([&] { return has_a_value(path("a." + GetParam())); }));
  logger->send(SIGSTOP);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(topic.publish(zero).ok());
  brief.reset();
  other->reset();
  logger->send(SIGCONT);
  Publisher late = advertise("late", Schema::scalar(Type::kU32));
  ASSERT_TRUE(late.publish(zero).ok());
  const Json summary = finish(logger.get());
  std::vector<Event> events;
  for (const auto& file : summary["files"]) read_events(file, &events);
  EXPECT_EQ(summary["events"], events.size());
  uint64_t missed = 0;
  for (const Event& e : events) {
    if (e.event != "missed") continue;
    EXPECT_EQ(e.topic, "x");
    missed += e.count;
  }
  EXPECT_EQ(missed, 92u);
  EXPECT_EQ(summary["missed"], missed);
  EXPECT_EQ(std::count(events.begin(), events.end(), Event{"brief", "source-dead"}), 1);
  EXPECT_EQ(std::count(events.begin(), events.end(), Event{"late", "appears"}), 1);
}

TEST_F(Smtlogger, CutOffInsideAChunkIsToldByTheExitCode) {
  Publisher topic = advertise("x", Schema::bytes());
  const auto logger = record();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(topic.publish(random(100)).ok());
  finish(logger.get());
  fs::resize_file(path("a.mcap"), size("a.mcap") / 2);
  const Ended torn = run({"smtlogger", "recover", path("a.mcap"), path("b.mcap")});
  EXPECT_EQ(torn.exit_code, 1);
  EXPECT_THAT(torn.err, AllOf(HasSubstr("a.mcap"), HasSubstr("nothing in it can be read")));
  EXPECT_FALSE(fs::exists(path("b.mcap")));
  EXPECT_EQ(run({"smtlogger", "recover", write("text.mcap", "hello, this is no recording"), path("b.mcap")})
                .exit_code,
            2);
  const Ended other = run({"smtlogger", "recover", path("a.mcap"), path("b.h5")});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("of an .mcap file another is made"));
}

TEST_P(EachFormat, FullDiskEndsItWithAGoodFile) {
  const SmallDisk disk(path("small"), "size=3m");
  if (!disk.ok()) GTEST_SKIP() << "needs root for a mount of its own";
  Publisher topic = advertise("noise", Schema::bytes());
  const std::string file = path("small/a." + GetParam());
  Process logger({"smtlogger", "--output", file, "-f", "json"}, env());
  logger.wait_for_error("recording ");
  for (int i = 0; i < 100'000 && !logger.ended(); ++i) {
    ASSERT_TRUE(topic.publish(random(1000)).ok());
    if (i % 2 == 1) poll(nullptr, 0, 1);
  }
  const Ended ended = logger.wait();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(file), HasSubstr(" bytes")));
  const Json summary = Json::parse(ended.out);
  EXPECT_GT(summary["left_out"], 0);
  EXPECT_EQ(run({"smtlogger", "info", file}).exit_code, 0) << "it has its end";
  const Ended recover = run({"smtlogger", "recover", file, path("b." + GetParam())});
  EXPECT_EQ(recover.exit_code, 0) << recover.err;
  Content content;
  read_into(path("b." + GetParam()), &content);
  EXPECT_GT(content["noise"].size(), 500u);
  EXPECT_EQ(content["noise"].size(), summary["samples"].get<size_t>()) << "the summary tells what is there";
  EXPECT_EQ(run({"smtlogger", "info", file}).exit_code, 0) << "and the file has its end";
}

// Parts of a tenth of a second on a disk that has no room or no inode for all of them.
class NextPart : public Smtlogger,
                 public testing::WithParamInterface<std::tuple<std::string, const char*>> {};
INSTANTIATE_TEST_SUITE_P(Smtlogger, NextPart,
                         testing::Combine(testing::Values("mcap", "h5"),
                                          testing::Values("size=1m", "nr_inodes=2", "nr_inodes=4")),
                         [](const auto& chosen) {
                           std::string name = std::get<0>(chosen.param) + "_" + std::get<1>(chosen.param);
                           std::replace(name.begin(), name.end(), '=', '_');
                           return name;
                         });

TEST_P(NextPart, WithoutRoomOrInodeForItEachPartIsWholeAndNoSampleIsUncounted) {
  const auto& [format, options] = GetParam();
  const SmallDisk disk(path("small"), options);
  if (!disk.ok()) GTEST_SKIP() << "needs root for a mount of its own";
  Publisher topic = advertise("x", Schema::bytes());
  Process logger({"smtlogger", "--output", path("small/a." + format), "-f", "json", "--split-time", "100ms"},
                 env());
  logger.wait_for_error("recording ");
  const bool full = std::string(options).starts_with("size");
  uint64_t published = 0;
  const int64_t end = boottime_ns() + (full ? int64_t{kDeadlineMs} * 1'000'000 : 2'000'000'000);
  for (; boottime_ns() < end && !logger.ended(); ++published) {
    ASSERT_TRUE(topic.publish(random(1000)).ok());
    poll(nullptr, 0, 1);
  }
  logger.send(SIGINT);
  const Ended ended = logger.wait();
  EXPECT_EQ(ended.exit_code, full ? 1 : 0) << ended.err;
  const Json summary = Json::parse(ended.out);
  Content content = read_all(summary);
  EXPECT_EQ(content["x"].size(), summary["samples"].get<size_t>());
  for (size_t i = 0; i < content["x"].size(); ++i) ASSERT_EQ(content["x"][i].sequence, i + 1);
  EXPECT_LE(summary["samples"].get<size_t>() + summary["left_out"].get<size_t>(), published);
  if (!full) {
    EXPECT_EQ(content["x"].size(), published) << "it goes on in the last part";
    EXPECT_THAT(ended.err, HasSubstr("recording goes on in "));
  }
}

TEST_P(EachFormat, PartsAreOneRecordingForInfoConvertAndReplay) {
  Publisher topic = advertise("x", Schema::bytes());
  const auto logger = record({"--split-time", "200ms"}, "a." + GetParam());
  uint64_t published = 0;
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 5; ++i, ++published) EXPECT_TRUE(topic.publish(random(10)).ok());
    return fs::exists(path("a.2." + GetParam()));
  }));
  const Json summary = finish(logger.get());
  const std::vector<std::string> files = summary["files"];
  ASSERT_GE(files.size(), 3u);
  fs::rename(files[1], path("another name." + GetParam()));
  const auto info = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> args = {"smtlogger", "info", files[0], "-f", "json"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Ended ended = run(args);
    Json json = Json::parse(ended.out);
    json["exit_code"] = ended.exit_code;
    json["err"] = ended.err;
    return json;
  };
  Json all = info({}), one = info({"--part"});
  const uint64_t events = summary["events"], samples = published + events;
  EXPECT_EQ(all["exit_code"], 0) << all;
  EXPECT_EQ(all["parts"].size(), files.size());
  EXPECT_EQ(all["samples"], samples);
  EXPECT_EQ(one["exit_code"], 0) << one;
  EXPECT_LT(one["samples"], samples);
  const Ended converted = run({"smtlogger", "convert", files[2], path("one.mcap")});
  EXPECT_EQ(converted.exit_code, 0) << converted.err;
  EXPECT_THAT(converted.out, HasSubstr(std::to_string(samples) + " samples from " + files[2] + " and "));
  const Ended replayed = run({"smtreplay", files[0], "--asap", "--prefix", "again"});
  EXPECT_EQ(replayed.exit_code, 0) << replayed.err;
  EXPECT_THAT(replayed.err, HasSubstr(std::to_string(samples) + " samples"));
  EXPECT_EQ(run({"smtreplay", files[0], "--asap", "--prefix", "one", "--part"}).exit_code, 0);

  EXPECT_EQ(all["initial"], 0) << "what a later part begins with is in the part before";
  EXPECT_EQ(info({"--part"})["initial"], 0);
  const Ended last = run({"smtlogger", "info", files.back(), "--part", "-f", "json"});
  EXPECT_EQ(Json::parse(last.out)["initial"], 1) << "and in a part alone";

  fs::remove(path("another name." + GetParam()));
  all = info({});
  EXPECT_EQ(all["exit_code"], 1);
  EXPECT_EQ(all["parts_left_out"], 1);
  EXPECT_THAT(all["err"].get<std::string>(), HasSubstr("part 1 of the recording"));
  const Ended lacking = run({"smtlogger", "convert", files[0], path("gap.mcap")});
  EXPECT_EQ(lacking.exit_code, 1);
  EXPECT_THAT(lacking.out, HasSubstr("1 part missing"));
  const Ended gap = run({"smtreplay", files[0], "--asap", "--prefix", "gap"});
  EXPECT_EQ(gap.exit_code, 1);
  EXPECT_THAT(gap.err, HasSubstr("part 1 of the recording"));
}

TEST_F(Smtlogger, ACopyThatTheDiskHasNoRoomForIsWholeAsFarAsItGoes) {
  Publisher topic = advertise("x", Schema::bytes());
  const auto logger = record();
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(topic.publish(random(1000)).ok());
  finish(logger.get());
  for (const auto& [verb, to] : {std::pair("convert", "b.mcap"), std::pair("recover", "c.mcap")}) {
    std::optional<Process> copy;
    {
      const SizeLimit limited(5'000'000);
      copy.emplace(std::vector<std::string>{"smtlogger", verb, path("a.mcap"), path(to)}, env());
    }
    const Ended ended = copy->wait();
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.err, AllOf(HasSubstr(to), HasSubstr("LimitFSIZE")));
    const Ended info = run({"smtlogger", "info", path(to), "-f", "json"});
    EXPECT_EQ(info.exit_code, 0) << info.err;
    EXPECT_GT(Json::parse(info.out)["topics"][0]["samples"], 1000);
  }
}

TEST_F(Smtlogger, PartsTogetherHaveEverySampleOnce) {
  Publisher topic = advertise("x", Schema::bytes());
  const auto logger = record({"--split-size", "100K"});
  const auto parts = [&] {
    size_t n = 0;
    while (fs::exists(cmd::log_part_path(path("a.mcap"), n))) ++n;
    return n;
  };
  uint64_t published = 0;
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i, ++published) EXPECT_TRUE(topic.publish(random(1000)).ok());
    return parts() >= 3;
  }));
  const Json summary = finish(logger.get());
  ASSERT_EQ(summary["files"].size(), parts());
  Content content = read_all(summary);
  ASSERT_EQ(content["x"].size(), published);
  for (size_t i = 0; i < published; ++i) ASSERT_EQ(content["x"][i].sequence, i + 1);
}

TEST_F(Smtlogger, SaysThatItsFileHasBeenDeletedMeanwhile) {
  Publisher topic = advertise("x", Schema::scalar(Type::kU8));
  const Bytes value(1);
  for (const char* name : {"a.mcap", "b.h5", "quiet.mcap", "quiet.h5"}) {
    const bool quiet = std::string(name).starts_with("quiet");
    Process logger({"smtlogger", "--output", path(name), "--topic", quiet ? "none" : "x"}, env());
    ASSERT_TRUE(eventually([&] {
      EXPECT_TRUE(topic.publish(value).ok());
      return fs::exists(path(name)) && fs::file_size(path(name)) > (quiet ? 100 : 1000);
    }));
    fs::remove(path(name));
    write(name, "somebody else's");
    const Ended ended = logger.wait();  // it ends by itself
    EXPECT_EQ(ended.exit_code, 1) << name;
    EXPECT_THAT(ended.err, HasSubstr(path(name) + " has been deleted while it was written"));
    EXPECT_EQ(size(name), 15u) << "what stands there now is not touched";
  }
}

TEST_F(Smtlogger, BeginsANewPartInTime) {
  Publisher topic = advertise("x", Schema::scalar(Type::kU8));
  const auto logger = record({"--split-time", "100ms"});
  EXPECT_TRUE(eventually([&] { return fs::exists(path("a.2.mcap")); })) << "silence has its parts too";
  EXPECT_GE(finish(logger.get())["files"].size(), 3u);
}

TEST_F(Smtlogger, TakesWhatItsPatternsNameAndFollowsANewSchema) {
  const auto put = [&](const std::string& name, Type type) {
    Publisher p = advertise(name, Schema::scalar(type));
    const Bytes zero(type_bytes(type));
    EXPECT_TRUE(p.publish(zero).ok());
  };
  const auto logger = record({"--topic", "arm/**", "--topic", "leg", "--exclude", "arm/raw/*"});
  put("arm/a", Type::kF64);
  put("arm/raw/b", Type::kF64);
  put("leg", Type::kF64);
  put("head", Type::kF64);
  ASSERT_TRUE(eventually([&] {
    Content now;
    read_into(path("a.mcap"), &now);
    return now.count("leg") != 0;
  })) << "a file that is being recorded can be read";
  put("leg", Type::kU16);
  const Json summary = finish(logger.get());
  Content content;
  read_into(path("a.mcap"), &content);
  ASSERT_EQ(content.size(), 2u);
  EXPECT_EQ(content["arm/a"].size(), 1u);
  ASSERT_EQ(content["leg"].size(), 2u);
  EXPECT_EQ(content["leg"][0].bytes.size(), 8u);
  EXPECT_EQ(content["leg"][1].bytes.size(), 2u);
}

TEST_F(Smtlogger, NothingToRecordIsACompleteFileToo) {
  const Ended ended =
      run({"smtlogger", "--domain", "nobody", "--output", path("a.mcap"), "--duration", "100ms"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("0 topics, 0 samples, 0 missed"));
  EXPECT_EQ(run({"smtlogger", "info", path("a.mcap")}).exit_code, 0);
}

TEST_F(Smtlogger, WhatItCannotDoItSaysAtOnce) {
  write("there.mcap", "precious");
  const std::pair<std::vector<std::string>, std::string> kTable[] = {
      {{"smtlogger"}, "--output"},
      {{"smtlogger", "--output", path("a.txt")}, ".mcap"},
      {{"smtlogger", "--output", path("there.mcap")}, "is there already"},
      {{"smtlogger", "--output", path("no/folder/a.mcap")}, "no such folder"},
      {{"smtlogger", "info", path("a.txt")}, ".mcap"},
      {{"smtlogger", "info", path("none.mcap")}, "none.mcap"},
      {{"smtlogger", "--output", path("a.mcap"), "--topic", "re:("}, "re:("}};
  for (const auto& [args, text] : kTable) {
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 2) << text;
    EXPECT_THAT(ended.err, HasSubstr(text));
  }
  EXPECT_EQ(size("there.mcap"), 8u);
}

}  // namespace
}  // namespace smt::tools
