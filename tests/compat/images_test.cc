// Segments as each release has left them: today's reader finds the topics, metadata and samples that the text
// beside them tells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "shm/domain.h"
#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "tests/compat/packed.h"
#include "tests/proto/proto_vectors.h"
#include "tests/temp_folder.h"
#include "tests/text.h"

namespace smt {
namespace {

using nlohmann::json;

// Sample by sample as it was published, by hand: nothing here is read back.
json told(uint64_t sequence, int64_t stamp_ns, int64_t born_ns, const std::string& value) {
  return {
      {"sequence", sequence}, {"stamp_ns", stamp_ns}, {"born_ns", born_ns}, {"value", proto::to_hex(value)}};
}

json told(const TopicOptions& o, uint64_t history, const json& samples) {
  json origin = nullptr;
  if (o.origin)
    origin = {hex_id(o.origin->origin_id), hex_id(o.origin->segment_id), o.origin->host, o.origin->domain,
              o.origin->node};
  return {{"schema", o.schema.text()}, {"history", history}, {"max_age_ns", o.max_age_ns}, {"hops", o.hops},
          {"origin", origin},          {"samples", samples}};
}

class Writing {
 public:
  explicit Writing(Node* node) : node_(node) {}
  // `samples` of `bytes(i)` bytes; `kept` of them, the newest, stay.
  void topic(TopicOptions options, uint64_t samples, uint64_t kept, uint64_t history,
             const std::function<std::string(uint64_t)>& value) {
    Result<Publisher> p = node_->advertise(options);
    ASSERT_TRUE(p.ok()) << p.status().message();
    json all = json::array();
    for (uint64_t i = 1; i <= samples; ++i) {
      const uint64_t sequence = options.first_sequence + i;
      const int64_t stamp = static_cast<int64_t>(1000 * i), born = static_cast<int64_t>(2000 * i);
      const std::string v = value(i);
      const Status s = options.origin ? p->publish(byte_view(v), SampleHead{sequence, stamp, born, born + 1})
                                      : p->publish(byte_view(v), stamp, born);
      ASSERT_TRUE(s.ok()) << s.message();
      if (i + kept > samples) all.push_back(told(sequence, stamp, born, v));
    }
    topics[options.name] = told(options, history, all);
  }
  json topics;

