#include "cmd/recording/mcap_writer.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cmd/text/version.h"

namespace smt::cmd {
namespace {

constexpr uint64_t kMaxMessageBytes = 48 << 20;
constexpr int kZstdLevel = 1;
// Of schemas and channels in the chunk after their first.
constexpr size_t kMaxAnnouncedAgain = 4 << 20;
// What stands behind the last chunk beside the records of schemas and channels and the indexes: metadata that
// names the next part, the statistics with a pair for each channel, at most six offsets, the footer, and a
// few heads.
constexpr uint64_t kEndBytes = 400, kStatisticsPairBytes = 10;

template <class Record>
std::string record_text(const Record& record) {
  std::string text;
  append_record(record, &text);
  return text;
}

}  // namespace

void McapWriter::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

McapWriter::McapWriter(AppendFile file) : file_(std::move(file)), zstd_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kZstdLevel);
}
McapWriter::McapWriter(McapWriter&&) noexcept = default;
McapWriter::~McapWriter() = default;

Result<McapWriter> McapWriter::create(const std::string& path, const std::string& profile) {
  Result<AppendFile> file = AppendFile::create(path);
  if (!file.ok()) return file.status();
  McapWriter writer(std::move(*file));
  std::string start(kMcapMagic);
  append_record(McapHeader{profile, version()}, &start);
  Status written = writer.file_.reserve(start.size() + writer.max_end_bytes());
  if (written.ok()) written = writer.file_.append(start);
  if (written.ok()) return writer;
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return written;
}

Result<uint16_t> McapWriter::add_schema(McapSchema schema) {
  if (schemas_.size() == UINT16_MAX)
    return {Code::kNoSpace, path() + ": an MCAP file has at most 65535 schemas"};
  schema.id = static_cast<uint16_t>(schemas_.size() + 1);
  const std::string record = record_text(schema);
  schemas_and_channels_ += record;
  announced_bytes_ += record.size();
  schemas_.push_back(std::move(schema));
  return schemas_.back().id;
}

Result<uint16_t> McapWriter::add_channel(McapChannel channel) {
  if (channels_.size() == UINT16_MAX)
    return {Code::kNoSpace, path() + ": an MCAP file has at most 65535 channels"};
  channel.id = static_cast<uint16_t>(channels_.size() + 1);
  const std::string record = record_text(channel);
  schemas_and_channels_ += record;
  announced_bytes_ += record.size();
  channels_.push_back(std::move(channel));
  return channels_.back().id;
}

Status McapWriter::write(const McapMessage& message) {
  if (message.data.size() > kMaxMessageBytes) {
    return {Code::kInvalid,
            fmt::format("{}: a message of {} on {}; at most {} fit", path(), message.data.size(),
                        channels_[message.channel_id - 1u].topic, kMaxMessageBytes)};
  }
  const uint64_t offset = messages_.size();
  append_record(message, &messages_);
  places_.push_back({message.log_time_ns, offset, messages_.size() - offset, message.channel_id});
  return Status();
}

// Of the end of the file, had it to be written now.
uint64_t McapWriter::max_end_bytes() const {
  return announced_bytes_ + chunk_indexes_.size() + attachment_indexes_.size() + metadata_indexes_.size() +
         channels_.size() * kStatisticsPairBytes + kEndBytes;
}

// `index` is the record's own in the summary.
Status McapWriter::append(const std::string& record, std::string* indexes, const std::string& index) {
  if (Status s = file_.reserve(record.size() + index.size() + max_end_bytes()); !s.ok()) return s;
  if (Status s = file_.append(record); !s.ok()) return s;
  *indexes += index;
  return Status();
}

Status McapWriter::add(const McapAttachment& attachment) {
  const std::string record = record_text(attachment);
  const Status s = append(record, &attachment_indexes_,
                          record_text(McapAttachmentIndex{bytes(), record.size(), attachment.log_time_ns,
                                                          attachment.create_time_ns, attachment.data.size(),
                                                          attachment.name, attachment.media_type}));
  if (s.ok()) ++statistics_.attachments;
  return s;
}

Status McapWriter::add(const McapMetadata& metadata) {
  const std::string record = record_text(metadata);
  const Status s = append(record, &metadata_indexes_,
                          record_text(McapMetadataIndex{bytes(), record.size(), metadata.name}));
  if (s.ok()) ++statistics_.metadata;
  return s;
}

// Schemas and channels, from these on, are in the chunk that is open.
void McapWriter::announce(size_t first_schema, size_t first_channel) {
  schemas_and_channels_.clear();
  for (size_t i = first_schema; i < schemas_.size(); ++i) append_record(schemas_[i], &schemas_and_channels_);
  for (size_t i = first_channel; i < channels_.size(); ++i)
    append_record(channels_[i], &schemas_and_channels_);
}

Status McapWriter::flush(const std::optional<McapMetadata>& before) {
  if (places_.empty()) return Status();
  const Status written = write_chunk(before);
  messages_.clear();
  places_.clear();
  announce(schemas_written_, channels_written_);
  if (!written.ok()) return written;
  if (schemas_and_channels_.size() > kMaxAnnouncedAgain) schemas_and_channels_.clear();
  schemas_written_ = schemas_.size();
  channels_written_ = channels_.size();
  return file_.sync();
}

