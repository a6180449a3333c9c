// smt-api-builder and what it refuses.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "cmd/api/emit.h"
#include "cmd/api/parse.h"
#include "shm/node.h"
#include "tests/paths.h"
#include "tests/text.h"
#include "tests/tools/broken_apis.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kExample = source_path("docs/examples/rover.xml");

size_t count_files(const std::string& folder) {
  return std::distance(fs::recursive_directory_iterator(folder), fs::recursive_directory_iterator());
}

class SmtApiBuilder : public ToolTest {
 protected:
  // Writes all four outputs into root/<folder>.
  Ended build(const std::string& file, const std::string& folder, std::vector<std::string> more = {}) const {
    const std::string to = root_ + "/" + folder;
    fs::create_directories(to);
    std::vector<std::string> args = {
        "smt-api-builder", file,       "--cpp",      to + "/a.h", "--c",
        to + "/a_c.h",     "--python", to + "/a.py", "--json",    to + "/a.json"};
    args.insert(args.end(), more.begin(), more.end());
    return run(args);
  }
  std::string output(const std::string& name) const { return contents(root_ + "/" + name); }
  // Whether the file obeys docs/<xsd>.
  bool valid(const std::string& xsd, const std::string& file) const {
    const std::string command = "xmllint --noout --schema " + source_path("docs/" + xsd) + " " + file + " >" +
                                root_ + "/xmllint 2>&1";
    return std::system(command.c_str()) == 0;
  }
};

TEST_F(SmtApiBuilder, RefusesEachBrokenFileAtTheRightPlace) {
  for (const BrokenXml& broken : kBrokenApis) {
    const std::string path = write("broken.xml", broken.text);
    const Ended ended = run({"smt-api-builder", path, "--cpp", root_ + "/out.h"});
    EXPECT_EQ(ended.exit_code, 2) << broken.text;
    EXPECT_THAT(ended.err, HasSubstr(path + ":" + broken.place + ": ")) << broken.text;
    EXPECT_THAT(ended.err, HasSubstr(broken.message)) << broken.text;
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << broken.text << ended.err;
    EXPECT_FALSE(fs::exists(root_ + "/out.h")) << broken.text;
  }
}

TEST_F(SmtApiBuilder, TellsAllErrorsUpTo20) {
  std::string fields;
  for (int i = 0; i < 25; ++i) fields += "<field name='x" + std::to_string(i) + "' type='f65'/>\n";
  const Ended ended = run({"smt-api-builder", write("broken.xml", in_struct(fields)), "--check"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 21);
  EXPECT_THAT(ended.err, HasSubstr("broken.xml:22:24: type: "));
  EXPECT_THAT(ended.err, HasSubstr("\nand 5 more errors\n"));
}

TEST_F(SmtApiBuilder, LeavesEveryOutputAsItWasWhenSomethingIsWrong) {
  ASSERT_EQ(build(kExample, "out").exit_code, 0);
  const std::string before = output("out/a.h");
  const size_t files = count_files(root_);
  EXPECT_EQ(build(source_path("docs/api.xsd"), "out").exit_code, 2);
  EXPECT_EQ(build("/nonexistent/x.xml", "out").exit_code, 2);
  EXPECT_EQ(count_files(root_), files);
  // The last of several outputs cannot be written: none is.
  std::string other = contents(kExample);
  other.replace(other.find("MAX_SPEED"), 9, "TOP_SPEED");
  const std::string path = write("other.xml", other);
  const Ended ended =
      run({"smt-api-builder", path, "--cpp", root_ + "/out/a.h", "--json", root_ + "/no/a.json"});
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("cannot write " + root_ + "/no/a.json"));
  EXPECT_EQ(output("out/a.h"), before);
  EXPECT_EQ(count_files(root_), files + 1);
}

TEST_F(SmtApiBuilder, GivesTheSameBytesForTheSameFileWhereverItLies) {
  ASSERT_EQ(build(kExample, "one").exit_code, 0);
  ASSERT_EQ(build(write("elsewhere/rover.xml", contents(kExample)), "two").exit_code, 0);
  for (const char* name : {"/a.h", "/a_c.h", "/a.py", "/a.json"}) {
    const std::string text = output(std::string("one") + name);
    EXPECT_GT(text.size(), 1000u) << name;
    EXPECT_EQ(text, output(std::string("two") + name)) << name;
    EXPECT_THAT(text, HasSubstr("rover.xml")) << name;
  }
  ASSERT_EQ(std::system(("sha256sum " + kExample + " | cut -d' ' -f1 >" + root_ + "/sha").c_str()), 0);
  EXPECT_THAT(output("one/a.h"), HasSubstr("// sha256 " + output("sha")));
}