 private:
  Node* node_;
};

std::string numbered(uint64_t i, size_t bytes) {
  std::string out(bytes, static_cast<char>('a' + i % 26));
  if (bytes >= 8) memcpy(out.data(), &i, sizeof i);
  return out;
}

void publish(Writing* to, Node* node) {
  const auto of = [](size_t bytes) { return [bytes](uint64_t i) { return numbered(i, bytes); }; };
  Schema all{"demo::All", 56, {}};
  uint32_t offset = 0;
  for (const Type type : {Type::kF64, Type::kI64, Type::kU64, Type::kF32, Type::kI32, Type::kU32, Type::kI16,
                          Type::kU16, Type::kI8, Type::kU8, Type::kBool}) {
    all.fields.push_back({"f." + std::string(name_of(type)), type, offset, 1, "m/s^2"});
    offset += type_bytes(type);
  }
  all.fields.push_back({"text", Type::kChar, offset, 11, ""});
  to->topic({.name = "a/all", .schema = all, .max_age_ns = 250'000'000}, 3, 3, 4, of(56));
  to->topic({.name = "a/ring", .schema = Schema::scalar(Type::kF64), .history = 16}, 40, 16, 16, of(8));
  to->topic({.name = "a/array", .schema = Schema::scalar(Type::kU16, 100)}, 2, 2, 4, of(200));
  to->topic({.name = "ünï/text", .schema = Schema::string(), .max_bytes = 100}, 3, 3, 4,
            [](uint64_t i) { return std::string(i - 1, 'x'); });
  to->topic({.name = "b/grown", .history = 4}, 5, 4, 4, [](uint64_t i) { return numbered(i, 400 * i); });
  to->topic({.name = "b/large", .max_bytes = 12'000}, 1, 1, 4, of(12'000));
  to->topic({.name = "b/empty", .schema = Schema::scalar(Type::kI8)}, 0, 0, 4, of(1));
  for (int i = 0; i < 70; ++i)  // more than the first block of the directory has room for
    to->topic({.name = "many/" + std::to_string(i), .schema = Schema::scalar(Type::kU8)}, 1, 1, 4, of(1));
  {
    Writing unknown(node);
    unknown.topic({.name = "gone", .max_bytes = 512}, 2, 2, 4, of(512));
  }
  ASSERT_TRUE(node->remove("gone").ok());
}

void mirror(Writing* to, Node* node) {
  TopicOrigin origin{{1, 2, 3}, {4, 5, 6}, "robot", "default", "driver"};
  to->topic({.name = "arm/pose", .origin = origin, .hops = 2, .first_sequence = 100}, 3, 3, 4,
            [](uint64_t i) { return numbered(i, 24); });
  origin.host = "other";
  to->topic({.name = "arm/name", .schema = Schema::string(), .history = 8, .origin = origin, .hops = 1}, 9, 8,
            8, [](uint64_t i) { return "name " + std::to_string(i); });
  node->keep_alive(INT64_MAX);
}

json read_topic(const Domain& domain, const TopicInfo& t) {
  json samples = json::array();
  Result<Reader> reader = Reader::open(domain, t.name);
  EXPECT_TRUE(reader.ok()) << reader.status().message();
  while (const Sample* s = reader.ok() ? reader->next() : nullptr)
    samples.push_back(told(s->sequence, s->stamp_ns, s->born_ns,
                           {reinterpret_cast<const char*>(s->bytes.data()), s->bytes.size()}));
  const TopicOrigin& o = t.freshness.origin;
  TopicOptions options{.schema = t.schema, .max_age_ns = t.freshness.max_age_ns, .hops = t.freshness.hops};
  if (t.freshness.hops != 0) options.origin = o;
  return told(options, t.history, samples);
}

// A reader finds in the image what the text beside it tells.
void expect_as_told(const std::string& path) {
  SCOPED_TRACE(path);
  const TempFolder root;
  const Domain domain = *Domain::open({.root = root.path(), .domain = "d"});
  const std::string node = std::filesystem::path(path).stem().string();
  std::ofstream(domain.path() + "/" + node, std::ios::binary) << compat::unpacked(path);
  ASSERT_EQ(chmod((domain.path() + "/" + node).c_str(), 0600), 0);
  const Result<DomainListing> list = list_topics(domain);
  ASSERT_TRUE(list.ok()) << list.status().message();
  EXPECT_THAT(list->problems, testing::IsEmpty());
  json found;
  for (const TopicInfo& t : list->topics) {
    EXPECT_EQ(t.writers.size(), 1u);
    for (const TopicWriterInfo& w : t.writers) EXPECT_TRUE(w.node == node && !w.live) << w.node;
    found[t.name] = read_topic(domain, t);
  }
  const json told = json::parse(contents(path.substr(0, path.size() - 3) + ".json"));
  EXPECT_EQ(found.size(), told.size());
  for (const auto& [name, topic] : told.items()) EXPECT_EQ(found[name], topic) << name;
}

TEST(CompatImages, TodaysReaderFindsWhatEachReleaseHasWritten) {
  size_t read = 0;
  for (const std::string& path : compat::files_of_releases("segments")) {
    if (!path.ends_with(".gz")) continue;
    expect_as_told(path);
    ++read;
  }
  EXPECT_GE(read, 2u);
}

// Nodes that were adopted go on where they were: a release's segment is today's.
TEST(CompatImages, TodaysNodeAdoptsWhatEachReleaseHasWritten) {
  for (const std::string& path : compat::files_of_releases("segments")) {
    if (!path.ends_with("/driver.gz")) continue;
    SCOPED_TRACE(path);
    const TempFolder root;
    const Domain domain = *Domain::open({.root = root.path(), .domain = "d"});
    std::ofstream(domain.path() + "/driver", std::ios::binary) << compat::unpacked(path);
    ASSERT_EQ(chmod((domain.path() + "/driver").c_str(), 0600), 0);
    const Result<std::unique_ptr<Node>> node = Node::open(domain, {.name = "driver"});
    ASSERT_TRUE(node.ok()) << node.status().message();
    EXPECT_TRUE((*node)->birth().adopted) << (*node)->birth().replaced_why;
    Result<Publisher> p =
        (*node)->advertise({.name = "a/ring", .schema = Schema::scalar(Type::kF64), .history = 16});
    ASSERT_TRUE(p.ok()) << p.status().message();
    ASSERT_TRUE(p->publish(byte_view("12345678")).ok());
    Result<Reader> reader = Reader::open(domain, "a/ring");
    ASSERT_TRUE(reader.ok());
    const Sample* newest = reader->latest_fresh();
    ASSERT_NE(newest, nullptr);
    EXPECT_EQ(newest->sequence, 41u);
  }
}

// make.sh records a release by it. The images are those of programs that were killed: nothing is closed.
TEST(CompatRecord, SegmentsAreAsTheTextsBesideThemTell) {
  const TempFolder root, own;
  const std::string folder = compat::folder_to_fill(own.path()) + "/segments";
  std::filesystem::create_directories(folder);
  const Domain domain = *Domain::open({.root = root.path(), .domain = "d"});
  for (const std::string name : {"driver", "mirror-1"}) {
    const bool mirrors = name != "driver";
    const Result<std::unique_ptr<Node>> node =
        Node::open(domain, {.name = name, .segment_bytes = 1 << 20, .mirror = mirrors});
    ASSERT_TRUE(node.ok()) << node.status().message();
    Writing to(node->get());
    (mirrors ? mirror : publish)(&to, node->get());
    compat::pack(folder + "/" + name + ".gz", contents(domain.path() + "/" + name));
    std::ofstream(folder + "/" + name + ".json") << to.topics.dump(1) << '\n';
  }
  for (const std::string name : {"driver", "mirror-1"}) expect_as_told(folder + "/" + name + ".gz");
}

}  // namespace
}  // namespace smt