Status McapWriter::write_chunk(const std::optional<McapMetadata>& before) {
  std::stable_sort(places_.begin(), places_.end(),
                   [](const Place& a, const Place& b) { return a.log_time_ns < b.log_time_ns; });
  std::string raw = schemas_and_channels_;
  raw.reserve(raw.size() + messages_.size());
  std::map<uint16_t, McapMessageIndex> indexes;
  for (const Place& place : places_) {
    McapMessageIndex& index = indexes[place.channel_id];
    index.channel_id = place.channel_id;
    index.entries.emplace_back(place.log_time_ns, raw.size());
    raw.append(messages_, place.offset, place.bytes);
  }
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  const size_t n = ZSTD_compress2(zstd_.get(), packed.data(), packed.size(), raw.data(), raw.size());
  if (ZSTD_isError(n) != 0) return {Code::kSystem, path() + ": zstd: " + ZSTD_getErrorName(n)};
  packed.resize(n);

  std::string out = before ? record_text(*before) : "";
  const size_t indexes_before = metadata_indexes_.size();
  if (before) append_record(McapMetadataIndex{bytes(), out.size(), before->name}, &metadata_indexes_);
  McapChunkIndex chunk;
  chunk.start_ns = places_.front().log_time_ns;
  chunk.end_ns = places_.back().log_time_ns;
  chunk.offset = bytes() + out.size();
  chunk.compression = "zstd";
  chunk.packed_bytes = packed.size();
  chunk.raw_bytes = raw.size();
  append_record(McapChunk{chunk.start_ns, chunk.end_ns, raw.size(), mcap_crc(raw), chunk.compression, packed},
                &out);
  chunk.bytes = bytes() + out.size() - chunk.offset;
  for (const auto& [id, index] : indexes) {
    chunk.message_index_offsets[id] = bytes() + out.size();
    append_record(index, &out);
  }
  chunk.message_index_bytes = bytes() + out.size() - chunk.offset - chunk.bytes;
  if (Status s = append(out, &chunk_indexes_, record_text(chunk)); !s.ok()) {
    metadata_indexes_.resize(indexes_before);
    return s;
  }
  statistics_.metadata += before ? 1 : 0;
  const bool first = statistics_.messages == 0;
  statistics_.start_ns = first ? chunk.start_ns : std::min(statistics_.start_ns, chunk.start_ns);
  statistics_.end_ns = std::max(statistics_.end_ns, chunk.end_ns);
  statistics_.messages += places_.size();
  for (const auto& [id, index] : indexes) statistics_.channel_messages[id] += index.entries.size();
  ++statistics_.chunks;
  return Status();
}

void McapWriter::append_summary(uint64_t start, std::string* out) const {
  const size_t begin = out->size();
  McapStatistics statistics = statistics_;
  statistics.schemas = static_cast<uint16_t>(schemas_written_);
  statistics.channels = static_cast<uint32_t>(channels_written_);
  std::vector<McapSummaryOffset> offsets;
  const auto group = [&](McapOp op, auto append) {
    const size_t at = out->size();
    append();
    if (out->size() != at) offsets.push_back({op, start + (at - begin), out->size() - at});
  };
  group(McapOp::kSchema, [&] {
    for (size_t i = 0; i < schemas_written_; ++i) append_record(schemas_[i], out);
  });
  group(McapOp::kChannel, [&] {
    for (size_t i = 0; i < channels_written_; ++i) append_record(channels_[i], out);
  });
  group(McapOp::kStatistics, [&] { append_record(statistics, out); });
  group(McapOp::kChunkIndex, [&] { *out += chunk_indexes_; });
  group(McapOp::kAttachmentIndex, [&] { *out += attachment_indexes_; });
  group(McapOp::kMetadataIndex, [&] { *out += metadata_indexes_; });
  McapFooter footer{start, start + (out->size() - begin), 0};
  for (const McapSummaryOffset& offset : offsets) append_record(offset, out);
  // The CRC goes over the summary and the footer up to the CRC itself.
  std::string tail;
  append_record(footer, &tail);
  tail.resize(tail.size() - sizeof footer.summary_crc);
  footer.summary_crc = mcap_crc(tail, mcap_crc(std::string_view(*out).substr(begin)));
  append_record(footer, out);
}

Status McapWriter::finish(const std::optional<McapMetadata>& last) {
  if (finished_) return Status();
  const Status flushed = flush();
  const McapStatistics statistics = statistics_;
  const std::string indexes = metadata_indexes_;
  std::string end;
  if (last) {
    append_record(*last, &end);
    append_record(McapMetadataIndex{bytes(), end.size(), last->name}, &metadata_indexes_);
    ++statistics_.metadata;
  }
  append_data_end(&end);
  append_summary(bytes() + end.size(), &end);
  end += kMcapMagic;
  if (Status s = file_.append(end); !s.ok()) {
    statistics_ = statistics;
    metadata_indexes_ = indexes;
    return s;
  }
  finished_ = true;
  file_.end();
  const Status synced = file_.sync();
  return synced.ok() ? flushed : synced;
}

}  // namespace smt::cmd