TEST_F(SmtApiBuilder, CarriesUnitsRangesAndCommentsIntoEachOutput) {
  ASSERT_EQ(build(kExample, "out").exit_code, 0);
  EXPECT_THAT(output("out/a.h"),
              HasSubstr("double yaw;  // rad, -3.15 to 3.15; counterclockwise from east\n"));
  EXPECT_THAT(output("out/a_c.h"),
              HasSubstr("double yaw;  // rad, -3.15 to 3.15; counterclockwise from east\n"));
  EXPECT_THAT(output("out/a.py"),
              HasSubstr("yaw: float = 0.0  # rad, -3.15 to 3.15; counterclockwise from east\n"));
  EXPECT_THAT(output("out/a.py"), HasSubstr("_Field(\"yaw\", \"d\", 16, None, \"rad\", -3.15, 3.15)"));
  const auto json = Json::parse(output("out/a.json"));
  EXPECT_EQ(
      json["topics"][1]["fields"][2],
      Json::parse(R"({"name":"yaw","type":"f64","offset":16,"count":1,"unit":"rad","min":-3.15,"max":3.15,
                            "comment":"counterclockwise from east"})"));
}

TEST_F(SmtApiBuilder, DoesNotTouchAnOutputThatIsUpToDate) {
  ASSERT_EQ(build(kExample, "out").exit_code, 0);
  const std::string path = root_ + "/out/a.h";
  const auto long_ago = fs::last_write_time(path) - std::chrono::hours(1);
  fs::last_write_time(path, long_ago);
  ASSERT_EQ(build(kExample, "out").exit_code, 0);
  EXPECT_EQ(fs::last_write_time(path), long_ago);
}

TEST_F(SmtApiBuilder, ChecksWithoutWriting) {
  const Ended alone = run({"smt-api-builder", kExample, "--check"});
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_EQ(alone.out, "ok " + kExample + ": 2 constants, 1 enums, 3 structs, 2 topics\n");
  const Ended missing = build(kExample, "out", {"--check"});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_THAT(missing.err, HasSubstr("/out/a.h is not what the description gives"));
  EXPECT_TRUE(fs::is_empty(root_ + "/out"));
  ASSERT_EQ(build(kExample, "out").exit_code, 0);
  EXPECT_EQ(build(kExample, "out", {"--check"}).exit_code, 0);
  EXPECT_EQ(build(kExample, "out", {"--check", "--namespace", "nasa::rover"}).exit_code, 5);
}

TEST_F(SmtApiBuilder, RefusesRequestsThatMakeNoSense) {
  const std::string copy = write("rover.xml", contents(kExample));
  const std::pair<std::vector<std::string>, const char*> kTable[] = {
      {{copy}, "nothing to write; give --cpp"},
      {{copy, "--cpp", root_ + "/a", "--c", root_ + "/./a"}, "is there twice"},
      {{copy, "--cpp", copy}, "is there twice"},
      {{copy, "--check", "--namespace", "a::"}, "--namespace: the name is empty"},
      {{copy, "--check", "--namespace", "a::std"}, "the code that is generated needs it"},
      {{copy, "--check", "--namespace", "link::a"}, "--namespace: \"link\": headers of C declare it"},
      {{copy, "--c", "-", "--cpp", "-"}, "- is there twice"},
      {{copy, "--check", "--c", "-"}, "- is no file; --check compares files"},
      {{copy, "--check", "--c", "/dev/null"}, "/dev/null is no file; --check compares files"},
      {{root_, "--check"}, "is no regular file"},
      {{}, "FILE is required"},
  };
  for (const auto& [args, message] : kTable) {
    std::vector<std::string> all = {"smt-api-builder"};
    all.insert(all.end(), args.begin(), args.end());
    const Ended ended = run(all);
    EXPECT_EQ(ended.exit_code, 2) << message;
    EXPECT_THAT(ended.err, HasSubstr(message));
  }
  EXPECT_EQ(output("rover.xml"), contents(kExample));
}

