// smtlogger recover from outside: what a file holds is in the copy, or is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/open_log.h"
#include "tests/bytes_of.h"
#include "tests/text.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"

namespace smt::tools {
namespace {

using cmd::McapAttachment;
using cmd::McapBeside;
using cmd::McapMessage;
using cmd::McapMetadata;
using cmd::McapReader;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Recover : public ToolTest {
 protected:
  // A file of another program: messages without chunks, an attachment, metadata, and `more` in its data.
  std::string foreign(const std::string& more) const {
    std::string file(cmd::kMcapMagic);
    append_record(cmd::McapHeader{"ros2", "a robot"}, &file);
    append_record(cmd::McapSchema{1, "P", "jsonschema", "{}"}, &file);
    append_record(cmd::McapChannel{1, 1, "/p", "json", {{"by", "hand"}}}, &file);
    for (uint32_t i = 0; i < 20; ++i) append_record(McapMessage{1, i, 7 + i, 7 + i, "{\"x\":1}"}, &file);
    append_record(McapAttachment{5, 6, "calib.yaml", "text/yaml", "fx: 500"}, &file);
    append_record(McapMetadata{"site", {{"place", "hall 3"}}}, &file);
    file += more;
    cmd::append_data_end(&file);
    const uint64_t start = file.size();
    cmd::McapStatistics statistics;
    statistics.messages = 20;
    statistics.schemas = 1;
    statistics.channels = statistics.attachments = statistics.metadata = 1;
    append_record(statistics, &file);
    append_record(cmd::McapFooter{start, 0, 0}, &file);
    return write("foreign.mcap", file + std::string(cmd::kMcapMagic));
  }
  Ended recover(const std::string& path) const {
    return run({"smtlogger", "recover", path, out_, "-f", "json"});
  }
  // Of a recording of smtlogger's own kind with eight chunks of a hundred samples each.
  std::string recording(std::vector<cmd::McapChunkIndex>* chunks) const {
    const std::string path = root_ + "/a.mcap";
    Result<std::unique_ptr<cmd::LogWriter>> log = cmd::create_log(path);
    const cmd::LogTopic topic = {"sine", Schema::scalar(Type::kF64), "robot", "d", "node"};
    for (uint64_t i = 1; i <= 800; ++i) {
      const std::vector<std::byte> value = bytes_of(static_cast<double>(i));
      EXPECT_TRUE((*log)->write({&topic, i, 1, static_cast<int64_t>(i), 0, value}).ok());
      EXPECT_TRUE(i % 100 != 0 || (*log)->flush().ok());
    }
    EXPECT_TRUE((*log)->finish().ok());
    *chunks = McapReader::open(path)->summary()->chunks;
    return path;
  }

  const std::string out_ = root_ + "/out.mcap";
};

TEST_F(Recover, KeepsAttachmentsMetadataAndTheProfile) {
  const Ended ended = recover(foreign(""));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  Json told = Json::parse(ended.out);
  EXPECT_EQ(told["messages"], 20);
  EXPECT_EQ(told["attachments"], 1);
  EXPECT_EQ(told["metadata"], 1);
  EXPECT_EQ(told["records_left_out"], 0);
  Result<McapReader> file = McapReader::open(out_);
  ASSERT_TRUE(file.ok() && file->summary());
  EXPECT_EQ(file->header().profile, "ros2");
  EXPECT_EQ(file->summary()->statistics.attachments, 1u);
  ASSERT_TRUE(file->metadata("site"));
  EXPECT_EQ(file->metadata("site")->values.at("place"), "hall 3");
  EXPECT_EQ(file->channels().at(1).metadata.at("by"), "hand");
  McapMessage message;
  for (uint32_t i = 0; i < 20; ++i) ASSERT_TRUE(file->next(&message)) << i;
  EXPECT_FALSE(file->next(&message));
  const std::vector<McapBeside> beside = file->take_beside();
  ASSERT_THAT(beside, SizeIs(2));
  std::string body;
  McapAttachment attachment;
  ASSERT_TRUE(file->read_beside(beside[0], &body) && parse(body, &attachment));
  EXPECT_EQ(attachment.data, "fx: 500");
  EXPECT_EQ(attachment.media_type, "text/yaml");
  EXPECT_EQ(attachment.create_time_ns, 6u);
}

TEST_F(Recover, SaysWhatItCannotKeep) {
  const Ended ended = recover(foreign(std::string("\x81\x03\0\0\0\0\0\0\0abc", 12)));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("foreign.mcap"), HasSubstr("1 records")));
  EXPECT_EQ(Json::parse(ended.out)["records_left_out"], 1);
  EXPECT_EQ(Json::parse(ended.out)["messages"], 20);
}

