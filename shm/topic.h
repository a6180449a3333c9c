// Topics of a C++ type.
//
//   struct Pose { double x, y, yaw; };
//   SMT_FIELDS(Pose, x, y, yaw)
//
//   auto domain = smt::Domain::open({});
//   auto node = smt::Node::open(*domain, {.name = "driver"});
//   auto pose = smt::Topic<Pose>::advertise(**node, {.name = "base/pose", .max_age_ns = 100'000'000});
//   pose->publish({1, 2, 0.5});
//
//   auto reader = smt::TopicReader<Pose>::open(*domain, "base/pose");
//   if (auto p = reader->latest_fresh()) drive(*p);
#ifndef SMT_SHM_TOPIC_H_
#define SMT_SHM_TOPIC_H_

#include <array>
#include <chrono>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "shm/fields.h"
#include "shm/node.h"
#include "shm/reader.h"

namespace smt {

// T is trivially copyable and has a SchemaOf: a scalar, an array of them, or a struct described by SMT_FIELDS
// (shm/fields.h) or BOOST_DESCRIBE_STRUCT (include shm/describe.h).
template <class T>
class Topic {
  static_assert(std::is_trivially_copyable_v<T>,
                "only bytes cross process borders: no pointers, no std::string");

 public:
  // The schema and the size are those of T.
  static Result<Topic> advertise(Node& node, TopicOptions options) {
    options.schema = schema_of<T>();
    options.max_bytes = sizeof(T);
    Result<Publisher> p = node.advertise(options);
    if (!p.ok()) return p.status();
    return Topic(std::move(*p));
  }

  Status publish(const T& value) { return publisher_.publish(std::as_bytes(std::span(&value, 1))); }
  Status publish(const T& value, int64_t stamp_ns, int64_t born_ns) {
    return publisher_.publish(std::as_bytes(std::span(&value, 1)), stamp_ns, born_ns);
  }
  Publisher& publisher() { return publisher_; }

 private:
  explicit Topic(Publisher publisher) : publisher_(std::move(publisher)) {}
  Publisher publisher_;
};

template <class T>
class TopicReader {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // A topic of another schema is not read; reader().refresh() says why.
  static Result<TopicReader> open(const Domain& domain, std::string_view topic, ReaderOptions options = {}) {
    options.schema = schema_of<T>();
    Result<Reader> r = Reader::open(domain, topic, std::move(options));
    if (!r.ok()) return r.status();
    return TopicReader(std::move(*r));
  }

  // As Reader's.
  std::optional<T> latest_fresh() { return value_of(reader_.latest_fresh()); }
  std::optional<T> latest() {
    T value;
    if (!reader_.latest_into(&value, sizeof value, &head_)) return std::nullopt;
    return value;
  }
  std::optional<T> next() { return value_of(reader_.next()); }
  Woke wait(std::chrono::nanoseconds timeout) { return reader_.wait(timeout); }
  // Of the sample returned last.
  const SampleHead& head() const { return head_; }
  Reader& reader() { return reader_; }

 private:
  explicit TopicReader(Reader reader) : reader_(std::move(reader)) {}
  std::optional<T> value_of(const Sample* s) {
    if (s == nullptr || s->bytes.size() != sizeof(T)) return std::nullopt;
    head_ = {s->sequence, s->stamp_ns, s->born_ns, s->written_ns};
    T value;
    memcpy(&value, s->bytes.data(), sizeof value);
    return value;
  }
  Reader reader_;
  SampleHead head_{};
};

}  // namespace smt

#endif  // SMT_SHM_TOPIC_H_