TEST_F(SmtApiBuilder, TellsEachNameThatHeadersOfCOwn) {
  const std::string path = write("names.xml", R"(<api name="link" version="1">
  <constant name="INT_MAX" type="u32" value="4"/>
  <enum name="Fault" type="u8"><value name="OK" value="0"/><value name="EIO" value="1"/></enum>
  <struct name="S"><field name="PATH_MAX" type="f32"/></struct>
  <topic name="t/s" type="S"/>
</api>)");
  const Ended ended = run({"smt-api-builder", path, "--check"});
  EXPECT_EQ(ended.exit_code, 2);
  for (const char* place : {":1:11: name: \"link\"", ":2:18: name: \"INT_MAX\"", ":3:72: name: \"EIO\"",
                            ":4:32: name: \"PATH_MAX\""}) {
    EXPECT_THAT(ended.err, HasSubstr(path + place));
  }
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 4) << ended.err;
}

// Inside a namespace, or as a member, C++ tells them apart; in C they have a prefix.
TEST_F(SmtApiBuilder, LeavesNamesThatHeadersOnlyDeclareToMembersTypesAndConstants) {
  const std::string path = write("names.xml", R"(<api name="rover" version="1">
  <constant name="signal" type="u32" value="4"/>
  <enum name="select" type="u8"><value name="sync" value="0"/></enum>
  <struct name="stat"><field name="time" type="f32"/><field name="index" type="u8"/></struct>
  <topic name="log" type="stat"/>
</api>)");
  EXPECT_EQ(run({"smt-api-builder", path, "--check"}).err, "");
}

// What both generators do alike.
struct Generator {
  const char *tool, *example;
};
void PrintTo(const Generator& generator, std::ostream* out) { *out << generator.tool; }
class EachGenerator : public SmtApiBuilder, public testing::WithParamInterface<Generator> {
 protected:
  const std::string tool_ = GetParam().tool, example_ = source_path(GetParam().example);
  Ended build(std::vector<std::string> outputs, const Process::Options& options) const {
    outputs.insert(outputs.begin(), {tool_, example_});
    return run_process(outputs, options);
  }
  Ended build(const std::vector<std::string>& outputs) const { return build(outputs, env()); }
  // What --c gives.
  std::string header() const {
    EXPECT_EQ(build({"--c", root_ + "/plain.h"}).exit_code, 0);
    return contents(root_ + "/plain.h");
  }
};
INSTANTIATE_TEST_SUITE_P(SmtApiBuilder, EachGenerator,
                         testing::Values(Generator{"smt-api-builder", "docs/examples/rover.xml"},
                                         Generator{"smt-register-builder", "docs/examples/motor.xml"}),
                         [](const auto& generator) {
                           return generator.index == 0 ? "SmtApiBuilder" : "SmtRegisterBuilder";
                         });

