#include "cmd/topic/pub_lines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>

#include "cmd/cli/lines.h"
#include "cmd/text/beat.h"
#include "cmd/text/file_status.h"
#include "cmd/value/infer_schema.h"
#include "cmd/value/value.h"
#include "shm/clock.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

constexpr size_t kMaxLine = 64 << 20;

class LinePublisher {
 public:
  LinePublisher(PubTopics* topics, const PubLinesOptions& options) : topics_(topics), options_(options) {}

  // False: the line holds no sample.
  Result<bool> publish(const std::string& line) {
    if (line.find_first_not_of(" \t\r") == line.npos) return false;
    const Json sample = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!sample.is_object())
      return {Code::kInvalid, "not a JSON object, as smttopic echo -f jsonl prints them"};
    const auto value = sample.find("value"), named = sample.find("topic");
    if (value == sample.end()) return {Code::kInvalid, "no \"value\""};
    if (options_.topic.empty() && (named == sample.end() || !named->is_string()))
      return {Code::kInvalid, "no \"topic\""};
    if (value->is_null()) return false;
    const std::string topic = options_.topic.empty() ? named->get<std::string>() : options_.topic;
    Result<const Schema*> schema = schema_of(topic, *value);
    if (!schema.ok()) return schema.status();
    Result<std::vector<std::byte>> bytes = json_to_value(**schema, *value);
    if (!bytes.ok()) return Status(bytes.status().code(), topic + ": " + bytes.status().message());
    if (Status s = topics_->publish(topic, **schema, *bytes); !s.ok()) return s;
    return true;
  }

 private:
  Result<const Schema*> schema_of(const std::string& topic, const Json& value) {
    auto known = schemas_.find(topic);
    if (known == schemas_.end()) {
      Result<Schema> schema = topics_->schema(topic, options_.type);
      if (!schema.ok() && schema.status().code() == Code::kNotFound) schema = infer_schema(value);
      if (!schema.ok()) return schema.status();
      known = schemas_.emplace(topic, std::move(*schema)).first;
    }
    return &known->second;
  }

  PubTopics* topics_;
  const PubLinesOptions& options_;
  std::map<std::string, Schema> schemas_;  // by topic
};

}  // namespace

Status pub_lines(PubTopics* topics, const PubLinesOptions& options, const Stop& stop) {
  Fd file;
  int fd = STDIN_FILENO;
  if (options.from != "-") {
    file = Fd(open(options.from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) return file_status("cannot read " + options.from, errno);
    fd = file.get();
  }
  Lines lines(fd, kMaxLine);
  LinePublisher publisher(topics, options);
  std::optional<Beat> beat;
  uint64_t turn = 0, published = 0;
  for (uint64_t number = 1;; ++number) {
    std::string line;
    while (!lines.next(&line) && !lines.ended()) {
      lines.wait(stop.fd());
      if (stop.stopped()) return Status();
    }
    const auto at = [&](const std::string& what) {
      return fmt::format("{}, line {}: {}", options.from, number, what);
    };
    if (lines.too_long()) return Status(Code::kInvalid, at(fmt::format("more than {} bytes", kMaxLine)));
    if (line.empty() && lines.ended()) return Status();
    if (beat && stop.sleep_until(beat->due_ns(turn))) return Status();
    Result<bool> done = publisher.publish(line);
    if (!done.ok()) return Status(done.status().code(), at(done.status().message()));
    if (!*done) continue;
    if (++published == options.count || stop.stopped()) return Status();
    if (options.rate_hz == 0) continue;
    if (!beat) beat.emplace(options.rate_hz, boottime_ns());
    turn = beat->after(turn, boottime_ns());
  }
}

}  // namespace smt::cmd
