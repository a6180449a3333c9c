// One end of a link by hand: it speaks the protocol as well, or as badly, as it is told.
#ifndef SMT_TESTS_FUZZ_SPEAKER_H_
#define SMT_TESTS_FUZZ_SPEAKER_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proto/codec.h"
#include "relay/link/link.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/proto/batch_rows.h"

namespace smt::fuzz {

class Speaker {
 public:
  // `session`: before the first one of an end that dials.
  Speaker(std::unique_ptr<relay::Link> link, uint64_t session, uint64_t instance)
      : link_(std::move(link)), session_(session), instance_(instance) {
    if (link_->dials()) link_->redial();
  }

  // What is untrue of a message.
  struct Lie {
    bool number = false, session = false, damaged = false;
  };

  // Begins a session anew, or, where it binds, answers the last Hello. 0: of a version that does not say
  // them.
  void greet(uint64_t heartbeat_ns = 0, uint64_t patience_ns = 0) {
    if (link_->dials()) ++session_;
    number_ = received_ = 0;
    heard_.clear();
    sequences_.clear();
    proto::Hello hello;
    hello.set_least_version(1);
    hello.set_version(1);
    hello.set_instance(instance_);
    hello.set_origin_id(std::string(16, static_cast<char>(instance_)));
    hello.set_name("n" + std::to_string(instance_));
    hello.set_serves(true);
    hello.set_heartbeat_ns(heartbeat_ns);
    hello.set_patience_ns(patience_ns);
    say(hello);
  }
  template <class Body>
  void say(const Body& body, const std::string& payload = "") {
    say(proto::kFieldOf<Body>, body.SerializeAsString(), payload, {});
  }
  void say(int field, const std::string& body, const std::string& payload, Lie lie) {
    const bool counted = field != proto::Envelope::kHelloFieldNumber &&
                         field != proto::Envelope::kResetFieldNumber &&
                         field != proto::Envelope::kReportFieldNumber;
    const uint64_t number = counted ? ++number_ + (lie.number ? 7 : 0) : lie.number ? 1 : 0;
    header_ = proto::seal_message(session_ + (lie.session ? 1 : 0), number, field, body,
                                  proto::payload_hash(std::as_bytes(std::span(payload))));
    if (lie.damaged) header_[header_.size() / 2] ^= 4;
    payload_ = payload;
    again();
  }
  // The last message once more.
  void again() { send(header_, payload_); }
  void send(const std::string& header, const std::string& payload) {
    relay::Frame frame;
    if (!payload.empty()) {
      const std::shared_ptr<std::byte[]> room = relay::Frame::room(payload.size());
      std::copy_n(std::as_bytes(std::span(payload)).data(), payload.size(), room.get());
      frame = {room, {room.get(), payload.size()}};
    }
    link_->send(peer_, relay::bytes_of(header), frame);
  }
  void want(const std::string& pattern) {
    proto::Want want;
    want.add_selection()->add_topic(pattern);
    say(want);
  }
  // A value of a topic of any size.
  void say_batch(uint32_t id, uint64_t sequence, const std::string& value) {
    proto::Batch batch;
    proto::append_rows({{id, sequence - std::exchange(sequences_[id], sequence), 0, 0}}, &batch);
    batch.add_size(value.size());
    say(batch, value);
  }
  void report(int64_t now_ns) {
    proto::Report report;
    report.set_acknowledged(received_);
    report.set_sent_ns(static_cast<uint64_t>(now_ns));
    say(report);
  }

  // Takes what has come.
  void hear() {
    for (relay::Incoming in; link_->receive(&in);) {
      proto::Envelope e;
      expect(proto::open_message(in.header, in.payload, &e) == proto::Opened::kOk,
             "a relay says what is no message");
      if (!link_->dials() && e.has_hello()) {
        peer_ = in.peer;
        session_ = e.session();
        greeted_ = true;
      }
      if (e.session() != session_) continue;
      received_ = std::max(received_, e.number());
      heard_.append(reinterpret_cast<const char*>(in.payload.data()), in.payload.size());
      if (heard_.size() > kKept) heard_.erase(0, heard_.size() - kKept);
    }
  }
  // This text was in a payload of this session not long ago.
  bool has(std::string_view text) const { return heard_.find(text) != heard_.npos; }
  // Where it binds: a Hello has come since it was forgotten.
  bool greeted() const { return greeted_; }
  void forget_greeting() { greeted_ = false; }

 private:
  static constexpr size_t kKept = 4096;
  std::unique_ptr<relay::Link> link_;
  relay::PeerId peer_;
  uint64_t session_;
  const uint64_t instance_;
  uint64_t number_ = 0, received_ = 0;
  std::map<uint32_t, uint64_t> sequences_;
  std::string header_, payload_, heard_;
  bool greeted_ = false;
};

}  // namespace smt::fuzz

#endif  // SMT_TESTS_FUZZ_SPEAKER_H_