TEST_P(EachGenerator, FollowsASymbolicLinkAndKeepsWhatItReplacesAsItWas) {
  const std::string old = write("there/old.h", "old");
  fs::permissions(old, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  fs::create_symlink("there/old.h", root_ + "/link");
  fs::create_symlink(root_ + "/link", root_ + "/link2");
  fs::create_symlink("there/new.h", root_ + "/to_nothing");
  const std::string text = header();
  const size_t files = count_files(root_);
  const Ended ended = build({"--c", root_ + "/link2", "--json", root_ + "/to_nothing"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(fs::is_symlink(root_ + "/link") && fs::is_symlink(root_ + "/link2"));
  EXPECT_EQ(fs::read_symlink(root_ + "/to_nothing"), "there/new.h");
  EXPECT_EQ(contents(old), text);
  EXPECT_EQ(fs::status(old).permissions(), fs::perms(0640));
  EXPECT_GT(fs::file_size(root_ + "/there/new.h"), 1000u);
  EXPECT_EQ(count_files(root_), files + 1);  // new.h
  EXPECT_EQ(build({"--c", old, "--json", root_ + "/link"}).exit_code, 2) << "they are one file";
}

TEST_P(EachGenerator, WritesIntoAFifoAndReplacesNoDevice) {
  const std::string fifo = root_ + "/fifo", null = root_ + "/null", device = root_ + "/device";
  const std::string zero = root_ + "/zero";  // that takes any text and gives zeros without an end
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  fs::create_symlink("/dev/null", null);
  fs::create_symlink("/dev/zero", zero);
  // Open for reading before the generator opens it, and with room for all of the text.
  const Fd reader(open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_GE(fcntl(reader.get(), F_SETPIPE_SZ, 1 << 18), 1 << 18);
  std::vector<std::string> outputs = {"--c", fifo, "--cpp", null, "--python", zero};
  const bool has_device = mknod(device.c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0 &&
                          Fd(open(device.c_str(), O_WRONLY | O_CLOEXEC)).ok();
  if (has_device) outputs.insert(outputs.end(), {"--json", device});
  const Ended ended = build(outputs);
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_TRUE(fs::is_symlink(null) && fs::is_symlink(zero));
  EXPECT_TRUE(!has_device || fs::is_character_file(device));
  std::string got(1 << 18, '\0');
  got.resize(static_cast<size_t>(std::max<ssize_t>(read(reader.get(), got.data(), got.size()), 0)));
  EXPECT_EQ(got, header());
}

TEST_P(EachGenerator, LeavesFilesAsTheyWereWhereADeviceIsFull) {
  fs::create_symlink("/dev/full", root_ + "/full");
  const std::string old = write("old.h", "old");
  const size_t files = count_files(root_);
  const Fd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  Process::Options to_full = env();
  to_full.stdout_fd = full.get();
  const std::pair<std::string, std::string> kTable[] = {{root_ + "/full", root_ + "/full"},
                                                        {"-", "standard output"}};
  for (const auto& [path, shown] : kTable) {
    const Ended ended = build({"--c", old, "--cpp", path}, to_full);
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_EQ(ended.err, tool_ + ": error: cannot write " + shown + ": No space left on device\n");
    EXPECT_EQ(contents(old), "old");
    EXPECT_TRUE(fs::is_symlink(root_ + "/full"));
    EXPECT_EQ(count_files(root_), files);
  }
}

TEST_P(EachGenerator, WritesToStandardOutputWhereThatIsAsked) {
  const std::string text = header();
  for (const char* path : {"-", "/dev/stdout", "/dev/fd/1"}) {
    const Ended ended = build({"--c", path, "--json", root_ + "/out.json"});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(ended.out, text) << path;
    EXPECT_EQ(ended.err, "");
    EXPECT_FALSE(fs::exists("-"));
    // A file behind it is what is written to, at its end.
    const std::string log = write("log", "before\n");
    const Fd end(open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    Process::Options options = env();
    options.stdout_fd = end.get();
    EXPECT_EQ(build({"--c", path}, options).exit_code, 0);
    EXPECT_EQ(contents(log), "before\n" + text) << path;
  }
}

TEST_P(EachGenerator, ReadsNothingWithoutAnEnd) {
  const std::string fifo = root_ + "/fifo", huge = write("huge.xml", "<api>");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  fs::resize_file(huge, uint64_t{1} << 40);  // of holes
  const std::pair<std::string, const char*> kTable[] = {
      {"/dev/zero", "/dev/zero: is no regular file"},
      {"/dev/full", "/dev/full: is no regular file"},
      {fifo, "fifo: is no regular file"},
      {huge, "huge.xml:1:1: the file has more than 1 MiB"},
  };
  for (const auto& [path, message] : kTable) {
    const Ended ended = run({tool_, path, "--check"});
    EXPECT_EQ(ended.exit_code, 2) << path;
    EXPECT_THAT(ended.err, HasSubstr(message));
  }
  // Nor as an output that is compared with what the description gives.
  EXPECT_EQ(build({"--c", huge, "--check"}).exit_code, 5);
  EXPECT_EQ(build({"--c", huge}).exit_code, 0);
  EXPECT_EQ(contents(huge), header());
}

TEST_F(SmtApiBuilder, ExampleObeysTheSchemaAndABrokenOneDoesNot) {
  EXPECT_TRUE(valid("api.xsd", kExample)) << output("xmllint");
  EXPECT_FALSE(valid("api.xsd", write("broken.xml", in_struct("<field name='x' typ='f64'/>"))));
  EXPECT_FALSE(valid("api.xsd", write("broken.xml", in_struct("<field name='x__y' type='f64'/>"))));
  EXPECT_FALSE(valid("api.xsd", write("broken.xml", in_api("<enum name='E' type='f32'/>"))));
  EXPECT_TRUE(valid("api.xsd", write("good.xml", in_struct("<field name='x' type='f64'/>"))))
      << output("xmllint");
}

// What is cut off or garbled is refused or means something else; it never does harm (a sanitizer would tell).
TEST_F(SmtApiBuilder, ReadsOrRefusesWhateverIsInTheFile) {
  const std::string good = contents(kExample);
  std::mt19937 random(1);
  size_t refused = 0, read = 0;
  const auto attempt = [&](const std::string& text) {
    cmd::ConfigErrors errors;
    const auto file = cmd::api::XmlFile::open(write("any.xml", text), &errors);
    if (!file) return void(++refused);
    const cmd::api::Api api = cmd::api::parse_api(*file, "");
    if (!errors.empty()) return void(++refused);
    ++read;
    EXPECT_FALSE(cmd::api::emit_cpp(api).empty() || cmd::api::emit_python(api).empty());
  };
  for (size_t n = 0; n <= good.rfind('>'); n += 3) attempt(good.substr(0, n));
  EXPECT_EQ(read, 0u);
  for (int i = 0; i < 2000; ++i) {
    std::string text = good;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      text[random() % text.size()] = "<>/='\"&; \n0aS9.-\xc3\0"[random() % 18];
    }
    attempt(text);
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(read, 50u);
}

using Registers = SmtApiBuilder;

TEST_F(Registers, EchoTellsWhatTheirBitsMean) {
  const std::string file = source_path("docs/examples/motor.xml");
  cmd::ConfigErrors errors;
  const auto xml = cmd::api::XmlFile::open(file, &errors);
  ASSERT_TRUE(xml);
  const cmd::api::Api api = cmd::api::parse_registers(*xml, "");
  ASSERT_TRUE(errors.empty());
  TopicOptions topic;
  topic.name = "right_arm/j2/registers";
  topic.schema = cmd::api::schema_of(api, api.structs[api.maps[0].of_struct]);
  std::vector<std::byte> value(topic.schema.size);
  const auto set = [&](const std::string& name, uint64_t bits) {
    for (const Field& field : topic.schema.fields)
      if (field.name == name) memcpy(value.data() + field.offset, &bits, type_bytes(field.type));
  };
  set("Command", 0xf01);     // enable; gain -1
  set("Faults", 0x82);       // over_temperature, encoder
  set("Status", 0x82'f832);  // RUNNING, -1.25 A, 25 C
  set("Torque", 0xfff6);     // -1.25 N.m
  set("Ticks", ~uint64_t{0});
  Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = "arm"});
  ASSERT_TRUE(node.ok());
  Result<Publisher> publisher = (*node)->advertise(topic);
  ASSERT_TRUE(publisher.ok()) << publisher.status().message();
  ASSERT_TRUE(publisher->publish(value).ok());
  const Ended table = run({"smttopic", "echo", topic.name, "--once", "--registers", file});
  for (const char* line :
       {"\n  Command: 3841\n  Command.enable: true\n  Command.clear_faults: false\n  Command.gain: -1\n",
        "\n  Faults.over_temperature: true\n  Faults.encoder: true\n", "\n  Status.state: RUNNING\n",
        "\n  Status.current: -1.25 A\n", "\n  Status.temperature: 25.0 C\n",
        "\n  Torque: 65526\n  Torque.value: -1.25 N.m\n", "\n  Ticks.value: -1\n"}) {
    EXPECT_THAT(table.out, HasSubstr(line)) << table.err;
  }
  const Ended json = run(
      {"smttopic", "echo", topic.name, "--once", "--registers", file, "-f", "jsonl", "--field", "Status"});
  EXPECT_EQ(Json::parse(json.out)["value"]["Status.state"], "RUNNING") << json.out;
  // A state without a name, and a topic that is no such map.
  set("Status", 7);
  ASSERT_TRUE(publisher->publish(value).ok());
  EXPECT_THAT(run({"smttopic", "echo", topic.name, "--once", "--registers", file}).out,
              HasSubstr("\n  Status.state: 7\n"));
  run({"smttopic", "pub", "other", "u8", "1"});
  const Ended other = run({"smttopic", "echo", "other", "--once", "--registers", file});
  EXPECT_THAT(other.err, HasSubstr("other: no map of " + file));
  EXPECT_THAT(other.out, HasSubstr("value: 1"));
  const Ended broken = run(
      {"smttopic", "echo", "other", "--once", "--registers", write("broken.xml", "<registers name='x'/>")});
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.err, HasSubstr("broken.xml:1:"));
}

}  // namespace
}  // namespace smt::tools
