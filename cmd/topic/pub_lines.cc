#include "cmd/topic/pub_lines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>

#include "cmd/cli/lines.h"
#include "cmd/text/beat.h"
#include "cmd/text/file_status.h"
#include "cmd/text/text.h"
#include "cmd/value/infer_schema.h"
#include "cmd/value/value.h"
#include "shm/clock.h"
#include "shm/fd.h"

namespace smt::cmd {
namespace {

constexpr size_t kMaxLine = 64 << 20;
constexpr uint64_t kMaxToldLines = 10;

class LinePublisher {
 public:
  LinePublisher(PubTopics* topics, const PubLinesOptions& options) : topics_(topics), options_(options) {}

  // False: the line holds no sample. kInvalid: the line is bad. Else publishing has failed, which is no fault
  // of the line.
  Result<bool> publish(const std::string& line, uint64_t number) {
    if (line.find_first_not_of(" \t\r") == line.npos) return false;
    const Result<Json> sample = parse_json(line);
    if (!sample.ok()) return {Code::kInvalid, "the line " + sample.status().message()};
    if (!sample->is_object())
      return {Code::kInvalid, "not a JSON object, as smttopic echo -f jsonl prints them"};
    const auto value = sample->find("value"), named = sample->find("topic");
    if (value == sample->end()) return {Code::kInvalid, "no \"value\""};
    if (options_.topic.empty() && (named == sample->end() || !named->is_string()))
      return {Code::kInvalid, "no \"topic\""};
    if (value->is_null()) return false;
    const std::string topic = options_.topic.empty() ? named->get<std::string>() : options_.topic;
    Result<const Known*> known = find_or_infer(topic, *value, number);
    if (!known.ok()) return known.status();
    Result<std::vector<std::byte>> bytes = json_to_value((*known)->schema, *value);
    if (!bytes.ok()) return bad_value(topic, bytes.status(), whence(topic, **known, *value));
    if (Status s = topics_->publish(topic, (*known)->schema, *bytes); !s.ok()) return s;
    return true;
  }

 private:
  struct Known {
    Schema schema;
    uint64_t inferred_from = 0;  // the line; 0: the type was given, or the topic was there
  };

  static Status bad_value(const std::string& topic, const Status& why, const std::string& advice) {
    return {why.code(), fmt::format("{}: {}{}", topic, why.message(), advice)};
  }

  Result<const Known*> find_or_infer(const std::string& topic, const Json& value, uint64_t number) {
    auto known = known_.find(topic);
    if (known != known_.end()) return &known->second;
    Result<Schema> schema = topics_->schema(topic, options_.type);
    const bool infers = !schema.ok() && schema.status().code() == Code::kNotFound;
    if (infers) {
      schema = infer_schema(value);
      if (!schema.ok()) return bad_value(topic, schema.status(), "; " + how_to_give(topic, value));
    }
    if (!schema.ok()) return schema.status();
    return &known_.emplace(topic, Known{std::move(*schema), infers ? number : 0}).first->second;
  }

  // Where the type comes from that does not take the value, and what can be done about it.
  std::string whence(const std::string& topic, const Known& known, const Json& value) const {
    if (!options_.type.empty()) return "";
    if (known.inferred_from == 0) {
      return fmt::format(
          "; the topic was there with this type, and smttopic rm {} removes what nobody publishes",
          shell_word(topic));
    }
    return fmt::format("; the type was inferred from line {}; {}", known.inferred_from,
                       how_to_give(topic, value));
  }

  std::string how_to_give(const std::string& topic, const Json& value) const {
    if (value.is_object() && !(value.size() == 1 && value.contains("value")))
      return "the first line of a topic has to show the type of each field: 0.0 for a float, a text as long "
             "as the longest";
    const Result<Schema> schema = infer_schema(value);
    const std::string type = schema.ok() ? shell_word(schema->type_name) : "TYPE", name = shell_word(topic);
    return options_.topic.empty()
               ? fmt::format("give the type first, with smttopic pub {} {} VALUE", name, type)
               : fmt::format("give the type, with smttopic pub {} {} --from {}", name, type,
                             shell_word(options_.from));
  }

  PubTopics* topics_;
  const PubLinesOptions& options_;
  std::map<std::string, Known> known_;  // by topic
};

// Logs bad lines, the first of many.
class BadLines {
 public:
  explicit BadLines(std::string source) : source_(std::move(source)) {}

  void add(uint64_t number, const std::string& what) {
    if (++count_ <= kMaxToldLines) spdlog::warn("{}, line {}: {}; left out", source_, number, what);
    if (count_ == kMaxToldLines) spdlog::warn("{}: more bad lines are only counted", source_);
  }
  uint64_t finish() const {
    if (count_ > kMaxToldLines) spdlog::warn("{}: {} bad lines were left out", source_, count_);
    return count_;
  }

 private:
  std::string source_;
  uint64_t count_ = 0;
};

// False: there are no more, a signal has come, or the loop must end as the memory was lost.
bool wait_for_line(Lines* lines, const Stop& stop, LossWatch* losses, std::string* line) {
  while (!lines->next(line)) {
    if (lines->ended() || losses->sleep_until(kNever, stop.fd(), lines->fd())) return false;
  }
  return true;
}

}  // namespace

Result<uint64_t> pub_lines(PubTopics* topics, const PubLinesOptions& options, const Stop& stop) {
  Fd file;
  int fd = STDIN_FILENO;
  if (options.from != "-") {
    file = Fd(open(options.from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) return file_status("cannot read " + options.from, errno);
    fd = file.get();
  }
  const std::string source = options.from == "-" ? "stdin" : options.from;
  Lines lines(fd, kMaxLine);
  LinePublisher publisher(topics, options);
  BadLines bad(source);
  std::optional<Beat> beat;
  std::string line;
  uint64_t turn = 0, published = 0;
  for (uint64_t number = 1; wait_for_line(&lines, stop, &topics->losses(), &line); ++number) {
    if (beat && topics->losses().sleep_until(beat->due_ns(turn), stop.fd())) break;
    const Result<bool> done =
        lines.too_long()
            ? Status(Code::kInvalid, fmt::format("more than {}, the maximum of a line", bytes_text(kMaxLine)))
            : publisher.publish(line, number);
    if (!done.ok()) {
      if (done.status().code() != Code::kInvalid)
        return Status(done.status().code(),
                      fmt::format("{}, line {}: {}", source, number, done.status().message()));
      bad.add(number, done.status().message());
      if (options.strict) break;
      continue;
    }
    if (!*done) continue;
    if (++published == options.count || stop.stopped()) break;
    if (options.rate_hz == 0) continue;
    if (!beat) beat.emplace(options.rate_hz, boottime_ns());
    turn = beat->after(turn, boottime_ns());
  }
  if (const Status& lost = topics->losses().failure(); !lost.ok()) return lost;
  if (lines.error() != 0) return Status::from_errno("cannot read " + source, lines.error());
  return bad.finish();
}

}  // namespace smt::cmd
