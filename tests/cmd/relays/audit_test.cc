// The file of the audit: nobody waits for it, and what it lacks it says.
#include "cmd/relays/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/eventually.h"
#include "tests/fifo.h"
#include "tests/size_limit.h"
#include "tests/temp_folder.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::cmd {
namespace {

using relay::LineFate;
using relay::WriteAct;
using relay::WriteEvent;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AuditFileTest : public testing::Test {
 protected:
  std::unique_ptr<AuditFile> open(const std::string& path) {
    Result<std::unique_ptr<AuditFile>> audit = AuditFile::open(
        path, [this](auto, const auto&, const std::string& text) { logged_.push_back(text); });
    EXPECT_TRUE(audit.ok()) << audit.status().message();
    return audit.ok() ? std::move(*audit) : nullptr;
  }
  WriteEvent event(WriteAct act, const std::string& text = "") const {
    return {act, topic_, "anna", "gate", "tcp://x", "rule", text};
  }
  static uint64_t begin(AuditFile* audit, const WriteEvent& event) { return audit->begin({&event, 1}); }
  static LineFate settles(AuditFile* audit, uint64_t ticket) {
    EXPECT_TRUE(eventually([&] { return audit->fate(ticket) != LineFate::kWaits; }));
    return audit->fate(ticket);
  }
  static std::vector<nlohmann::json> lines_of(const std::string& text) {
    std::vector<nlohmann::json> out;
    size_t at = 0;
    for (size_t end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
      out.push_back(nlohmann::json::parse(text.substr(at, end - at)));
    EXPECT_EQ(at, text.size()) << "a line without its end";
    return out;
  }
  // A value that waits for its line.
  LineFate writes(AuditFile* audit, const std::string& text) const {
    const uint64_t ticket = begin(audit, event(WriteAct::kSet, text));
    const LineFate fate = settles(audit, ticket);
    audit->withdraw(ticket);
    return fate;
  }
  static std::vector<std::string> texts(const std::string& path) {
    std::vector<std::string> out;
    for (const nlohmann::json& line : lines_of(contents(path))) out.push_back(line["text"]);
    return out;
  }
  static void waits_for(int fd) {
    pollfd ready{fd, POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
  }

  const TempFolder temp_;
  const std::string topic_ = "cmd/speed", path_ = temp_.path() + "/a.jsonl";
  std::vector<std::string> logged_;
};

TEST_F(AuditFileTest, WakesTheLoopWhenALineIsWritten) {
  const auto audit = open(temp_.path() + "/a.jsonl");
  const uint64_t ticket = begin(audit.get(), event(WriteAct::kSet));
  waits_for(audit->fd());
  EXPECT_EQ(settles(audit.get(), ticket), LineFate::kWritten);
  EXPECT_FALSE(audit->withdraw(ticket));
  EXPECT_THAT(logged_, IsEmpty()) << "it is not done";
  audit->done(event(WriteAct::kSet));
  EXPECT_THAT(logged_, ElementsAre("anna (by gate on tcp://x) sets cmd/speed (rule)"));
  audit->poll();
  pollfd ready{audit->fd(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 0), 0);
}

TEST_F(AuditFileTest, CountsWhatFindsNoRoomAndSaysSoWhereItIsMissing) {
  Fifo fifo(temp_.path() + "/fifo");
  const auto audit = open(fifo.path());
  fifo.fill();
  constexpr size_t kTold = 3000;
  for (size_t i = 0; i < kTold; ++i) audit->tell(event(WriteAct::kRefused, std::to_string(i)));
  const uint64_t refused = begin(audit.get(), event(WriteAct::kSet));
  EXPECT_EQ(audit->fate(refused), LineFate::kFailed) << "at once";
  EXPECT_TRUE(audit->withdraw(refused));
  WriteEvent void_now = event(WriteAct::kRefused, "not set");
  void_now.takes_back = true;
  audit->tell(void_now);
  EXPECT_EQ(logged_.size(), kTold + 1) << "the log has each";
  std::string text;
  while (text.find("not set") == text.npos || !text.ends_with('\n')) text += fifo.take();
  const std::vector<nlohmann::json> lines = lines_of(text);
  size_t next = 0, lost = 0;
  for (const nlohmann::json& line : lines) {
    if (line["act"] == "lost") {
      lost += std::stoul(line["text"].get<std::string>());
      EXPECT_THAT(line["text"].get<std::string>(),
                  HasSubstr(" lost, as the file could not be written in time"));
    } else if (line["text"] != "not set") {
      EXPECT_EQ(line["text"], std::to_string(next + lost)) << "in order";
      ++next;
    }
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(next + lost, kTold) << "each is written or counted";
  EXPECT_EQ(lines.back()["text"], "not set");
}

TEST_F(AuditFileTest, HasNoHalfLineOfAFullDiskAndCountsWhatIsMissingOnceThereIsRoom) {
  const auto audit = open(path_);
  EXPECT_EQ(writes(audit.get(), "first"), LineFate::kWritten);
  const size_t bytes = contents(path_).size();
  {
    const SizeLimit full(bytes + bytes / 2);
    EXPECT_EQ(writes(audit.get(), "no room"), LineFate::kFailed);
    for (int i = 0; i < 3; ++i) audit->tell(event(WriteAct::kRefused, "refused"));
    WriteEvent void_now = event(WriteAct::kRefused, "not set");
    void_now.takes_back = true;
    audit->tell(void_now);
    audit->drain(kSecond);
    EXPECT_EQ(contents(path_).size(), bytes);
    EXPECT_THAT(logged_, Contains(HasSubstr("audit file " + path_ + ": File too large")));
  }
  // By itself, though nothing more is told.
  EXPECT_TRUE(eventually([&] { return texts(path_).size() == 3; }));
  EXPECT_THAT(
      texts(path_),
      ElementsAre("first", "3 entries are lost, as the file could not be written in time", "not set"));
  EXPECT_EQ(writes(audit.get(), "last"), LineFate::kWritten);
  EXPECT_EQ(texts(path_).back(), "last");
}

TEST_F(AuditFileTest, TriesAtItsEndToSayWhatIsMissing) {
  const auto audit = open(path_);
  {
    const SizeLimit full(1);
    audit->tell(event(WriteAct::kRefused));
    audit->drain(kSecond);
  }
  audit->drain(kSecond);
  EXPECT_THAT(texts(path_), ElementsAre("1 entry is lost, as the file could not be written in time"));
}

TEST_F(AuditFileTest, BeginsALineWhereAnotherProcessHasLeftAHalf) {
  std::ofstream(path_) << "{\"half";
  const auto audit = open(path_);
  EXPECT_EQ(writes(audit.get(), "whole"), LineFate::kWritten);
  const std::string text = contents(path_);
  EXPECT_EQ(text.substr(0, 7), "{\"half\n");
  EXPECT_EQ(lines_of(text.substr(7)).size(), 1u);
}

TEST_F(AuditFileTest, GoesOnInANewFileWhereItsOwnIsRemovedOrRenamed) {
  const auto audit = open(path_);
  EXPECT_EQ(writes(audit.get(), "in the first"), LineFate::kWritten);
  std::filesystem::rename(path_, path_ + ".1");
  std::ofstream(path_) << "";  // as logrotate does
  EXPECT_EQ(writes(audit.get(), "in the second"), LineFate::kWritten);
  audit->poll();
  EXPECT_THAT(logged_, ElementsAre("audit file " + path_ + " was renamed; lines go on in a new one there"));
  std::filesystem::remove(path_);
  EXPECT_EQ(writes(audit.get(), "in the third"), LineFate::kWritten);
  EXPECT_EQ(writes(audit.get(), "there too"), LineFate::kWritten);
  audit->poll();
  EXPECT_EQ(logged_.size(), 2u);
  EXPECT_EQ(logged_.back(), "audit file " + path_ + " was removed; lines go on in a new one there");
  EXPECT_THAT(texts(path_ + ".1"), ElementsAre("in the first"));
  EXPECT_THAT(texts(path_), ElementsAre("in the third", "there too"));
  struct stat st;
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0137, 0u) << "as it was made at first";
}

TEST_F(AuditFileTest, LooksForItsFileWithoutALineToo) {
  const auto audit = open(path_);
  std::filesystem::rename(path_, path_ + ".1");
  audit->look_for_file();
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(path_); }));
  EXPECT_EQ(contents(path_), "");
}

