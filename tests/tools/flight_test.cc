// A recorded flight through shared memory, compared byte by byte with the CSV. The flight of
// ../shared/data/px4_flight where it lies, a small one made here always.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "shm/list.h"
#include "shm/reader.h"
#include "shm/waiter.h"
#include "tests/paths.h"
#include "tests/tools/process.h"
#include "tests/tools/recording.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

class Flight : public ToolTest {
 protected:
  struct Track {
    Reader reader;
    const std::vector<RecordedRow>* rows;
    size_t received = 0;
  };

  std::vector<Track> open_tracks(const Recording& recording) const {
    std::vector<Track> tracks;
    for (const auto& [topic, rows] : recording) {
      Result<Reader> reader = Reader::open(domain(), topic);
      EXPECT_TRUE(reader.ok()) << reader.status().message();
      tracks.push_back({std::move(*reader), &rows});
    }
    return tracks;
  }

  // Reads while the replay runs, and what is left after it. `check` sees each sample.
  template <class Check>
  void follow(std::vector<Track>* tracks, Process* replay, Check check) const {
    Result<Waiter> waiter = Waiter::open(domain());
    ASSERT_TRUE(waiter.ok()) << waiter.status().message();
    const int64_t deadline = boottime_ns() + int64_t{60} * 1'000'000'000;
    const auto read_all = [&] {
      for (Track& track : *tracks) {
        while (const Sample* sample = track.reader.next()) {
          check(track, *sample);
          ++track.received;
        }
      }
    };
    for (bool last = false; !last && !HasFatalFailure();) {
      ASSERT_LT(boottime_ns(), deadline) << "the replay does not end";
      waiter->wait(std::chrono::milliseconds(40));
      for (Track& track : *tracks) {
        if (track.reader.writers().empty()) (void)track.reader.refresh();
      }
      last = replay->ended();
      read_all();
    }
    const Ended ended = replay->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }

  // Every row of every topic once, in order, equal to the recording; then the last ones stand.
  void expect_all_rows(const fs::path& folder, const std::string& speed) {
    const Recording recording = load_recording(folder);
    std::vector<Track> tracks = open_tracks(recording);
    Process replay({"smtreplay", folder.string(), "--speed", speed, "--history", "4096"}, env());
    size_t wrong = 0;
    follow(&tracks, &replay, [&](const Track& track, const Sample& sample) {
      const bool expected = track.received < track.rows->size();
      const RecordedRow* row = expected ? &(*track.rows)[track.received] : nullptr;
      const bool same =
          expected && sample.sequence == track.received + 1 && sample.missed == 0 &&
          sample.stamp_ns == row->stamp_ns &&
          std::equal(sample.bytes.begin(), sample.bytes.end(), row->bytes.begin(), row->bytes.end());
      if (!same && ++wrong <= 5) {
        ADD_FAILURE() << track.reader.topic() << ": sample " << sample.sequence << " (missed "
                      << sample.missed << ", stamp " << sample.stamp_ns << ") is not row "
                      << track.received + 1;
      }
    });
    EXPECT_EQ(wrong, 0u);
    for (const Track& track : tracks) EXPECT_EQ(track.received, track.rows->size()) << track.reader.topic();
    expect_last_rows(recording);
  }

  void expect_last_rows(const Recording& recording) {
    Result<DomainListing> listing = list_topics(domain());
    ASSERT_TRUE(listing.ok());
    EXPECT_EQ(listing->problems, std::vector<std::string>());
    EXPECT_EQ(listing->topics.size(), recording.size());
    for (const TopicInfo& topic : listing->topics) {
      const auto found = recording.find(topic.name);
      ASSERT_NE(found, recording.end()) << topic.name;
      const RecordedRow& last = found->second.back();
      EXPECT_EQ(topic.freshness.state, State::kSourceDead) << topic.name;
      EXPECT_EQ(topic.stamp_ns, last.stamp_ns) << topic.name;
      Result<Reader> reader = Reader::open(domain(), topic.name);
      ASSERT_TRUE(reader.ok());
      const Sample* sample = reader->latest();
      ASSERT_NE(sample, nullptr) << topic.name;
      EXPECT_EQ(Bytes(sample->bytes.begin(), sample->bytes.end()), last.bytes) << topic.name;
    }
  }

