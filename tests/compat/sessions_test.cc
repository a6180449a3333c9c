// Sessions that each release has recorded, of both sides: today's sub understands what a pub of that release
// said, and today's pub what a sub did. What is replayed dials, so that the number of the session is its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/compat/listener.h"
#include "tests/compat/packed.h"
#include "tests/compat/scenes.h"
#include "tests/proto/proto_vectors.h"
#include "tests/relay/link_mem.h"
#include "tests/temp_folder.h"
#include "tests/text.h"
#include "tests/times.h"

namespace smt::relay {
namespace {

using nlohmann::json;

// By the side that dials.
struct Message {
  int64_t ms = 0;
  std::string header, payload;
};

// One run of a scene between two relays, or between one and a recording.
class Session {
 public:
  Session(const Scene& scene, bool pub_dials) : scene_(scene), pub_dials_(pub_dials) {
    // A relay that binds first, and a millisecond on the way, so that answers come after what they answer.
    net_.set_delay(kMs, kMs);
    net_.hook = [this](MemMessage* m) {
      if (m->to_binder) messages.push_back({ms_, m->header, m->payload});
      if (m->to_binder == pub_dials_ && m->malformed) broken = true;
      if (m->to_binder == pub_dials_ && !pub_.hear(m->header, m->payload)) broken = true;
      return MemNet::Fate::kDeliver;
    };
    side(false) = std::make_unique<Side>(scene_, !pub_dials_);
    side(false)->relay().add(net_.bind("mem://x"), scene_.link);
  }
  ~Session() { net_.hook = nullptr; }

  void run() {
    side(true) = std::make_unique<Side>(scene_, pub_dials_);
    side(true)->relay().add(net_.dial("mem://x", "d"), scene_.link);
    go([] {});
  }
  void replay(const std::vector<Message>& recorded) {
    const std::unique_ptr<Link> link = net_.dial("mem://x", "d");
    link->redial();
    auto next = recorded.begin();
    go([&] {
      for (Incoming in; link->receive(&in);) continue;
      for (; next != recorded.end() && next->ms <= ms_; ++next) {
        Frame frame;
        if (!next->payload.empty()) {
          const std::shared_ptr<std::byte[]> room = Frame::room(next->payload.size());
          memcpy(room.get(), next->payload.data(), next->payload.size());
          frame = {room, {room.get(), next->payload.size()}};
        }
        link->send("", byte_view(next->header), frame);
      }
    });
  }

  // What has come out of it. `dialer`: of a side that is no recording.
  json outcome() const { return {{"heard", pub_.came()}, {"replies", pub_.replies()}}; }
  json outcome(bool dialer) const {
    const Side& s = dialer ? *dialer_ : *binder_;
    return {{"came", s.came}, {"answers", s.answers}};
  }

  std::vector<Message> messages;
  bool broken = false;  // what the pub says is no message

 private:
  std::unique_ptr<Side>& side(bool dialer) { return dialer ? dialer_ : binder_; }
  template <class Replay>
  void go(const Replay& say) {
    for (ms_ = 0; ms_ < scene_.ms; ++ms_, now_ns_ += kMs) {
      if (ms_ == scene_.cut_ms) net_.cut("d");
      if (ms_ == scene_.heal_ms) net_.heal("d");
      for (const bool dialer : {true, false}) {
        const auto& act = dialer == pub_dials_ ? scene_.pub : scene_.sub;
        if (side(dialer) != nullptr && act) act(ms_, now_ns_, side(dialer).get());
      }
      say();
      for (int i = 0; i < 100; ++i) {
        size_t did = 0;
        for (const bool dialer : {true, false}) {
          if (side(dialer) != nullptr) did += side(dialer)->relay().step(now_ns_);
        }
        if (did == 0) break;
      }
    }
    if (side(true) != nullptr) side(true)->stop();  // says goodbye
    say();
    now_ns_ += kMs;
    side(false)->relay().step(now_ns_);
    peers_at_end = side(false)->relay().peers().size();
  }

  const Scene scene_;
  const bool pub_dials_;
  int64_t ms_ = 0, now_ns_ = 1'000'000 * kSecond;
  MemNet net_{&now_ns_};
  std::unique_ptr<Side> binder_, dialer_;
  Listener pub_;