TEST_F(AuditFileTest, RefusesWhatWouldStandInAFileThatNobodyFinds) {
  const std::string folder = temp_.path() + "/log", path = folder + "/a.jsonl";
  std::filesystem::create_directory(folder);
  const auto audit = open(path);
  std::filesystem::rename(folder, folder + ".1");
  EXPECT_EQ(writes(audit.get(), "goes along"), LineFate::kWritten);
  std::filesystem::remove_all(folder + ".1");
  EXPECT_EQ(writes(audit.get(), "nowhere"), LineFate::kFailed);
  audit->tell(event(WriteAct::kRefused));
  audit->drain(kSecond);
  EXPECT_THAT(logged_, Contains("audit file " + path +
                                ": No such file or directory; lines go on in the file that was renamed"));
  std::filesystem::create_directory(folder);
  EXPECT_EQ(writes(audit.get(), "here"), LineFate::kWritten);
  EXPECT_THAT(texts(path), ElementsAre("1 entry is lost, as the file could not be written in time", "here"));
}

TEST_F(AuditFileTest, SaysWhatCannotBeWritten) {
  const auto audit = open("/dev/full");
  const uint64_t ticket = begin(audit.get(), event(WriteAct::kSet));
  EXPECT_EQ(settles(audit.get(), ticket), LineFate::kFailed);
  EXPECT_TRUE(audit->withdraw(ticket));
  waits_for(audit->fd());
  audit->poll();
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("audit file /dev/full: No space left on device")));
}

TEST_F(AuditFileTest, RefusesAFifoThatNobodyReads) {
  const std::string path = temp_.path() + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto audit = AuditFile::open(path, nullptr);
  ASSERT_FALSE(audit.ok());
  EXPECT_EQ(audit.status().message(),
            "audit file " + path + ": nobody reads this FIFO; start its reader first");
}

TEST_F(AuditFileTest, WithoutAFileNothingWaits) {
  const auto audit = open("");
  const uint64_t ticket = begin(audit.get(), event(WriteAct::kSet));
  EXPECT_EQ(audit->fate(ticket), LineFate::kWritten);
  EXPECT_EQ(audit->fd(), -1);
  audit->tell(event(WriteAct::kReleased));
  EXPECT_THAT(logged_, ElementsAre(HasSubstr("releases cmd/speed")));
}

}  // namespace
}  // namespace smt::cmd
