// What users and neighbours do wrong: one table of the situation, the command, the exit code and the sentence
// on stderr. After each row a good topic in the same domain still lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include "shm/layout.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Changes the domain folder before the command.
using Prepare = std::function<void(const std::string& folder)>;

void overwrite(const fs::path& path, uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

// The good node's segment once more, as node "bad".
fs::path copy_good_segment(const fs::path& folder) {
  fs::copy_file(folder / "good", folder / "bad");
  fs::permissions(folder / "bad", fs::perms::owner_read | fs::perms::owner_write);
  overwrite(folder / "bad", offsetof(layout::Header, node), std::string("bad\0", 5));
  return folder / "bad";
}

void wrong_version(const std::string& folder) {
  overwrite(copy_good_segment(folder), offsetof(layout::Header, version), std::string("\x63\0\0\0", 4));
}
void wrong_magic(const std::string& folder) {
  overwrite(copy_good_segment(folder), 0, "not a segment at all");
}
void truncated(const std::string& folder) { fs::resize_file(copy_good_segment(folder), 5000); }
void make_empty(const std::string& folder) { fs::resize_file(copy_good_segment(folder), 0); }
void scribbled_header(const std::string& folder) {
  overwrite(copy_good_segment(folder), offsetof(layout::Header, reserved), std::string(256, '\xff'));
}
void scribbled_directory(const std::string& folder) {
  overwrite(copy_good_segment(folder), layout::kHeaderBytes, std::string(60000, '\xff'));
}
void make_symlink(const std::string& folder) { fs::create_symlink("good", folder + "/bad"); }
void hard_link(const std::string& folder) {
  fs::create_hard_link(copy_good_segment(folder), folder + "/other");
}

struct ToolRow {
  const char* name;  // of the test, too
  std::vector<std::string> args;
  int exit_code;
  const char* message;
  Prepare prepare = {};
};

const std::string kBrackets = std::string(50'000, '[') + std::string(50'000, ']');
const std::string kBranches = [] {
  std::string pattern = "**";
  for (int i = 0; i < 20'000; ++i) pattern += "/**";
  return pattern;
}();

const ToolRow kToolTable[] = {
    {"unknown topic, info", {"smttopic", "info", "no/such"}, 4, "no topic no/such in "},
    {"unknown topic, rm", {"smttopic", "rm", "no/such"}, 4, "no topic no/such in "},
    {"unknown topic, echo", {"smttopic", "echo", "--once", "no/such"}, 4, "no topic matches no/such in "},
    {"unknown domain, info", {"smttopic", "info", "good", "--domain", "elsewhere"}, 4, "no folder "},
    {"bad topic name, pub", {"smttopic", "pub", "a//b", "u8", "1"}, 2, "topic name 'a//b': an empty segment"},
    {"bad topic name, info", {"smttopic", "info", "a/*"}, 2, "'*' is for patterns only"},
    {"bad topic name, sine", {"smtsinewave", "/a", "-n", "1"}, 2, "topic name '/a'"},
    {"topic name too long",
     {"smttopic", "pub", std::string(256, 'a'), "u8", "1"},
     2,
     "longer than 255 bytes"},
    {"bad domain name", {"smttopic", "list", "--domain", "../x"}, 2, "domain name '../x'"},
    {"bad node name", {"smttopic", "pub", "x", "u8", "1", "--node", ".x"}, 2, "node name '.x'"},
    {"bell as node name", {"smtsinewave", "x", "-n", "1", "--node", "a.bell"}, 2, "may not end in '.bell'"},
    {"unknown group", {"smttopic", "list", "--group", "no-such-group-here"}, 2, "no such group"},
    {"bad pattern", {"smttopic", "echo", "a//b"}, 2, "pattern \"a//b\": empty segment"},
    {"bad expression", {"smttopic", "list", "re:["}, 2, "pattern \"re:[\": missing ]"},
    {"bad pattern, hz", {"smttopic", "hz", "a**"}, 2, "whole segments"},
    {"no verb", {"smttopic"}, 2, "which verb? list, find, info, echo"},
    {"unknown verb", {"smttopic", "lits"}, 2, "lits"},
    {"unknown flag", {"smttopic", "list", "--bad"}, 2, "--bad"},
    {"missing argument", {"smttopic", "pub", "x", "u8"}, 2, "VALUE is required"},
    {"bad format", {"smttopic", "list", "-f", "xml"}, 2, "xml"},
    {"bad log level", {"smttopic", "list", "--log", "loud"}, 2, "loud"},
    {"bad duration", {"smttopic", "echo", "good", "--timeout", "5x"}, 2, "\"5x\" is no duration"},
    {"bad count", {"smttopic", "echo", "good", "-n", "-1"}, 2, "--count"},
    {"bad segment size",
     {"smttopic", "pub", "x", "u8", "1", "--segment-size", "64Q"},
     2,
     "--segment-size: \"64Q\" is no number of bytes; write 64M"},
    {"bad type", {"smttopic", "pub", "x", "float", "1"}, 2, "float"},
    {"value not JSON",
     {"smttopic", "pub", "x", "string", "hello"},
     2,
     "value hello is not JSON at column 1, where hello stands; text needs quotes"},
    {"value out of range", {"smttopic", "pub", "x", "u8", "300"}, 2, "300 is out of range of u8"},
    {"value of another length", {"smttopic", "pub", "x", "f64[3]", "[1,2]"}, 2, "the array has 2 elements"},
    {"value of another kind", {"smttopic", "pub", "x", "f64", "true"}, 2, "true is not a number"},
    {"value that ends too early",
     {"smttopic", "pub", "x", "f64[3]", "[1,2"},
     2,
     "[1,2 is not JSON: it ends before"},
    {"value of Python",
     {"smttopic", "pub", "x", "f64", "NaN"},
     2,
     "column 1, where NaN stands; write \"nan\""},
    {"value beyond f64",
     {"smttopic", "pub", "x", "f64", "1e999"},
     2,
     "a number that is out of the range of f64"},
    {"nested brackets, pub",
     {"smttopic", "pub", "x", "f64", kBrackets},
     2,
     "nests brackets more than 64 deep"},
    {"nested brackets without a type", {"smttopic", "pub", "good", kBrackets}, 2, "more than 64 deep"},
    {"nested brackets, set",
     {"smtrelay_client", "--connect", "tcp://127.0.0.1:1", "set", "x", kBrackets},
     2,
     "more than 64 deep"},
    {"nested parentheses, filter",
     {"smttopic", "echo", "x", "--filter", std::string(50'000, '(')},
     2,
     "a filter of 50000 bytes; 4096 are the most"},
    {"nested parentheses, pattern", {"smttopic", "list", "re:" + std::string(500, '(')}, 2, "missing )"},
    {"nested parentheses, long pattern",
     {"smttopic", "list", "re:" + std::string(50'000, '(')},
     2,
     "is longer than 1024 bytes"},
    {"nested segments of a pattern", {"smttopic", "list", kBranches}, 2, "is longer than 1024 bytes"},
    {"nested brackets of a type", {"smttopic", "pub", "x", "f64" + kBrackets, "1"}, 2, "unknown type"},
    {"type mismatch, pub",
     {"smttopic", "pub", "good", "i32", "1", "--node", "n"},
     5,
     "topic good of node good has type f64, not i32"},
    {"rate zero", {"smtsinewave", "x", "--rate", "0"}, 2, "--rate"},
    {"sine of text", {"smtsinewave", "x", "--type", "string"}, 2, "type string is no number"},
    {"replay of nothing", {"smtreplay", "/no/such/folder"}, 2, "no folder /no/such/folder"},
    {"replay of a device", {"smtreplay", "/dev/null"}, 2, "/dev/null is no regular file"},
    {"fingerprint of what has no end",
     {"smtrelay_keygen", "--fingerprint", "/dev/zero"},
     2,
     "/dev/zero is larger than 64 KiB: no file of keys"},
    {"replay at two speeds", {"smtreplay", "/tmp", "--asap", "--speed", "2"}, 2, "excludes"},
    {"replay at no speed", {"smtreplay", "/tmp", "--speed", "0"}, 2, "--speed"},
    {"replay prefix", {"smtreplay", "/tmp", "--prefix", "a//b"}, 2, "an empty segment"},
    {"segment of another version", {"smttopic", "list"}, 0, "bad has layout version 99", wrong_version},
    {"segment that is none", {"smttopic", "list"}, 0, "it does not begin with SSMTSEG1", wrong_magic},
    {"truncated segment", {"smttopic", "list"}, 0, "it has 5000 bytes, its header says 1048576", truncated},
    {"empty file for a segment", {"smttopic", "list"}, 0, "it has 0 bytes, less than a header", make_empty},
    {"scribbled header", {"smttopic", "list"}, 0, "bad: ", scribbled_header},
    {"scribbled directory", {"smttopic", "list"}, 0, "bad: ", scribbled_directory},
    {"symbolic link for a segment", {"smttopic", "list"}, 0, "bad is a symbolic link", make_symlink},
    {"hard link of a segment", {"smttopic", "list"}, 0, "bad: ", hard_link},
    {"bad segment, echo", {"smttopic", "echo", "good", "-n", "1"}, 0, "bad: ", wrong_version},
    {"bad segment, hz", {"smttopic", "hz", "good", "--duration", "20ms"}, 0, "bad: ", scribbled_directory},
};

void PrintTo(const ToolRow& row, std::ostream* out) { *out << row.name; }

class BadInput : public ToolTest, public testing::WithParamInterface<ToolRow> {
 protected:
  void SetUp() override {
    const Ended good = run({"smtsinewave", "good", "-n", "1", "--node", "good", "--segment-size", "1M"});
    ASSERT_EQ(good.exit_code, 0) << good.err;
  }
  void expect_good_topic_listed() const {
    const Ended list = run({"smttopic", "list", "good", "-f", "csv"});
    EXPECT_EQ(list.exit_code, 0);
    EXPECT_THAT(list.out, HasSubstr("\ngood,f64,")) << list.err;
  }
};

TEST_P(BadInput, IsToldAndHarmsNothingElse) {
  const ToolRow& row = GetParam();
  if (row.prepare) row.prepare(folder());
  const Ended ended = run(row.args);
  EXPECT_EQ(ended.exit_code, row.exit_code) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(row.message));
  EXPECT_THAT(ended.err, testing::StartsWith(row.args[0] + ": ")) << "the tool tells who it is";
  expect_good_topic_listed();
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, testing::ValuesIn(kToolTable), [](const auto& row) {
  std::string name = row.param.name;
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST_F(ToolTest, RefusesADomainFolderThatIsASymbolicLink) {
  fs::create_directory(root_ + "/real");
  fs::create_symlink("real", folder());
  const Ended list = run({"smttopic", "list"});
  EXPECT_EQ(list.exit_code, 6) << list.err;
  EXPECT_THAT(list.err, HasSubstr("symbolic link"));
}

TEST_F(ToolTest, RefusesADomainFolderThatItMayNotRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every folder; run as another user";
  fs::create_directory(folder());
  fs::permissions(folder(), fs::perms::none);
  const Ended list = run({"smttopic", "list"});
  fs::permissions(folder(), fs::perms::owner_all);
  EXPECT_EQ(list.exit_code, 6) << list.err;
  EXPECT_THAT(list.err, HasSubstr(folder()));
}

TEST_F(ToolTest, LetsRootLookIntoAFolderOfSomebodyElseAndWriteNothingThere) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away; run as root";
  fs::create_directory(folder());
  ASSERT_EQ(chmod(folder().c_str(), 0700), 0);
  ASSERT_EQ(chown(folder().c_str(), 65534, 65534), 0);
  EXPECT_EQ(run({"smttopic", "list"}).exit_code, 0);
  const Ended pub = run({"smttopic", "pub", "x", "u8", "1"});
  EXPECT_EQ(pub.exit_code, 6);
  EXPECT_THAT(pub.err, HasSubstr(folder() + " belongs to user 65534"));
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(ToolTest, RefusesARootFolderOfSomebodyElse) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a folder away; run as root";
  ASSERT_EQ(chown(root_.c_str(), 65534, 65534), 0);
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"smttopic", "list"}, {"smttopic", "pub", "x", "u8", "1"}}) {
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 6);
    EXPECT_THAT(ended.err, HasSubstr(root_ + " belongs to user 65534"));
  }
}

TEST_F(ToolTest, RefusesADomainFolderThatOthersMayWrite) {
  fs::create_directory(folder());
  ASSERT_EQ(chmod(folder().c_str(), 0777), 0);
  const Ended list = run({"smttopic", "list"});
  EXPECT_EQ(list.exit_code, 6);
  EXPECT_THAT(list.err, HasSubstr(folder() + " has rights 00777"));
}

TEST_F(ToolTest, RefusesANodeNameThatIsTaken) {
  Process sine({"smtsinewave", "x", "--node", "n"}, env());
  ASSERT_TRUE(eventually([&] { return run({"smttopic", "info", "x"}).exit_code == 0; }));
  const Ended second = run({"smtsinewave", "y", "--node", "n", "-n", "1"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("pid " + std::to_string(sine.pid())));
  EXPECT_THAT(run({"smttopic", "list"}).out, HasSubstr("fresh"));
}

TEST_F(ToolTest, RefusesFilesThatNestWithoutEnd) {
  std::string opened, closed, arrays, tables, keys;
  for (int i = 0; i < 50'000; ++i) {
    opened += "<a>\n";
    closed += "</a>\n";
    arrays += "[\n";
    tables += "{a = ";
    keys += "a.";
  }
  const std::string version = "version = 1\n", open_xml = write("open.xml", opened),
                    whole_xml = write("whole.xml", opened + closed),
                    api_xml = write("api.xml", "<api name='a' version='1'>\n" + opened + closed + "</api>\n");
  const std::vector<std::vector<std::string>> kTable = {
      {"smt-api-builder", "--check", open_xml},
      {"smt-api-builder", "--check", whole_xml},
      {"smt-api-builder", "--check", api_xml},
      {"smt-register-builder", "--check", whole_xml},
      {"smttopic", "echo", "x", "--registers", whole_xml},
      {"smtrelay_pub", "--check-config", "--config", write("arrays.toml", version + "a = " + arrays)},
      {"smtrelay_pub", "--check-config", "--config", write("tables.toml", version + "a = " + tables)},
      {"smtrelay_pub", "--check-config", "--config", write("keys.toml", version + keys + "a = 1\n")}};
  for (const auto& args : kTable) {
    const Ended ended = run(args);
    EXPECT_EQ(ended.exit_code, 2) << args[0] << " " << args.back() << ": " << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(args.back() + ":")) << "where it is";
  }
}

TEST_F(ToolTest, ReplaysAroundBrokenRowsAndFiles) {
  const std::string bad = write("rec/bad.0.csv",
                                "timestamp,a\nuint64_t,float\n"
                                "1,2\n"
                                "2,x\n"
                                "3,4,5\n"
                                "4,1e99\n"
                                "99999999999999999999,1\n"
                                "\n"
                                "5,\"7\n"
                                "6,nAn\n");
  write("rec/good.0.csv", "timestamp,a\nuint64_t,float\n1,2\n2,3\n");
  write("rec/empty.csv", "");
  write("rec/types.csv", "timestamp\nfoo\n1\n");
  write("rec/untimed.csv", "a\nfloat\n1\n");
  write("rec/notes.txt", "not a recording");
  fs::create_directory(root_ + "/rec/folder.csv");
  const Ended replay = run({"smtreplay", root_ + "/rec", "--asap"});
  EXPECT_EQ(replay.exit_code, 1);
  for (const std::string& line :
       {bad + ":4: column 2: \"x\" is no f32; row skipped\n",
        bad + ":5: 3 columns instead of 2; row skipped\n",
        bad + ":6: column 2: \"1e99\" is out of range of f32; row skipped\n",
        bad + ":7: column 1: \"99999999999999999999\" is out of range of u64; row skipped\n",
        bad + ":9: a quote does not close; row skipped\n", root_ + "/rec/empty.csv: is empty; file left out",
        root_ + "/rec/types.csv: column \"timestamp\" cannot be the time: \"foo\" in line 2 ",
        root_ + "/rec/untimed.csv: there is no column \"timestamp\"",
        std::string("2 topics, 4 samples, 5 rows skipped, 3 files left out")}) {
    EXPECT_THAT(replay.err, HasSubstr(line));
  }
  EXPECT_THAT(run({"smttopic", "info", "bad/0", "-f", "json"}).out, HasSubstr("\"sequence\":2"));
  EXPECT_THAT(run({"smttopic", "info", "good/0", "-f", "json"}).out, HasSubstr("\"sequence\":2"));
}

TEST_F(ToolTest, TellsOnlyTheFirstBrokenRowsOfAFileAndCountsAll) {
  std::string rows = "timestamp\nuint64_t\n1\n";
  for (int i = 0; i < 500; ++i) rows += "x\n";
  write("rec/a.csv", rows);
  const Ended replay = run({"smtreplay", root_ + "/rec", "--asap"});
  EXPECT_EQ(replay.exit_code, 1);
  EXPECT_THAT(replay.err, HasSubstr("500 rows skipped"));
  EXPECT_LT(std::count(replay.err.begin(), replay.err.end(), '\n'), 15);
}

TEST_F(ToolTest, SaysThatAFolderHoldsNoRecording) {
  write("rec/notes.txt", "x");
  const Ended none = run({"smtreplay", root_ + "/rec"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("no file NAME.csv in " + root_ + "/rec"));
  for (const char* name : {"flight.mcap", "flight.h5"}) {
    const Ended other = run({"smtreplay", write(name, "x")});
    EXPECT_EQ(other.exit_code, 2);
    EXPECT_THAT(other.err, testing::AllOf(HasSubstr(name), HasSubstr(" is no ")));
  }
}

}  // namespace
}  // namespace smt::tools
