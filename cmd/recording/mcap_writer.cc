#include "cmd/recording/mcap_writer.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "cmd/text/version.h"

namespace smt::cmd {
namespace {

constexpr uint64_t kMaxMessageBytes = 48 << 20;
constexpr int kZstdLevel = 1;
// What stands behind the last chunk beside the records of schemas, channels and chunks: the statistics with a
// pair for each channel, at most four offsets, the footer, and a few heads.
constexpr uint64_t kEndBytes = 256, kStatisticsPairBytes = 10;

template <class Record>
uint64_t record_bytes(const Record& record) {
  std::string bytes;
  append_record(record, &bytes);
  return bytes.size();
}

}  // namespace

void McapWriter::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

McapWriter::McapWriter(AppendFile file) : file_(std::move(file)), zstd_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, kZstdLevel);
}
McapWriter::McapWriter(McapWriter&&) noexcept = default;
McapWriter::~McapWriter() = default;

Result<McapWriter> McapWriter::create(const std::string& path) {
  Result<AppendFile> file = AppendFile::create(path);
  if (!file.ok()) return file.status();
  McapWriter writer(std::move(*file));
  std::string start(kMcapMagic);
  append_record(McapHeader{"", version()}, &start);
  if (Status s = writer.file_.reserve(start.size() + writer.max_end_bytes()); !s.ok()) return s;
  if (Status s = writer.file_.append(start); !s.ok()) return s;
  return writer;
}

Result<uint16_t> McapWriter::add_schema(McapSchema schema) {
  if (schemas_.size() == UINT16_MAX)
    return {Code::kNoSpace, path() + ": an MCAP file has at most 65535 schemas"};
  schema.id = static_cast<uint16_t>(schemas_.size() + 1);
  append_record(schema, &schemas_and_channels_);
  summary_bytes_ += record_bytes(schema);
  schemas_.push_back(std::move(schema));
  return schemas_.back().id;
}

Result<uint16_t> McapWriter::add_channel(McapChannel channel) {
  if (channels_.size() == UINT16_MAX)
    return {Code::kNoSpace, path() + ": an MCAP file has at most 65535 channels"};
  channel.id = static_cast<uint16_t>(channels_.size() + 1);
  append_record(channel, &schemas_and_channels_);
  summary_bytes_ += record_bytes(channel);
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

Status McapWriter::flush() {
  if (places_.empty()) return Status();
  Status written = write_chunk();
  schemas_and_channels_.clear();
  messages_.clear();
  places_.clear();
  if (written.ok()) {
    schemas_written_ = schemas_.size();
    channels_written_ = channels_.size();
    return file_.sync();
  }
  for (size_t i = schemas_written_; i < schemas_.size(); ++i)
    append_record(schemas_[i], &schemas_and_channels_);
  for (size_t i = channels_written_; i < channels_.size(); ++i)
    append_record(channels_[i], &schemas_and_channels_);
  return written;
}

Status McapWriter::write_chunk() {
  std::stable_sort(places_.begin(), places_.end(),
                   [](const Place& a, const Place& b) { return a.log_time_ns < b.log_time_ns; });
  std::string raw = schemas_and_channels_;
  raw.reserve(open_bytes());
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

  McapChunkIndex chunk;
  chunk.start_ns = places_.front().log_time_ns;
  chunk.end_ns = places_.back().log_time_ns;
  chunk.offset = bytes();
  chunk.compression = "zstd";
  chunk.packed_bytes = packed.size();
  chunk.raw_bytes = raw.size();
  std::string out;
  append_record(McapChunk{chunk.start_ns, chunk.end_ns, raw.size(), mcap_crc(raw), chunk.compression, packed},
                &out);
  chunk.bytes = out.size();
  for (const auto& [id, index] : indexes) {
    chunk.message_index_offsets[id] = chunk.offset + out.size();
    append_record(index, &out);
  }
  chunk.message_index_bytes = out.size() - chunk.bytes;
  const uint64_t index_bytes = record_bytes(chunk);
  if (Status s = file_.reserve(out.size() + index_bytes + max_end_bytes()); !s.ok()) return s;
  if (Status s = file_.append(out); !s.ok()) return s;

  summary_bytes_ += index_bytes;
  const bool first = statistics_.messages == 0;
  statistics_.start_ns = first ? chunk.start_ns : std::min(statistics_.start_ns, chunk.start_ns);
  statistics_.end_ns = std::max(statistics_.end_ns, chunk.end_ns);
  statistics_.messages += places_.size();
  for (const auto& [id, index] : indexes) statistics_.channel_messages[id] += index.entries.size();
  chunks_.push_back(std::move(chunk));
  return Status();
}

uint64_t McapWriter::max_end_bytes() const {
  return summary_bytes_ + kStatisticsPairBytes * channels_.size() + kEndBytes;
}

void McapWriter::append_summary(uint64_t start, std::string* out) const {
  const size_t begin = out->size();
  McapStatistics statistics = statistics_;
  statistics.schemas = static_cast<uint16_t>(schemas_written_);
  statistics.channels = static_cast<uint32_t>(channels_written_);
  statistics.chunks = static_cast<uint32_t>(chunks_.size());
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
  group(McapOp::kChunkIndex, [&] {
    for (const McapChunkIndex& chunk : chunks_) append_record(chunk, out);
  });
  McapFooter footer{start, start + (out->size() - begin), 0};
  for (const McapSummaryOffset& offset : offsets) append_record(offset, out);
  // The CRC goes over the summary and the footer up to the CRC itself.
  std::string tail;
  append_record(footer, &tail);
  tail.resize(tail.size() - sizeof footer.summary_crc);
  footer.summary_crc = mcap_crc(tail, mcap_crc(std::string_view(*out).substr(begin)));
  append_record(footer, out);
}

Status McapWriter::finish() {
  Status flushed = flush();
  std::string end;
  append_data_end(&end);
  append_summary(bytes() + end.size(), &end);
  end += kMcapMagic;
  if (Status s = file_.append(end); !s.ok()) return s;
  file_.end();
  if (Status s = file_.sync(); !s.ok()) return s;
  return flushed;
}

}  // namespace smt::cmd
