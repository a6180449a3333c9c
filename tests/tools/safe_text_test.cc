// Text of others on a terminal: names, types, units and values in memory, recordings, CSV files and
// arguments. It is shown and logged with a '?' for each character that could drive the terminal or turn the
// direction of text, and JSON escapes such characters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "cmd/recording/mcap_writer.h"
#include "shm/node.h"
#include "shm/utf8.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"
#include "tests/tools/terminal_process.h"

namespace smt::tools {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What an emulator of terminals obeys: as ASCII and as the one character of Latin-1 that stands for ESC [.
const std::string kEscape = "\x1b]0;owned\x07\x1b[31m";
const std::string kC1 = "\u009b31m";
const std::string kTurn = "\u202e";

// What of the text a terminal would not show as characters, by a rule of its own; "": nothing.
std::string unsafe_part(const std::string& text) {
  if (!is_utf8(text)) return "bytes that are no UTF-8";
  for (const char c : text) {
    const bool control = (c >= 0 && c < ' ' && c != '\n') || c == 0x7f;
    if (control) return "the control character " + std::to_string(c);
  }
  for (int c = 0x80; c <= 0x9f; ++c) {
    if (text.find({'\xc2', static_cast<char>(c)}) != text.npos) return "a C1 control " + std::to_string(c);
  }
  for (const char* mark : {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202b", "\u202c",
                           "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"}) {
    if (text.find(mark) != text.npos) return "a mark that turns text, or ends a line";
  }
  return "";
}

class SafeText : public ToolTest {
 protected:
  // Runs it; the text of both outputs.
  std::string shown(const std::vector<std::string>& args) const {
    const Ended ended = run(args);
    std::string command;
    for (const std::string& arg : args) command += arg + " ";
    EXPECT_LT(ended.exit_code, 128) << command;
    EXPECT_EQ(unsafe_part(ended.out), "") << command << "\n" << ended.out;
    EXPECT_EQ(unsafe_part(ended.err), "") << command << "\n" << ended.err;
    return ended.out + ended.err;
  }
  // A topic of two nodes, whose every name is hostile.
  void publish() {
    const Schema schema = {
        "T" + kC1, 24, {{"f" + kC1, Type::kF64, 0, 1, "u" + kTurn}, {"t", Type::kChar, 8, 16, ""}}};
    const std::string text = "\x1b[2J" + kC1 + kTurn;
    std::vector<std::byte> value(24);
    memcpy(value.data() + 8, text.data(), text.size());
    for (const char* name : {"one", "two"}) {
      Result<std::unique_ptr<Node>> node = Node::open(domain(), {.name = name});
      ASSERT_TRUE(node.ok());
      Result<Publisher> publisher = (*node)->advertise({.name = topic_, .schema = schema});
      ASSERT_TRUE(publisher.ok());
      EXPECT_TRUE(publisher->publish(value).ok());
      nodes_.push_back(std::move(*node));
      publishers_.push_back(std::move(*publisher));
    }
  }

  const std::string topic_ = "evil" + kC1 + kTurn + "/x";
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Publisher> publishers_;
};

TEST_F(SafeText, OfTopicsIsShownWithoutWhatDrivesATerminal) {
  publish();
  const std::string recording = root_ + "/a.mcap";
  const std::vector<std::vector<std::string>> kTable = {
      {"smttopic", "list"},
      {"smttopic", "list", "--long"},
      {"smttopic", "list", "--tree"},
      {"smttopic", "info", topic_},
      {"smttopic", "echo", "**", "--once"},
      {"smttopic", "echo", "**", "--once", "--field", "none"},
      {"smttopic", "echo", "**", "--once", "--filter", "f == 1"},
      {"smttopic", "hz", "**", "--duration", "100ms"},
      {"smttopic", "pub", topic_, "u8", "1"},
      {"smttopic", "rm", topic_},
      {"smttop", "--interval", "50ms"},
      {"smtcore", "--once"},
      {"smtdoctor"},
      {"smtlogger", "--output", recording, "--duration", "100ms"},
      {"smtlogger", "info", recording},
      {"smtlogger", "info", recording + kC1},
  };
  for (const auto& args : kTable)
    EXPECT_THAT(shown(args), HasSubstr("?")) << args.front() << " " << args.back();
  EXPECT_THAT(shown({"smttopic", "list"}), HasSubstr("evil?31m?/x"));
}

TEST_F(SafeText, OfTopicsIsEscapedInJsonAndTheSameWhenItIsRead) {
  publish();
  for (const std::vector<std::string>& args : {std::vector<std::string>{"smttopic", "list", "-f", "json"},
                                               {"smttopic", "echo", "**", "--once", "-f", "json"}}) {
    const std::string text = shown(args);
    EXPECT_THAT(text, AllOf(HasSubstr("\\u009b"), HasSubstr("\\u202e")));
    EXPECT_EQ(Json::parse(text)[0]["topic"], topic_);
  }
  const Json value = Json::parse(run({"smttopic", "echo", "**", "--once", "-f", "jsonl"}).out)["value"];
  EXPECT_EQ(value["t"], "\x1b[2J" + kC1 + kTurn);
}

TEST_F(SafeText, OfCsvIsExactInAPipeAndSafeInATerminal) {
  publish();
  const std::vector<std::string> echo = {"smttopic", "echo", "**", "--once", "-f", "csv"};
  EXPECT_THAT(run(echo).out, AllOf(HasSubstr("\x1b[2J" + kC1), HasSubstr(topic_)));
  const std::string text = TerminalProcess(echo, env()).wait();
  EXPECT_THAT(text, AllOf(HasSubstr("?[2J?31m?"), HasSubstr("evil?31m?/x")));
  std::string lines = text;
  std::erase(lines, '\r');  // of the terminal's own
  EXPECT_EQ(unsafe_part(lines), "");
}

TEST_F(SafeText, OfRecordingsIsShownWithoutWhatDrivesATerminal) {
  const std::string path = root_ + "/flight.mcap", schema = "T\xc2\x9b 8\nvalue f64 0 1 -\n";
  Result<cmd::McapWriter> file = cmd::McapWriter::create(path);
  ASSERT_TRUE(file.ok());
  for (const auto& [topic, metadata] :
       std::vector<std::pair<std::string, std::map<std::string, std::string>>>{
           {"a" + kEscape, {}},
           {"b" + kEscape, {{"smt.schema", schema}}},
           {"c" + kC1 + kTurn, {{"smt.schema", schema}}},
           {"d\xff\x9b", {}},
           {"e\nsmtlogger: error: forged", {}}}) {
    const Result<uint16_t> channel = file->add_channel({0, 0, topic, "json", metadata});
    ASSERT_TRUE(channel.ok());
    ASSERT_TRUE(file->write({*channel, 1, 1, 1, "{\"value\":\"\x1b[2J\"}"}).ok());
  }
  ASSERT_TRUE(file->finish().ok());
  for (const std::vector<std::string>& args : {std::vector<std::string>{"smtlogger", "info", path},
                                               {"smtlogger", "info", path, "-f", "json"},
                                               {"smtlogger", "convert", path, root_ + "/out.h5"},
                                               {"smtlogger", "recover", path, root_ + "/out.mcap"},
                                               {"smtreplay", path, "--asap"}}) {
    EXPECT_THAT(shown(args), Not(HasSubstr("\nsmtlogger: error: forged"))) << args[1];
  }
  EXPECT_THAT(shown({"smtlogger", "info", path}),
              AllOf(HasSubstr("channel a?]0;owned??[31m: it was not recorded by smtlogger"),
                    HasSubstr("d??: "), HasSubstr("e?smtlogger: error: forged: "), HasSubstr("c?31m?")));
}

TEST_F(SafeText, OfCsvFilesIsShownWithoutWhatDrivesATerminal) {
  const std::string folder = root_ + "/rec", types = "timestamp,a\nuint64_t,float\n";
  write("rec/rows.csv", types + "1," + kEscape + "\n2," + kC1 +
                            "\n3,\x9b"
                            "31m\n4,1\n");
  write("rec/types.csv", "timestamp,a" + kC1 + "\nuint64_t," + kEscape + "\n1,2\n");
  write("rec/names.csv", "timestamp,a" + kC1 + "\nuint64_t,float\n1,2\n");
  write("rec/" + kEscape + ".csv", types + "1,2\n");
  write("rec/" + kC1 + ".csv", types + "1,2\n");
  EXPECT_THAT(shown({"smtreplay", folder, "--asap"}), HasSubstr("?]0;owned??[31m"));
  EXPECT_THAT(shown({"smtlogger", "info", folder}), HasSubstr("?31m"));
  shown({"smtlogger", "convert", folder, root_ + "/out.mcap"});
  shown({"smttopic", "list"});
}

TEST_F(SafeText, OfArgumentsIsLoggedWithoutWhatDrivesATerminal) {
  const std::string bad = kEscape + kC1 + kTurn + "\x9b";
  const std::vector<std::vector<std::string>> kTable = {
      {"smttopic", bad},
      {"smttopic", "list", "re:[" + kC1},
      {"smttopic", "pub", "x", "f64", "\"" + bad + "\""},
      {"smttopic", "pub", "x", bad, "1"},
      {"smttopic", "echo", "x", "--filter", "x " + bad},
      {"smt", bad},
      {"smtlogger", "info", "/" + bad + ".mcap"},
      {"smtreplay", "/" + bad},
      {"smtdoctor", "--keys", "/" + bad},
      {"smtrelay_pub", "--bind", "tcp://" + bad},
      {"smtrelay_pub", "--config", "/" + bad},
      {"smtrelay_client", "--connect", bad, "list"},
      {"smtrelay_keygen", "--fingerprint", "/" + bad},
      {"smt-api-builder", "/" + bad, "--check"},
  };
  for (const auto& args : kTable) EXPECT_THAT(shown(args), HasSubstr("?")) << args[0];
}

TEST_F(SafeText, OfAConfigurationIsPrintedAsItReadsBack) {
  const std::vector<std::string> print = {"smtrelay_pub", "--bind", "tcp://127.0.0.1:7400", "--print-config"};
  std::vector<std::string> with_topic = print;
  with_topic.insert(with_topic.end(), {"--topic", "a" + kC1});
  const std::string printed = shown(with_topic);
  EXPECT_THAT(printed, HasSubstr("\"a\\u009b31m\""));
  EXPECT_THAT(shown({"smtrelay_pub", "--config", write("printed.toml", printed), "--print-config"}),
              HasSubstr("\"a\\u009b31m\""));
}

TEST_F(SafeText, OfAMessageOfSeveralLinesKeepsItsLines) {
  run({"smttopic", "pub", "x", "f64", "1"});
  const Ended mismatch = run({"smttopic", "pub", "x", "u8", "1", "--node", "n"});
  EXPECT_EQ(mismatch.exit_code, 5);
  EXPECT_THAT(mismatch.err, AllOf(HasSubstr("has type f64, not u8\n  "), HasSubstr("\n  expected: f64")));
}

TEST_F(SafeText, ThatIsNoneIsNotCompleted) {
  publish();
  run({"smttopic", "pub", "evident", "u8", "1"});
  const Ended words = run({"smttopic", "--complete", "echo", "ev"});
  EXPECT_EQ(words.out, "evident\n");
}

}  // namespace
}  // namespace smt::tools
