// What is sent compressed.
#include "relay/frame/compression.h"

#include "tests/proto/batch_rows.h"
#include "tests/relay/relay_fixture.h"

namespace smt::relay {
namespace {

class CompressionTest : public RelayTest {};

TEST_F(CompressionTest, ValuesArriveAsTheyWereAndBytesAreSaved) {
  pair({.link = {.compress = true}});
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  for (int i = 0; i < 50; ++i) {
    for (int t = 0; t < 30; ++t)
      a_->publish("t" + std::to_string(t), std::to_string(1000 + i) + std::string(60, 'v'), now_);
    if (i % 10 == 0) a_->publish("large", text.substr(static_cast<size_t>(i)), now_);
    run(10 * kMs);
    ASSERT_EQ(b_->value("t29"), std::to_string(1000 + i) + std::string(60, 'v'));
  }
  EXPECT_TRUE(b_->value("large") == text.substr(40));
  const OutboundCounters c = a_->counters().outbound;
  EXPECT_GT(c.saved_bytes, c.payload_bytes) << "more than half";
  EXPECT_EQ(c.payload_bytes, net().traffic("b", false).payload_bytes);
  EXPECT_EQ(b_->counters().session.malformed, 0u);
}

TEST_F(CompressionTest, TwoPeersShareTheCompressedBytesAndOneWithoutGetsThemPlain) {
  a_ = &host("a", {.link = {.compress = true}});
  Host& b = host("b", subscriber());
  Host& c = host("c", subscriber());
  bind(*a_);
  dial(b, "b");
  dial(c, "c");
  for (int i = 0; i < 20; ++i) {
    const std::string value = std::to_string(100 + i) + std::string(500, 'v');
    a_->publish("x", value, now_);
    ASSERT_TRUE(until(b, "x", value));
    ASSERT_TRUE(until(c, "x", value));
    run(10 * kMs);
  }
  EXPECT_EQ(net().traffic("b", false).payload_bytes, net().traffic("c", false).payload_bytes);
  EXPECT_LT(net().traffic("c", false).payload_bytes, 20u * 100u);
}

TEST_F(CompressionTest, BytesThatDoNotShrinkAreSentAsTheyAreAndRarelyTried) {
  pair({.link = {.compress = true}});
  for (int i = 0; i < 20; ++i) {
    const std::string image = make_noise(900'000);
    a_->publish("image", image, now_);
    ASSERT_TRUE(until([&] { return b_->value("image") == image; }));
  }
  EXPECT_EQ(a_->counters().outbound.saved_bytes, 0u);
  // Of what shrinks as well, only each 64th is tried after that: that is how it can be seen.
  Compressor compressor;
  const std::string noise = make_noise(10'000), text(10'000, 't');
  for (int i = 0; i < 2000; ++i) EXPECT_FALSE(compressor.shrink(byte_view(noise)));
  int left_out = 0;
  while (!compressor.shrink(byte_view(text))) ASSERT_LE(++left_out, 63);
  EXPECT_GE(left_out, 1);
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(compressor.shrink(byte_view(text))) << "from here on it pays again";
}

TEST_F(CompressionTest, APeerThatLiesAboutItIsRefused) {
  b_ = &host("b", subscriber());
  bind(*b_);
  Compressor compressor;
  const std::string text(100, 't'), bomb_text(400'000, 'b');
  const std::string long_text(1000, 't');
  const auto frame = [&](const std::string& of) {
    const std::optional<Frame> f = compressor.shrink(byte_view(of));
    return std::string(reinterpret_cast<const char*>(f->bytes.data()), f->bytes.size());
  };
  struct Case {
    const char* what;
    std::string payload;
    uint32_t raw_bytes;
    bool fine;
  };
  const std::string packed = frame(long_text);
  std::string damaged = packed;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  const std::vector<Case> cases = {
      {"as it should be", packed, 1000, true},
      {"too large", packed, proto::kMaxFrame + 1, false},
      {"more than it holds", packed, 1001, false},
      {"less than it holds", packed, 999, false},
      {"a bomb", frame(bomb_text), 1000, false},
      {"no frame", long_text, 1000, false},
      {"cut off", packed.substr(0, packed.size() - 3), 1000, false},
      {"nothing", "", 1000, false},
      {"two frames", packed + packed, 1000, false},
      {"not said", packed, 0, false},
  };
  uint64_t ended = 0, session = 5000;
  for (const bool chunk : {false, true}) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(c.what) + (chunk ? ", in pieces" : ""));
      Stranger stranger(net(), "s" + std::to_string(++session));
      stranger.session = session;
      stranger.say(0, stranger.hello(session));
      settle();
      stranger.say(1, wire_announce({wire_topic(5, "x", 1000)}));
      if (chunk) {
        proto::Chunk m;
        m.set_id(5);
        m.set_sequence(7);
        m.set_size(1000);
        m.set_raw_bytes(c.raw_bytes);
        stranger.send(proto::seal_message(session, 2, proto::Envelope::kChunkFieldNumber,
                                          m.SerializeAsString(), proto::payload_hash(byte_view(c.payload))),
                      c.payload);
        // Without the word it is a first piece: the value does not get whole, and nothing is wrong yet.
      } else {
        proto::Batch m;
        proto::append_rows({{5, 7, 0, 0}}, &m);
        m.add_size(1000);
        m.set_raw_bytes(c.raw_bytes);
        stranger.say_batch(2, m, c.payload);
      }
      settle();
      if (!c.fine && !(chunk && c.raw_bytes == 0)) ++ended;
      EXPECT_EQ(b_->counters().session.malformed, ended);
      EXPECT_EQ(b_->value("x") == long_text, c.fine);
      proto::Reset bye;
      bye.set_reason(proto::Reset::BYE);
      stranger.say(0, bye);
      settle();
      if (b_->store().find("x")) b_->remove("x");
      settle();
    }
  }
}

TEST_F(CompressionTest, NoMoreThanAFrameIsUnpackedAtOnce) {
  b_ = &host("b", subscriber());
  bind(*b_);
  for (const size_t bytes : {proto::kMaxFrame, proto::kMaxFrame + 1}) {
    const std::string text(bytes, 't');
    Compressor compressor;
    const std::optional<Frame> packed = compressor.shrink(byte_view(text));
    Stranger stranger(net(), "s" + std::to_string(bytes));
    stranger.session = bytes;
    stranger.say(0, stranger.hello(bytes));
    settle();
    stranger.say(1, wire_announce({wire_topic(5, "x" + std::to_string(bytes), 1 << 20)}));
    proto::Batch m;
    proto::append_rows({{5, 7, 0, 0}}, &m);
    m.add_size(bytes);
    m.set_raw_bytes(static_cast<uint32_t>(bytes));
    stranger.say_batch(
        2, m, std::string_view(reinterpret_cast<const char*>(packed->bytes.data()), packed->bytes.size()));
    settle();
    const bool fine = bytes == proto::kMaxFrame;
    EXPECT_EQ(b_->value("x" + std::to_string(bytes)) == text, fine);
    EXPECT_EQ(b_->counters().session.malformed, fine ? 0u : 1u);
  }
}

}  // namespace
}  // namespace smt::relay
