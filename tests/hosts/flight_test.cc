// A recorded flight crosses three hosts: smtreplay on the robot, the three relays, and a checker of its own
// in the base's memory that compares every sample with the row of the CSV that its sequence names.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "shm/clock.h"
#include "shm/list.h"
#include "shm/waiter.h"
#include "tests/hosts/hosts.h"
#include "tests/paths.h"
#include "tests/tools/recording.h"

namespace smt::hosts {
namespace {

using tools::RecordedRow;
using tools::Recording;

class RelayFlight : public HostsTest {
 protected:
  void SetUp() override {
    folder_ = source_path("../shared/data/px4_flight");
    if (!std::filesystem::is_directory(folder_))
      SMT_SKIP_RELAY_TEST("no recorded flight at " + folder_.string());
    recording_ = tools::load_recording(folder_);
    ASSERT_EQ(recording_.size(), 70u);
    ASSERT_EQ(count_rows(recording_), 14604u);
    sub_flags_ = {"--prefix", "r1"};
  }

  std::unique_ptr<Process> start_replay(const std::vector<std::string>& flags = {"--speed", "5"}) {
    std::vector<std::string> args = {"smtreplay", folder_.string(), "--domain", "robot"};
    args.insert(args.end(), flags.begin(), flags.end());
    return hosts_.start(Host::kRobot, args, env());
  }

  // What the base holds of the topics is the last row of each, and all else that is known of it.
  bool stand(bool tell) const {
    const Domain base = in("base");
    const DomainListing listing = storm::must(list_topics(base));
    size_t standing = 0;
    for (const TopicInfo& topic : listing.topics) {
      const bool prefixed = topic.name.starts_with("r1/");
      const auto found = recording_.find(prefixed ? topic.name.substr(3) : "");
      if (found == recording_.end()) continue;
      const RecordedRow& last = found->second.back();
      Reader reader = storm::must(Reader::open(base, topic.name));
      Reader source = storm::must(Reader::open(in("robot"), found->first));
      if (!reader.refresh().ok() || !source.refresh().ok()) continue;
      const Sample* sample = reader.latest();
      const Freshness fresh = reader.freshness(), there = source.freshness();
      const bool same =
          sample != nullptr && sample->sequence == found->second.size() &&
          sample->stamp_ns == last.stamp_ns &&
          std::equal(sample->bytes.begin(), sample->bytes.end(), last.bytes.begin(), last.bytes.end());
      const bool known =
          fresh.state == State::kSourceDead && fresh.hops == 2 && fresh.origin.domain == "robot" &&
          fresh.origin.node == "replay" && fresh.origin.host == there.origin.host &&
          fresh.origin.segment_id == source.writers().front().segment->id() && reader.schema().has_value() &&
          source.schema().has_value() && reader.schema()->text() == source.schema()->text();
      standing += same && known;
      if (tell && !(same && known)) {
        ADD_FAILURE() << topic.name << ": " << state_name(fresh.state) << ", sequence "
                      << (sample != nullptr ? sample->sequence : 0) << " of " << found->second.size()
                      << (same ? "" : ", another value") << ", from " << fresh.origin.node << " over "
                      << fresh.hops << " relays";
      }
    }
    if (tell) {
      EXPECT_EQ(standing, recording_.size());
    }
    return standing == recording_.size();
  }

  // Waits; says how long it took.
  int64_t expect_standing(milliseconds limit) {
    const int64_t begin = boottime_ns();
    await(limit, [&] { return stand(false); });
    stand(true);
    return boottime_ns() - begin;
  }

