#include "cmd/recording/mcap_log.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <utility>

#include "cmd/recording/log_value.h"
#include "cmd/value/value.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

constexpr const char* kEncoding = "json";
constexpr const char* kSchemaEncoding = "jsonschema";
constexpr const char* kMissedTopic = "smt/logger/missed";
constexpr const char* kMissedSchema =
    R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"smt.Missed","type":"object",)"
    R"("properties":{"topic":{"type":"string"},"sequence":{"type":"integer"},"missed":{"type":"integer"}}})";
// Keys of a channel's metadata.
constexpr const char* kSchemaKey = "smt.schema";
constexpr const char* kSequenceHighKey = "smt.sequence_high";
constexpr const char* kKindKey = "smt.kind";
// Metadata records of the file, and their keys.
constexpr const char* kPartRecord = "smt.recording";
constexpr const char* kNextPartRecord = "smt.recording.next";
constexpr const char* kInitialRecord = "smt.initial";
constexpr const char* kIdKey = "id";
constexpr const char* kPartKey = "part";
constexpr size_t kMaxMissedTopics = UINT16_MAX;
// A file has no more channels, nor a record of them more bytes than names, numbers and lengths have.
constexpr size_t kMaxInitialTopics = UINT16_MAX;
constexpr uint64_t kMaxInitialBytes = kMaxInitialTopics * (255 + 20 + 8) + 64;