  // With the default ring a reader may be too late, but it knows by how much.
  void expect_every_row_received_or_missed(const fs::path& folder, const std::vector<std::string>& flags) {
    const Recording recording = load_recording(folder);
    std::vector<Track> tracks = open_tracks(recording);
    std::vector<std::string> args = {"smtreplay", folder.string()};
    args.insert(args.end(), flags.begin(), flags.end());
    Process replay(args, env());
    follow(&tracks, &replay, [](const Track&, const Sample&) {});
    uint64_t received = 0, missed = 0;
    for (const Track& track : tracks) {
      EXPECT_EQ(track.received + track.reader.missed(), track.rows->size()) << track.reader.topic();
      received += track.received;
      missed += track.reader.missed();
    }
    EXPECT_EQ(received + missed, count_rows(recording));
    printf("received %lu, missed %lu\n", received, missed);
    RecordProperty("received", std::to_string(received));
    RecordProperty("missed", std::to_string(missed));
  }

  // Five topics of all types, with nan, inf, arrays and padding; times of two of them interleave and tie.
  fs::path write_small_flight() const {
    for (int instance = 0; instance < 2; ++instance) {
      std::string text =
          "timestamp,ok,q[0],q[1],x,n,tail\r\nuint64_t,bool,float,float,double,int16_t,uint8_t\r\n";
      for (int i = 0; i < 700; ++i) {
        const std::string q = i % 7 == 0 ? "nan" : i % 11 == 0 ? "-inf" : std::to_string(i) + ".1000000238";
        text += std::to_string(1000 * i + 500 * instance * (i % 2)) + "," + std::to_string(i % 2) + "," + q +
                ",1e-40," + (i % 5 == 0 ? "INF" : "0.1") + "," + std::to_string(i - 350) + "," +
                std::to_string(i % 256) + "\r\n";
      }
      write("rec/attitude." + std::to_string(instance) + ".csv", text);
    }
    std::string bits = "flag,timestamp,a,b,c\nuint8_t,uint64_t,int8_t,uint32_t,int64_t\n";
    for (int i = 0; i < 300; ++i) {
      bits += "1," + std::to_string(2000 * i) + ",-128,4294967295,-9223372036854775808\n";
    }
    write("rec/bits.0.csv", bits);
    write("rec/once.0.csv", "timestamp,v\nuint64_t,uint16_t\n5,65535\n");
    write("rec/far.3.csv", "timestamp,v\nuint64_t,int32_t\n1194367328,-2147483648\n");
    return root_ + "/rec";
  }
};

TEST_F(Flight, SmallOneArrivesWholeAndStands) { expect_all_rows(write_small_flight(), "5"); }

TEST_F(Flight, SmallOneWithTheDefaultRingIsReceivedOrMissed) {
  expect_every_row_received_or_missed(write_small_flight(), {"--asap"});
}

class Px4Flight : public Flight {
 protected:
  void SetUp() override {
    folder_ = source_path("../shared/data/px4_flight");
    if (!fs::is_directory(folder_)) GTEST_SKIP() << "no recorded flight at " << folder_.string();
    const Recording recording = load_recording(folder_);
    ASSERT_EQ(recording.size(), 70u);
    ASSERT_EQ(count_rows(recording), 14604u);
  }
  fs::path folder_;
};

TEST_F(Px4Flight, ArrivesWholeAndStands) { expect_all_rows(folder_, "5"); }

TEST_F(Px4Flight, WithTheDefaultRingIsReceivedOrMissed) {
  expect_every_row_received_or_missed(folder_, {"--speed", "5"});
}

TEST_F(Px4Flight, AsFastAsItGoesWithTheDefaultRingIsReceivedOrMissed) {
  expect_every_row_received_or_missed(folder_, {"--asap"});
}

}  // namespace
}  // namespace smt::tools