  std::filesystem::path folder_;
  Recording recording_;
};

// One topic in the base, followed by next().
struct Track {
  Reader reader;
  const std::vector<RecordedRow>* rows;
  uint64_t received = 0, last = 0;
};

struct Counts {
  uint64_t received = 0, missed = 0, different = 0, back = 0, reopened = 0;
};

void read_track(Track* t, Counts* counts) {
  while (const Sample* sample = t->reader.next()) {
    ++t->received;
    counts->back += sample->sequence <= t->last;
    t->last = sample->sequence;
    const RecordedRow* row =
        sample->sequence - 1 < t->rows->size() ? &(*t->rows)[sample->sequence - 1] : nullptr;
    const bool same =
        row != nullptr && sample->stamp_ns == row->stamp_ns &&
        std::equal(sample->bytes.begin(), sample->bytes.end(), row->bytes.begin(), row->bytes.end());
    if (!same && ++counts->different <= 5) {
      ADD_FAILURE() << t->reader.topic() << ": sample " << sample->sequence << " is not that row";
    }
  }
}

TEST_F(RelayFlight, EverySampleIsTheRowOfItsSequenceAndTheLastOnesStand) {
  start_all();
  std::vector<Track> tracks;
  for (const auto& [topic, rows] : recording_) {
    tracks.push_back({storm::must(Reader::open(in("base"), "r1/" + topic)), &rows});
  }
  Waiter waiter = storm::must(Waiter::open(in("base")));
  Counts counts;
  const std::unique_ptr<Process> replay = start_replay();
  const auto read_all = [&] {
    for (Track& t : tracks) {
      if (t.reader.writers().empty()) (void)t.reader.refresh();
      read_track(&t, &counts);
    }
  };
  const int64_t deadline = boottime_ns() + int64_t{90} * 1'000'000'000;
  while (!replay->ended() && boottime_ns() < deadline) {
    waiter.wait(milliseconds(40));
    read_all();
  }
  EXPECT_EQ(replay->wait().exit_code, 0);
  const int64_t stood = expect_standing(milliseconds(5'000));
  read_all();
  for (const Track& t : tracks) {
    EXPECT_EQ(t.received + t.reader.missed(), t.rows->size()) << t.reader.topic();
    counts.received += t.received;
    counts.missed += t.reader.missed();
    counts.reopened += t.reader.reopened();
  }
  print_figures(
      "relay_flight: topics {} rows {} received {} missed {} different {} steps back {} reopened {}; stood "
      "{:.0f} ms "
      "after the end",
      tracks.size(), count_rows(recording_), counts.received, counts.missed, counts.different, counts.back,
      counts.reopened, static_cast<double>(stood) / 1e6);
  EXPECT_EQ(counts.received + counts.missed, count_rows(recording_));
  EXPECT_EQ(counts.different, 0u);
  EXPECT_EQ(counts.back, 0u);
  EXPECT_EQ(counts.reopened, 0u);
}

TEST_F(RelayFlight, StandsWhenTheRelaysStartAfterItsEnd) {
  EXPECT_EQ(start_replay()->wait().exit_code, 0);
  start_all();
  const int64_t stood = expect_standing(milliseconds(5'000));
  print_figures("relay_flight: started after the end, all stood {:.0f} ms after the relays were ready",
                static_cast<double>(stood) / 1e6);
}

// Each sample in order (mode `every`) over a cable that loses one packet in twenty, and is cut five times for
// longer than a session lives.
class RelayFlightInOrder : public RelayFlight {
 protected:
  Counts cross(const std::vector<std::string>& replay_flags) {
    const std::string config = (std::filesystem::path(root_) / "sub.toml").string();
    std::ofstream(config) << "version = 1\n[[receive]]\nprefix = \"r1\"\nmode = \"every\"\n";
    sub_flags_ = {"--config", config};
    start_all();
    std::vector<Track> tracks;
    for (const auto& [topic, rows] : recording_) {
      tracks.push_back({storm::must(Reader::open(in("base"), "r1/" + topic)), &rows});
    }
    Waiter waiter = storm::must(Waiter::open(in("base")));
    Counts counts;
    const std::unique_ptr<Process> replay = start_replay(replay_flags);
    const auto read_until = [&](const std::function<bool()>& end, int64_t limit_ns) {
      for (const int64_t deadline = boottime_ns() + limit_ns; boottime_ns() < deadline && !end();) {
        waiter.wait(milliseconds(20));
        for (Track& t : tracks) {
          if (t.reader.writers().empty()) (void)t.reader.refresh();
          read_track(&t, &counts);
        }
      }
    };
    const auto never = [] { return false; };
    for (int outage = 0; outage < 5; ++outage) {
      read_until(never, 1'000'000'000);
      hosts_.cut(outage % 2 == 0 ? Host::kBase : Host::kRobot);
      read_until(never, 900'000'000);
      hosts_.heal(outage % 2 == 0 ? Host::kBase : Host::kRobot);
    }
    read_until([&] { return replay->ended(); }, int64_t{90} * 1'000'000'000);
    EXPECT_EQ(replay->wait().exit_code, 0);
    read_until([&] { return stand(false); }, int64_t{20} * 1'000'000'000);
    read_until(never, 100'000'000);
    for (const Track& t : tracks) {
      EXPECT_EQ(t.received + t.reader.missed(), t.rows->size()) << t.reader.topic();
      counts.received += t.received;
      counts.missed += t.reader.missed();
    }
    print_figures("relay_flight in order: rows {} received {} missed {} different {} steps back {}",
                  count_rows(recording_), counts.received, counts.missed, counts.different, counts.back);
    print_row(
        Row{.id = "R11",
            .what = fmt::format("each sample in order, {}", replay_flags.empty() ? "rings too short" : "all"),
            .n = counts.received + counts.missed,
            .violations = counts.different + counts.back +
                          (counts.received + counts.missed == count_rows(recording_) ? 0 : 1)});
    EXPECT_EQ(counts.received + counts.missed, count_rows(recording_));
    EXPECT_EQ(counts.different, 0u);
    EXPECT_EQ(counts.back, 0u);
    return counts;
  }
};

TEST_F(RelayFlightInOrder, EverySampleArrivesOnceAndInOrderWhenTheRingsHoldAnOutage) {
  SMT_NEED_BAD_CABLE(Host::kBase, {.loss = 0.05, .delay_ns = 5'000'000});
  EXPECT_EQ(cross({"--history", "4096"}).missed, 0u);
}

TEST_F(RelayFlightInOrder, WhatIsNoLongerInTheRingIsCountedExactly) {
  SMT_NEED_BAD_CABLE(Host::kBase, {.loss = 0.05, .delay_ns = 5'000'000});
  EXPECT_GT(cross({}).missed, 0u);
}

}  // namespace
}  // namespace smt::hosts