std::string metadata_value(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

// Nothing: the text is no number, or not only one.
std::optional<uint64_t> number_in(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size();
  return good ? std::optional(number) : std::nullopt;
}

// The number of a part. Nothing: there is none that can be.
std::optional<uint64_t> part_number(const McapMetadata& metadata) {
  const std::optional<uint64_t> number = number_in(metadata_value(metadata.values, kPartKey));
  return number && *number <= kMaxLogParts ? number : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<LogWriter>> McapLogWriter::create(const std::string& path, const LogPart& part) {
  Result<McapWriter> file = McapWriter::create(path);
  if (!file.ok()) return file.status();
  Status told;
  if (!part.recording.empty()) {
    told = file->add(
        McapMetadata{kPartRecord, {{kIdKey, part.recording}, {kPartKey, std::to_string(part.number)}}});
  }
  if (told.ok()) return std::unique_ptr<LogWriter>(new McapLogWriter(std::move(*file)));
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return told;
}

// Which of its messages are initial values stands before the chunk, so that it is known when they are read.
Status McapLogWriter::flush() {
  if (initial_.empty()) return file_.flush();
  return file_.flush(McapMetadata{kInitialRecord, std::exchange(initial_, {})});
}

Status McapLogWriter::finish() {
  const Status flushed = flush();
  const std::optional<McapMetadata> next =
      next_part_ ? std::optional(McapMetadata{kNextPartRecord, {{kPartKey, std::to_string(*next_part_)}}})
                 : std::nullopt;
  const Status finished = file_.finish(next);
  return flushed.ok() ? finished : flushed;
}

Result<uint16_t> McapLogWriter::channel_of(const LogSample& sample) {
  const LogTopic& topic = *sample.topic;
  const uint64_t high = sample.sequence >> 32;
  if (const auto found = channels_.find({&topic, high}); found != channels_.end()) return found->second;
  const std::string text = topic.schema.text();
  auto schema = schemas_.find(text);
  if (schema == schemas_.end()) {
    const Result<uint16_t> id =
        file_.add_schema({0, topic.schema.type_name, kSchemaEncoding, json_schema_text(topic.schema)});
    if (!id.ok()) return id.status();
    schema = schemas_.emplace(text, *id).first;
  }
  const Result<uint16_t> id = file_.add_channel({0,
                                                 schema->second,
                                                 topic.name,
                                                 kEncoding,
                                                 {{kSchemaKey, text},
                                                  {kSequenceHighKey, std::to_string(high)},
                                                  {"smt.host", topic.host},
                                                  {"smt.domain", topic.domain},
                                                  {"smt.node", topic.node}}});
  if (id.ok()) channels_.emplace(std::pair(&topic, high), *id);
  return id;
}

Status McapLogWriter::write_missed(const LogSample& sample) {
  if (missed_channel_ == 0) {
    const Result<uint16_t> schema = file_.add_schema({0, "smt.Missed", kSchemaEncoding, kMissedSchema});
    if (!schema.ok()) return schema.status();
    const Result<uint16_t> id =
        file_.add_channel({0, *schema, kMissedTopic, kEncoding, {{kKindKey, "missed"}}});
    if (!id.ok()) return id.status();
    missed_channel_ = *id;
  }
  const auto at = static_cast<uint64_t>(sample.receive_ns);
  const std::string text =
      dump({{"topic", sample.topic->name}, {"sequence", sample.sequence}, {"missed", sample.missed}});
  return file_.write({missed_channel_, 0, at, at, text});
}

Status McapLogWriter::write(const LogSample& sample) {
  const Result<uint16_t> channel = channel_of(sample);
  if (!channel.ok()) return channel.status();
  if (sample.missed != 0) {
    if (Status s = write_missed(sample); !s.ok()) return s;
  }
  const std::string text = log_value_text(sample.topic->schema, sample.bytes);
  const Status written =
      file_.write({*channel, static_cast<uint32_t>(sample.sequence), static_cast<uint64_t>(sample.receive_ns),
                   static_cast<uint64_t>(sample.stamp_ns), text});
  if (written.ok() && sample.initial) initial_[sample.topic->name] = std::to_string(sample.sequence);
  return written;
}

Result<std::unique_ptr<LogReader>> McapLogReader::open(const std::string& path) {
  Result<McapReader> file = McapReader::open(path);
  if (!file.ok()) return file.status();
  auto* reader = new McapLogReader(std::move(*file));
  std::unique_ptr<LogReader> owned(reader);
  reader->learn_part();
  reader->learn_channels();
  if (const auto initial = reader->file_.metadata(kInitialRecord)) reader->learn_initial(*initial);
  return owned;
}

void McapLogReader::learn_part() {
  const std::optional<McapMetadata> told = file_.metadata(kPartRecord);
  const std::optional<uint64_t> number = told ? part_number(*told) : std::nullopt;
  if (!number) return;
  part_.recording = metadata_value(told->values, kIdKey);
  part_.number = *number;
  if (const auto next = file_.metadata(kNextPartRecord)) part_.next = part_number(*next);
}

// A topic has another channel where its sequence passed 2^32.
const LogTopic* McapLogReader::add_topic(LogTopic topic) {
  for (const auto& known : topics_) {
    if (known->name == topic.name && known->schema == topic.schema) return known.get();
  }
  topics_.push_back(std::make_unique<LogTopic>(std::move(topic)));
  return topics_.back().get();
}

Status McapLogReader::learn_channel(const McapChannel& raw, Channel* channel) {
  if (metadata_value(raw.metadata, kKindKey) == "missed") {
    channel->is_missed = true;
    return Status();
  }
  if (raw.encoding != kEncoding || raw.metadata.count(kSchemaKey) == 0) {
    return {Code::kInvalid, "it was not recorded by smtlogger"};
  }
  if (Status s = check_topic_name(raw.topic); !s.ok()) return s;
  Result<Schema> schema = Schema::from_text(metadata_value(raw.metadata, kSchemaKey));
  if (!schema.ok()) return schema.status();
  if (schema->size > kMaxValueBytes) {
    return {Code::kInvalid,
            fmt::format("values of {} bytes; at most {} are read", schema->size, kMaxValueBytes)};
  }
  const std::string high = metadata_value(raw.metadata, kSequenceHighKey);
  uint32_t value = 0;
  std::from_chars(high.data(), high.data() + high.size(), value);
  channel->sequence_high = uint64_t{value} << 32;
  channel->topic =
      add_topic({raw.topic, std::move(*schema), metadata_value(raw.metadata, "smt.host"),
                 metadata_value(raw.metadata, "smt.domain"), metadata_value(raw.metadata, "smt.node")});
  return Status();
}

void McapLogReader::learn_channels() {
  for (const auto& [id, raw] : file_.channels()) {
    if (channels_.count(id) != 0) continue;
    const Status learnt = learn_channel(raw, &channels_[id]);
    if (!learnt.ok()) ++topics_left_out_;
    if (!learnt.ok() && problems_.size() < kToldProblems) {
      problems_.push_back("channel " + raw.topic + ": " + learnt.message());
    }
  }
}

std::vector<const LogTopic*> McapLogReader::topics() const {
  std::vector<const LogTopic*> topics;
  for (const auto& topic : topics_) topics.push_back(topic.get());
  return topics;
}

void McapLogReader::leave_out(const std::string& why) {
  ++samples_left_out_;
  if (problems_.size() < kToldProblems) problems_.push_back(why);
}

void McapLogReader::learn_missed(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  if (!parsed.ok()) return;
  const Json& json = *parsed;
  const bool good = json.is_object() && json.contains("topic") && json["topic"].is_string() &&
                    json.contains("sequence") && json["sequence"].is_number_unsigned() &&
                    json.contains("missed") && json["missed"].is_number_unsigned();
  if (!good || missed_.size() >= kMaxMissedTopics) return;
  missed_[json["topic"].get<std::string>()] = {json["sequence"].get<uint64_t>(),
                                               json["missed"].get<uint64_t>()};
}

// What is no topic's sequence is left out: the value is a sample then.
void McapLogReader::learn_initial(const McapMetadata& metadata) {
  for (const auto& [topic, text] : metadata.values) {
    const std::optional<uint64_t> sequence = number_in(text);
    if (!sequence || !check_topic_name(topic).ok() || initial_.size() >= kMaxInitialTopics) continue;
    initial_[topic] = *sequence;
  }
}

void McapLogReader::meet_beside(const McapBeside& beside) {
  if (beside.op != McapOp::kMetadata || !beside.name.starts_with(kOwnMetadata)) {
    ++records_beside_;
    return;
  }
  if (beside.name != kInitialRecord || beside.bytes > kMaxInitialBytes) return;
  std::string body;
  McapMetadata metadata;
  if (file_.read_beside(beside, &body) && parse(body, &metadata)) learn_initial(metadata);
}

bool McapLogReader::next_message(McapMessage* message) {
  const bool more = file_.next(message);
  for (const McapBeside& beside : file_.take_beside()) meet_beside(beside);
  return more;
}

// The file may tell anything; nothing stood before a topic's first sample but itself.
bool McapLogReader::is_initial(const LogSample& sample) {
  if (!begun_.insert(sample.topic->name).second) return false;
  const auto told = initial_.find(sample.topic->name);
  return told != initial_.end() && told->second == sample.sequence;
}

bool McapLogReader::next(LogSample* sample) {
  McapMessage message;
  while (next_message(&message)) {
    auto found = channels_.find(message.channel_id);
    if (found == channels_.end()) {
      learn_channels();
      found = channels_.find(message.channel_id);
    }
    const Channel& channel = found->second;
    if (channel.is_missed) {
      learn_missed(message.data);
      continue;
    }
    if (channel.topic == nullptr) {
      ++samples_left_out_;
      continue;
    }
    const LogTopic& topic = *channel.topic;
    Result<std::vector<std::byte>> value = parse_log_value(topic.schema, message.data);
    if (!value.ok()) {
      leave_out(fmt::format("{} #{}: {}", topic.name, message.sequence, value.status().message()));
      continue;
    }
    value_ = std::move(*value);
    *sample = {&topic,
               channel.sequence_high | message.sequence,
               static_cast<int64_t>(message.publish_time_ns),
               static_cast<int64_t>(message.log_time_ns),
               0,
               value_};
    if (const auto gap = missed_.find(topic.name); gap != missed_.end()) {
      if (gap->second.first == sample->sequence) sample->missed = gap->second.second;
      missed_.erase(gap);
    }
    sample->initial = is_initial(*sample);
    return true;
  }
  return false;
}

void McapLogReader::rewind() {
  missed_.clear();
  begun_.clear();
  samples_left_out_ = records_beside_ = 0;
  file_.seek(0);
}

std::vector<std::string> McapLogReader::problems() const {
  std::vector<std::string> all = file_.problems();
  all.insert(all.end(), problems_.begin(), problems_.end());
  return all;
}

}  // namespace smt::cmd