 public:
  size_t peers_at_end = 0;  // of the side that binds, after the other one's goodbye
};

json to_json(const std::string& scene, bool pub_dials, const Session& s) {
  json messages = json::array();
  for (const Message& m : s.messages)
    messages.push_back({m.ms, proto::to_hex(m.header), proto::to_hex(m.payload)});
  return {{"scene", scene},     {"pub_dials", pub_dials},     {"messages", messages},
          {"pub", s.outcome()}, {"binder", s.outcome(false)}, {"dialer", s.outcome(true)}};
}

std::vector<Message> messages_of(const json& file) {
  std::vector<Message> out;
  for (const json& m : file["messages"])
    out.push_back({m[0], proto::from_hex(m[1].get<std::string>()), proto::from_hex(m[2].get<std::string>())});
  return out;
}

class Sessions : public testing::Test {
 protected:
  // By path; read once.
  static const std::vector<std::pair<std::string, json>>& all() {
    static const std::vector<std::pair<std::string, json>> recorded = [] {
      std::vector<std::pair<std::string, json>> out;
      for (const std::string& path : compat::files_of_releases("sessions"))
        out.emplace_back(path, json::parse(compat::unpacked(path)));
      return out;
    }();
    return recorded;
  }
  // Replays those in which a pub, or a sub, dials. `check(recording, session)`.
  template <class Check>
  static void replay(bool pub_dials, const Check& check) {
    size_t replayed = 0;
    for (const auto& [path, recording] : all()) {
      if (recording["pub_dials"] != pub_dials) continue;
      SCOPED_TRACE(path);
      const std::vector<Scene> known = scenes();
      const auto scene = std::find_if(known.begin(), known.end(),
                                      [&, &r = recording](const Scene& s) { return r["scene"] == s.name; });
      ASSERT_NE(scene, known.end());
      Session session(*scene, pub_dials);
      session.replay(messages_of(recording));
      EXPECT_FALSE(session.broken);
      EXPECT_EQ(session.peers_at_end, 0u) << "the goodbye";
      check(recording, session);
      ++replayed;
    }
    EXPECT_GE(replayed, scenes().size());
  }
};

TEST_F(Sessions, TodaysSubUnderstandsThePubOfEachRelease) {
  replay(true, [](const json& recording, const Session& session) {
    EXPECT_EQ(session.outcome(false), recording["binder"]);
    EXPECT_FALSE(session.outcome(false)["came"].empty());
  });
}

TEST_F(Sessions, TodaysPubServesTheSubOfEachRelease) {
  replay(false, [](const json& recording, const Session& session) {
    EXPECT_EQ(session.outcome(), recording["pub"]);
    EXPECT_EQ(session.outcome(false), recording["binder"]);
    EXPECT_FALSE(session.outcome()["heard"].empty());
  });
}

TEST_F(Sessions, EachKindOfMessageIsRecorded) {
  std::set<int> kinds;
  for (const auto& [path, recording] : all()) {
    for (const Message& m : messages_of(recording)) {
      proto::Envelope e;
      ASSERT_EQ(proto::open_message(byte_view(m.header), byte_view(m.payload), &e), proto::Opened::kOk)
          << path;
      kinds.insert(static_cast<int>(e.body_case()));
    }
  }
  for (int kind = proto::Envelope::kHelloFieldNumber; kind <= proto::Envelope::kSetReplyFieldNumber; ++kind)
    EXPECT_TRUE(kinds.contains(kind)) << kind;
}

// make.sh records a release by it.
TEST(CompatRecord, SessionsComeBackFromTheirFilesAsTheyWere) {
  const TempFolder own;
  const std::string folder = compat::folder_to_fill(own.path()) + "/sessions";
  std::filesystem::create_directories(folder);
  for (const Scene& scene : scenes()) {
    for (const bool pub_dials : {true, false}) {
      Session session(scene, pub_dials);
      session.run();
      ASSERT_FALSE(session.broken);
      const std::string path =
          folder + "/" + scene.name + (pub_dials ? ".pub-dials" : ".sub-dials") + ".json.gz";
      const json recorded = to_json(scene.name, pub_dials, session);
      compat::pack(path, recorded.dump(1));
      EXPECT_EQ(json::parse(compat::unpacked(path)), recorded) << path;
    }
  }
}

}  // namespace
}  // namespace smt::relay