TEST_F(Recover, OfAnAttachmentThatIsDamagedItSaysSo) {
  std::string file = contents(foreign(""));
  file[file.find("fx: 500")] = 'F';
  const Ended ended = recover(write("foreign.mcap", file));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("a damaged attachment"));
  EXPECT_EQ(Json::parse(ended.out)["messages"], 20);
}

TEST_F(Recover, AFlippedBitInTheLengthOfAChunkCostsNoSample) {
  std::vector<cmd::McapChunkIndex> chunks;
  const std::string whole = contents(recording(&chunks));
  ASSERT_EQ(chunks.size(), 8u);
  for (const bool summary : {true, false}) {
    std::string damaged = summary ? whole : whole.substr(0, chunks[7].offset + chunks[7].bytes);
    damaged[chunks[2].offset + 3] ^= 4;
    std::filesystem::remove(out_);
    const Ended ended = recover(write("damaged.mcap", damaged));
    EXPECT_EQ(ended.exit_code, 1) << "the file is damaged";
    EXPECT_THAT(ended.err, HasSubstr("a damaged length of a chunk"));
    EXPECT_EQ(Json::parse(ended.out)["messages"], 800) << ended.out;
    EXPECT_EQ(run({"smtlogger", "info", out_}).exit_code, 0);
    EXPECT_EQ(run({"smtlogger", "info", root_ + "/damaged.mcap"}).exit_code, 1);
  }
}

TEST_F(Recover, AMessageThatIsTooLongForACopyCostsNoOther) {
  std::string more;
  append_record(McapMessage{1, 20, 30, 30, std::string(50 << 20, 'x')}, &more);
  append_record(McapMessage{1, 21, 31, 31, "{}"}, &more);
  const Ended ended = recover(foreign(more));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("at most 50331648 fit"));
  EXPECT_EQ(Json::parse(ended.out)["messages"], 21);
}

TEST_F(Recover, ACopyIsTheSamePartOfTheSameRecording) {
  for (const std::string format : {"mcap", "h5"}) {
    const std::string path = root_ + "/p." + format, copy = root_ + "/copy." + format;
    Result<std::unique_ptr<cmd::LogWriter>> log =
        cmd::create_log(path, {"00112233445566778899aabbccddeeff", 3, {}});
    ASSERT_TRUE(log.ok());
    const cmd::LogTopic topic = {"x", Schema::scalar(Type::kF64), "robot", "d", "node"};
    const std::vector<std::byte> value = bytes_of(1.0);
    ASSERT_TRUE((*log)->write({&topic, 1, 1, 1, 0, value}).ok());
    (*log)->set_next_part(4);
    ASSERT_TRUE((*log)->finish().ok());
    const Ended ended = run({"smtlogger", "recover", path, copy});
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    const auto read = cmd::open_log(copy, {}, cmd::LogScope::kFile);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ((*read)->part().recording, "00112233445566778899aabbccddeeff");
    EXPECT_EQ((*read)->part().number, 3u);
    EXPECT_EQ((*read)->part().next, 4u);
  }
}

TEST_F(Recover, ConvertSaysThatAttachmentsAreNoSamples) {
  std::string file(cmd::kMcapMagic);
  append_record(cmd::McapHeader{}, &file);
  append_record(cmd::McapChannel{1, 0, "x", "json", {{"smt.schema", Schema::scalar(Type::kF64).text()}}},
                &file);
  append_record(McapMessage{1, 1, 1, 1, "{\"value\":1.5}"}, &file);
  append_record(McapAttachment{5, 6, "calib.yaml", "text/yaml", "fx: 500"}, &file);
  const Ended ended = run({"smtlogger", "convert", write("a.mcap", file), root_ + "/a.h5"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.out, HasSubstr("1 samples"));
  EXPECT_THAT(ended.err, HasSubstr("1 attachments and other records that are no samples are left out"));
}

}  // namespace
}  // namespace smt::tools
