#include "tests/proto/proto_vectors.h"

#include <fstream>

#include "proto/batch_reader.h"
#include "tests/proto/batch_rows.h"
#include "tests/text.h"

namespace smt::proto {

namespace {

using nlohmann::json;

json of(const google::protobuf::RepeatedPtrField<Selection>& selections) {
  json out = json::array();
  for (const Selection& s : selections) {
    out.push_back({{"topic", std::vector<std::string>(s.topic().begin(), s.topic().end())},
                   {"exclude", std::vector<std::string>(s.exclude().begin(), s.exclude().end())},
                   {"hops", s.hops()},
                   {"period_ns", s.period_ns()},
                   {"group", s.group()},
                   {"every", s.every()},
                   {"priority", s.priority()},
                   {"tick", s.tick()},
                   {"one_of", s.one_of()},
                   {"on_change", s.on_change()},
                   {"deadband", s.deadband()},
                   {"heartbeat_ns", s.heartbeat_ns()}});
  }
  return out;
}

json of(const Topic& t) {
  const Origin& o = t.origin();
  return {{"id", t.id()},
          {"name", t.name()},
          {"schema_hash", t.schema_hash()},
          {"schema", t.schema()},
          {"generation", t.generation()},
          {"origin",
           {{"id", to_hex(o.id())},
            {"segment_id", to_hex(o.segment_id())},
            {"host", o.host()},
            {"domain", o.domain()},
            {"node", o.node()}}},
          {"hops", t.hops()},
          {"state", t.state()},
          {"max_age_ns", t.max_age_ns()},
          {"max_bytes", t.max_bytes()},
          {"history", t.history()},
          {"first_sequence", t.first_sequence()},
          {"sequence", t.sequence()},
          {"stamp_ns", t.stamp_ns()},
          {"age_ns", t.age_ns()},
          {"age_error_ns", t.age_error_ns()},
          {"every", t.every()}};
}

json of(const Finding& f) {
  return {{"relay", f.relay()},
          {"instance", f.instance()},
          {"role", f.role()},
          {"side", f.side()},
          {"verdict", f.verdict()},
          {"topic", f.topic()},
          {"peer", f.peer()},
          {"peer_instance", f.peer_instance()},
          {"asked", f.asked()},
          {"topic_hops", f.topic_hops()},
          {"state", f.state()},
          {"age_ns", f.age_ns()},
          {"text", f.text()},
          {"other_name", std::vector<std::string>(f.other_name().begin(), f.other_name().end())}};
}

json of(const SetAnswer& a) {
  return {{"outcome", a.outcome()},         {"relay", a.relay()},
          {"instance", a.instance()},       {"text", a.text()},
          {"schema", a.schema()},           {"lease_ns", a.lease_ns()},
          {"dead_man_ns", a.dead_man_ns()}, {"holder_name", a.holder_name()},
          {"sequence", a.sequence()}};
}

json of(const Batch& b) {
  BatchColumns columns;
  json out{{"sent_ns", b.sent_ns()},
           {"raw_bytes", b.raw_bytes()},
           {"size", std::vector<uint64_t>(b.size().begin(), b.size().end())}};
  if (!read_columns(b, &columns)) return out;
  for (size_t i = 0; i < columns.rows; ++i) {
    out["rows"].push_back({{"id", columns.ids[i]},
                           {"sequence_more", columns.sequences[i]},
                           {"stamp_ns", columns.stamps_ns[i]},
                           {"age_ns", columns.ages_ns[i]},
                           {"age_error_ns", columns.age_errors_ns[i]}});
  }
  return out;
}

}  // namespace

json meaning_of(const Envelope& e) {
  json out{{"session", e.session()}, {"number", e.number()}, {"prompt", e.prompt()}};
  const auto topics = [](const auto& list) {
    json all = json::array();
    for (const Topic& t : list) all.push_back(of(t));
    return all;
  };
  switch (e.body_case()) {
    case Envelope::kHello: {
      const Hello& m = e.hello();
      out["hello"] = {{"least_version", m.least_version()},
                      {"version", m.version()},
                      {"instance", m.instance()},
                      {"origin_id", to_hex(m.origin_id())},
                      {"name", m.name()},
                      {"serves", m.serves()},
                      {"takes", m.takes()},
                      {"heartbeat_ns", m.heartbeat_ns()},
                      {"patience_ns", m.patience_ns()}};
      break;
    }
    case Envelope::kReset: {
      const Reset& m = e.reset();
      out["reset"] = {{"reason", m.reason()},
                      {"text", m.text()},
                      {"least_version", m.least_version()},
                      {"version", m.version()}};
      break;
    }
    case Envelope::kWant:
      out["want"] = of(e.want().selection());
      break;
    case Envelope::kAnnounce:
      out["announce"] = {{"topic", topics(e.announce().topic())}, {"sent_ns", e.announce().sent_ns()}};
      break;
    case Envelope::kForget:
      out["forget"] = std::vector<uint32_t>(e.forget().id().begin(), e.forget().id().end());
      break;
    case Envelope::kState:
      out["state"] = {{"id", std::vector<uint32_t>(e.state().id().begin(), e.state().id().end())},
                      {"state", std::vector<int>(e.state().state().begin(), e.state().state().end())}};
      break;
    case Envelope::kBatch:
      out["batch"] = of(e.batch());
      break;
    case Envelope::kChunk: {
      const Chunk& m = e.chunk();
      out["chunk"] = {
          {"id", m.id()},         {"sequence", m.sequence()},         {"stamp_ns", m.stamp_ns()},
          {"age_ns", m.age_ns()}, {"sent_ns", m.sent_ns()},           {"size", m.size()},
          {"offset", m.offset()}, {"age_error_ns", m.age_error_ns()}, {"raw_bytes", m.raw_bytes()}};
      break;
    }
    case Envelope::kReport: {
      const Report& m = e.report();
      out["report"] = {{"acknowledged", m.acknowledged()},
                       {"echo_sent_ns", m.echo_sent_ns()},
                       {"echo_received_ns", m.echo_received_ns()},
                       {"sent_ns", m.sent_ns()},
                       {"held_ns", m.held_ns()}};
      break;
    }
    case Envelope::kGet:
      out["get"] = {
          {"request", e.get().request()}, {"selection", of(e.get().selection())}, {"list", e.get().list()}};
      break;
    case Envelope::kReply:
      out["reply"] = {{"request", e.reply().request()},
                      {"topics", e.reply().topics()},
                      {"complete", e.reply().complete()}};
      break;
    case Envelope::kResume: {
      const Resume& m = e.resume();
      out["resume"] = {{"id", std::vector<uint32_t>(m.id().begin(), m.id().end())},
                       {"sequence", std::vector<uint64_t>(m.sequence().begin(), m.sequence().end())}};
      break;
    }
    case Envelope::kTrace: {
      const Trace& m = e.trace();
      out["trace"] = {{"request", m.request()}, {"topic", m.topic()}, {"here", m.here()}, {"hops", m.hops()}};
      break;
    }
    case Envelope::kTraced: {
      json findings = json::array();
      for (const Finding& f : e.traced().finding()) findings.push_back(of(f));
      out["traced"] = {{"request", e.traced().request()},
                       {"finding", std::move(findings)},
                       {"complete", e.traced().complete()}};
      break;
    }
    case Envelope::kSet: {
      const Set& m = e.set();
      out["set"] = {{"request", m.request()},
                    {"kind", m.kind()},
                    {"topic", m.topic()},
                    {"target", m.target()},
                    {"schema_hash", m.schema_hash()},
                    {"holder", m.holder()},
                    {"holder_name", m.holder_name()},
                    {"hops", m.hops()},
                    {"stamp_ns", m.stamp_ns()}};
      break;
    }
    case Envelope::kSetReply: {
      json answers = json::array();
      for (const SetAnswer& a : e.set_reply().answer()) answers.push_back(of(a));
      out["set_reply"] = {{"request", e.set_reply().request()},
                          {"answer", std::move(answers)},
                          {"complete", e.set_reply().complete()}};
      break;
    }
    case Envelope::BODY_NOT_SET:
      break;
  }
  return out;
}

std::vector<Vector> vectors() {
  constexpr uint64_t kSession = 0x1122334455667788;
  std::vector<Vector> out;
  const auto add = [&](const std::string& name, uint64_t number, const auto& body) {
    out.push_back({name, seal_message(kSession, number, body), ""});
  };
  Hello hello;
  hello.set_least_version(1);
  hello.set_version(1);
  hello.set_instance(0xa1b2c3d4e5f60718);
  hello.set_origin_id("0123456789abcdef");
  hello.set_name("robot");
  hello.set_serves(true);
  hello.set_takes(true);
  add("hello", 0, hello);
  hello.set_heartbeat_ns(1'000'000'000);
  hello.set_patience_ns(2'500'000'000);
  add("hello_liveness", 0, hello);

  Reset reset;
  reset.set_reason(Reset::VERSION);
  reset.set_text("upgrade");
  reset.set_least_version(1);
  reset.set_version(1);
  add("reset", 0, reset);

  Want want;
  Selection* s = want.add_selection();
  s->add_topic("camera/**");
  s->add_topic("imu");
  s->add_exclude("camera/raw");
  s->set_hops(1);
  s->set_period_ns(50'000'000);
  s->set_priority(PRIORITY_HIGH);
  s->set_tick(true);
  s->set_one_of(2);
  s = want.add_selection();
  s->add_topic("**");
  s->set_on_change(true);
  s->set_deadband(0.5);
  s->set_heartbeat_ns(1'000'000'000);
  s = want.add_selection();
  s->add_topic("event/*");
  s->set_group(1);
  s->set_every(true);
  add("want", 1, want);

  Announce announce;
  Topic* t = announce.add_topic();
  t->set_id(4);
  t->set_name("camera/front");
  t->set_schema_hash(0x6f1d2c3b4a596877);
  t->set_schema("bytes 0\n");
  t->set_generation(3);
  t->mutable_origin()->set_id("0123456789abcdef");
  t->mutable_origin()->set_segment_id("fedcba9876543210");
  t->mutable_origin()->set_host("robot");
  t->mutable_origin()->set_domain("default");
  t->mutable_origin()->set_node("driver");
  t->set_hops(1);
  t->set_state(SOURCE_DEAD);
  t->set_max_age_ns(500'000'000);
  t->set_max_bytes(1 << 20);
  t->set_history(4);
  t->set_first_sequence(1);
  t->set_every(true);
  add("announce", 2, announce);

  t->clear_schema();
  t->set_every(false);
  t->set_sequence(uint64_t{1} << 63);
  t->set_stamp_ns(1'700'000'000'000'000'000);
  t->set_age_ns(42);
  t->set_age_error_ns(250'000);
  announce.set_sent_ns(5'000'000'000);
  add("announce_list", 3, announce);

  Forget forget;
  forget.add_id(4);
  forget.add_id(1000);
  add("forget", 4, forget);

  StateChange state;
  state.add_id(4);
  state.add_state(LINK_DOWN);
  state.add_id(5);
  state.add_state(NORMAL);
  add("state", 5, state);

  Batch batch;
  append_rows({{3, 1, 1'000'000, 2000, 250'000},
               {4, 1, 1'000'500, 2000, 250'000},
               {5, 1, 999'000, 1500, -1},
               {100, 1, 999'000, 1500, -1}},
              &batch);
  batch.add_size(3);
  batch.add_size(0);
  batch.set_sent_ns(5'000'000'000);
  const std::string values = "AAAAAAAAabcBBBBBBBB";
  out.push_back({"batch",
                 seal_message(kSession, 300, Envelope::kBatchFieldNumber, batch.SerializeAsString(),
                              payload_hash(byte_view(values)), true),
                 values});

  Chunk chunk;
  chunk.set_id(4);
  chunk.set_sequence(77);
  chunk.set_stamp_ns(-5);
  chunk.set_age_ns(1'000'000);
  chunk.set_sent_ns(5'000'000'000);
  chunk.set_size(1'000'000);
  chunk.set_offset(14'000);
  chunk.set_age_error_ns(-1);
  chunk.set_raw_bytes(20);
  const std::string piece = "a piece of it";
  out.push_back({"chunk", seal_message(kSession, 301, chunk, payload_hash(byte_view(piece))), piece});

  Report report;
  report.set_acknowledged(299);
  report.set_echo_sent_ns(5'000'000'000);
  report.set_echo_received_ns(9'000'000'000);
  report.set_sent_ns(9'000'100'000);
  report.set_held_ns(30'000);
  add("report", 0, report);

  Get get;
  get.set_request(12);
  get.add_selection()->add_topic("**");
  get.set_list(true);
  add("get", 6, get);

  Reply reply;
  reply.set_request(12);
  reply.set_topics(70);
  reply.set_complete(true);
  add("reply", 302, reply);

  Resume resume;
  resume.add_id(4);
  resume.add_sequence(1000);
  resume.add_id(5);
  resume.add_sequence(0);
  add("resume", 7, resume);

  Trace trace;
  trace.set_request(0xfeedfeedfeedfeed);
  trace.set_topic("camera/raw/front");
  trace.set_here("r1/camera/raw/front");
  trace.set_hops(1);
  add("trace", 8, trace);

  Traced traced;
  traced.set_request(0xfeedfeedfeedfeed);
  Finding* f = traced.add_finding();
  f->set_relay("robot");
  f->set_instance(0xa1b2c3d4e5f60718);
  f->set_role("pub");
  f->set_topic("camera/raw/front");
  f->set_topic_hops(1);
  f->set_state(SOURCE_DEAD);
  f->set_verdict(VERDICT_SOURCE_DEAD);
  f->set_age_ns(12'000'000);
  f->set_text("its writer, node driver (pid 812), is gone");
  f = traced.add_finding();
  f->set_relay("robot");
  f->set_instance(0xa1b2c3d4e5f60718);
  f->set_role("pub");
  f->set_side(SIDE_SENDING);
  f->set_verdict(VERDICT_FILTER);
  f->set_topic("camera/raw/front");
  f->set_peer("gate");
  f->set_peer_instance(7);
  f->set_asked(true);
  f->set_age_ns(-1);
  f->set_text("[[send]] rule 2 excludes it by camera/raw/**");
  f->add_other_name("camera/front");
  traced.set_complete(true);
  add("traced", 303, traced);

  Set set;
  set.set_request(0xfeedfeedfeedfeed);
  set.set_kind(SET_VALUE);
  set.set_topic("cmd/speed");
  set.set_target(0xa1b2c3d4e5f60718);
  set.set_schema_hash(0x6f1d2c3b4a596877);
  set.set_holder(0x0123456789abcdef);
  set.set_holder_name("anna@ops");
  set.set_hops(1);
  set.set_stamp_ns(1'700'000'000'000'000'000);
  const std::string value = "AAAAAAAA";
  out.push_back({"set", seal_message(kSession, 9, set, payload_hash(byte_view(value))), value});

  SetReply set_reply;
  set_reply.set_request(0xfeedfeedfeedfeed);
  SetAnswer* a = set_reply.add_answer();
  a->set_relay("robot");
  a->set_instance(0xa1b2c3d4e5f60718);
  a->set_schema("f64 8\nvalue f64 0 1 -\n");
  a->set_lease_ns(1'000'000'000);
  a->set_dead_man_ns(500'000'000);
  a->set_sequence(12);
  a = set_reply.add_answer();
  a->set_outcome(SET_HELD);
  a->set_relay("robot2");
  a->set_instance(7);
  a->set_text("held by bert@ops for another 0.4 s");
  a->set_lease_ns(400'000'000);
  a->set_holder_name("bert@ops");
  set_reply.set_complete(true);
  add("set_reply", 304, set_reply);
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    out += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

}  // namespace smt::proto
