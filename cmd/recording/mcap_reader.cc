#include "cmd/recording/mcap_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "cmd/recording/log_file.h"
#include "cmd/text/file_status.h"

namespace smt::cmd {
namespace {

constexpr int kMaxFirstRecords = 64;  // before the first message, among which metadata is looked for

// Whether these are the records of a chunk, up to the last byte.
bool holds_records(std::string_view raw) {
  McapOp op;
  std::string_view body;
  while (!raw.empty()) {
    if (!take_record(&raw, &op, &body) || !is_exact(op, body)) return false;
    if (op != McapOp::kSchema && op != McapOp::kChannel && op != McapOp::kMessage) return false;
  }
  return true;
}

}  // namespace

Result<McapReader> McapReader::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hold us up
  if (!fd.ok() && errno == ENOENT) return {Code::kInvalid, "no file " + path};
  struct stat file {};
  if (!fd.ok() || fstat(fd.get(), &file) != 0) return file_status("cannot read " + path, errno);
  if (!S_ISREG(file.st_mode)) return {Code::kInvalid, path + " is no regular file"};
  McapReader reader(path, McapScan(std::move(fd), static_cast<uint64_t>(file.st_size)));
  reader.read_summary();
  if (Status s = reader.read_header(); !s.ok()) return s;
  return reader;
}

// Damage in the magic bytes or in the header does not hide what is behind them, as long as one of both is
// whole.
Status McapReader::read_header() {
  const uint64_t begin = kMcapMagic.size();
  const bool magic = scan_.view(0, begin) == kMcapMagic;
  const McapHead head = scan_.head(begin);
  const bool header = head.op == McapOp::kHeader && head.bytes <= kMaxMcapBytes &&
                      parse(scan_.view(begin + kMcapHeadBytes, head.bytes), &header_);
  const bool exact = header && scan_.is_exact(begin, head);
  if (!magic && !exact && !summary_)
    return {Code::kInvalid, path_ + " is no MCAP file: it does not begin as one"};
  if (!exact && !summary_ && !scan_.find(begin, bytes())) {
    return {Code::kInvalid, path_ + " is no MCAP file: its header is damaged"};
  }
  at_ = magic ? begin : 0;
  return Status();
}

// A summary that is not good in every part is none: all that it says can be read from the data.
void McapReader::read_summary() {
  const uint64_t tail = kMcapFooterBytes + kMcapMagic.size(), begin = kMcapMagic.size();
  if (bytes() < begin + tail) return;
  const uint64_t footer_at = bytes() - tail;
  const std::string end(scan_.view(footer_at, tail));
  std::string_view rest = end, body;
  McapOp op;
  McapFooter footer;
  if (!end.ends_with(kMcapMagic) || !take_record(&rest, &op, &body) || op != McapOp::kFooter ||
      !parse(body, &footer) || footer.summary_start < begin || footer.summary_start > footer_at ||
      footer_at - footer.summary_start > kMaxMcapBytes) {
    return;
  }
  const std::string_view text = scan_.view(footer.summary_start, footer_at - footer.summary_start);
  const std::string_view to_crc = std::string_view(end).substr(0, kMcapFooterBytes - sizeof(uint32_t));
  if (text.size() != footer_at - footer.summary_start ||
      (footer.summary_crc != 0 && footer.summary_crc != mcap_crc(to_crc, mcap_crc(text)))) {
    return;
  }
  McapSummary summary;
  if (!read_places(text, footer.summary_start, &summary)) return;
  for (rest = text; take_record(&rest, &op, &body);) know(op, body);
  std::stable_sort(summary.chunks.begin(), summary.chunks.end(),
                   [](const McapChunkIndex& a, const McapChunkIndex& b) { return a.offset < b.offset; });
  std::map<uint64_t, McapHead> places;
  const auto place = [&](McapOp kind, uint64_t offset, uint64_t bytes) {
    if (bytes >= kMcapHeadBytes) places[offset] = {kind, bytes - kMcapHeadBytes};
  };
  for (const McapChunkIndex& chunk : summary.chunks) place(McapOp::kChunk, chunk.offset, chunk.bytes);
  for (const McapMetadataIndex& index : summary.metadata) place(McapOp::kMetadata, index.offset, index.bytes);
  scan_.believe(footer.summary_start, std::move(places));
  summary_ = std::move(summary);
}

// Where chunks and metadata are, and the counts. False: a part is damaged, or is not there. `end`: of the
// data.
bool McapReader::read_places(std::string_view summary, uint64_t end, McapSummary* out) {
  const auto fits = [&](uint64_t offset, uint64_t bytes) {
    return offset >= kMcapMagic.size() && offset < end && bytes <= end - offset;
  };
  bool counted = false;
  McapOp op;
  std::string_view body;
  while (!summary.empty()) {
    if (!take_record(&summary, &op, &body)) return false;
    if (op == McapOp::kStatistics) {
      if (!parse(body, &out->statistics)) return false;
      counted = true;
    } else if (op == McapOp::kChunkIndex) {
      McapChunkIndex chunk;
      if (!parse(body, &chunk) || !fits(chunk.offset, chunk.bytes)) return false;
      out->chunks.push_back(std::move(chunk));
    } else if (op == McapOp::kMetadataIndex) {
      McapMetadataIndex index;
      if (!parse(body, &index) || !fits(index.offset, index.bytes)) return false;
      out->metadata.push_back(std::move(index));
    }
  }
  return counted;
}

void McapReader::leave_out(uint64_t at, uint64_t bytes, const std::string& why) {
  bytes_left_out_ += bytes;
  if (problems_.size() < kToldProblems) problems_.push_back(fmt::format("at byte {}: {}", at, why));
}

void McapReader::know(McapOp op, std::string_view body) {
  if (McapSchema schema; op == McapOp::kSchema && parse(body, &schema)) {
    schemas_.emplace(schema.id, std::move(schema));
  } else if (McapChannel channel; op == McapOp::kChannel && parse(body, &channel)) {
    channels_.emplace(channel.id, std::move(channel));
  }
}

bool McapReader::next(McapMessage* message) {
  while (next_ == messages_.size()) {
    if (!next_record()) return false;
  }
  *message = messages_[next_++];
  return true;
}

void McapReader::seek(uint64_t log_time_ns) {
  messages_.clear();
  beside_.clear();
  next_ = 0;
  chunks_read_ = bytes_left_out_ = unknown_records_ = 0;
  problems_.clear();
  scan_.forgive();
  at_ = scan_.view(0, kMcapMagic.size()) == kMcapMagic ? kMcapMagic.size() : 0;
  if (!summary_ || log_time_ns == 0) return;
  const auto& chunks = summary_->chunks;
  const auto first = std::find_if(chunks.begin(), chunks.end(),
                                  [&](const McapChunkIndex& chunk) { return chunk.end_ns >= log_time_ns; });
  if (first != chunks.end()) at_ = first->offset;
}

bool McapReader::read_beside(const McapBeside& beside, std::string* body) {
  const std::string_view bytes = scan_.view(beside.at, beside.bytes);
  if (bytes.size() != beside.bytes) return false;
  *body = bytes.substr(kMcapHeadBytes);
  return true;
}

std::optional<McapMetadata> McapReader::metadata(const std::string& name) {
  const auto read = [&](uint64_t at, uint64_t bytes) -> std::optional<McapMetadata> {
    McapMetadata metadata;
    const bool good = parse(scan_.view(at, bytes), &metadata) && metadata.name == name;
    return good ? std::optional(std::move(metadata)) : std::nullopt;
  };
  if (summary_) {
    for (const McapMetadataIndex& index : summary_->metadata) {
      if (index.name != name || index.bytes < kMcapHeadBytes || index.bytes > kMaxMcapBytes) continue;
      auto found = read(index.offset + kMcapHeadBytes, index.bytes - kMcapHeadBytes);
      if (found) return found;
    }
  }
  uint64_t at = kMcapMagic.size();
  for (int i = 0; i < kMaxFirstRecords; ++i) {
    const McapHead head = scan_.head(at);
    if (head.op == McapOp::kChunk || !scan_.is_exact(at, head)) break;
    at += kMcapHeadBytes;
    if (head.op == McapOp::kMetadata) {
      if (auto found = read(at, head.bytes)) return found;
    }
    at += head.bytes;
  }
  return std::nullopt;
}

// Reads one record of the data section, or skips what is damaged. False: there is none any more.
bool McapReader::next_record() {
  messages_.clear();
  next_ = 0;
  const uint64_t at = at_;
  if (at >= scan_.end()) return false;
  if (at == 0) {
    at_ = kMcapMagic.size();
    leave_out(0, at_, "the magic bytes are damaged");
    return true;
  }
  if (at + kMcapMagic.size() == bytes() && scan_.view(at, kMcapMagic.size()) == kMcapMagic) {
    at_ = bytes();
    return false;
  }
  McapHead head = scan_.head(at);
  const std::optional<McapHead> known = scan_.known_head(at);
  std::string why;
  const bool is_chunk = head.op == McapOp::kChunk || (known && known->op == McapOp::kChunk) ||
                        scan_.inner_bytes(McapOp::kChunk, at + kMcapHeadBytes) == head.bytes;
  if (is_chunk && read_chunk(at, head, &why)) return true;
  if (known && !scan_.is_exact(at, head)) head = *known;
  if (!is_chunk && read_other(at, head, &why)) return true;
  skip(at, head, why);
  return true;
}

// Takes the chunk at `at` if its CRC proves it, or if it has none and its head and its records do.
bool McapReader::read_chunk(uint64_t at, const McapHead& told, std::string* why) {
  const uint64_t body = at + kMcapHeadBytes;
  const auto bytes = scan_.inner_bytes(McapOp::kChunk, body);
  *why = "a damaged chunk";
  if (!bytes || body > scan_.end() || *bytes > scan_.end() - body) return false;
  if (*bytes > kMaxMcapBytes) {
    *why = fmt::format("a record of {} bytes; at most {} are read", *bytes, kMaxMcapBytes);
    return false;
  }
  record_ = scan_.view(body, *bytes);
  McapChunk chunk;
  std::string_view raw;
  if (record_.size() != *bytes || !parse(record_, &chunk) || !unpack(chunk, &raw, why)) return false;
  const bool well_told = told.op == McapOp::kChunk && told.bytes == *bytes;
  if (chunk.crc == 0 && !well_told && !holds_records(raw)) return false;
  ++chunks_read_;
  if (told.op != McapOp::kChunk) leave_out(at, 1, "a damaged opcode of a chunk, which is read all the same");
  at_ = body + *bytes;
  if (!well_told && told.bytes != *bytes) {
    // Fields of a later version of the format may stand behind those that are known.
    const bool longer = told.bytes > *bytes && told.bytes <= scan_.end() - body && !scan_.goes_on(at_) &&
                        scan_.goes_on(body + told.bytes);
    if (longer) at_ = body + told.bytes;
    if (!longer) leave_out(at + 1, 8, "a damaged length of a chunk, which is read all the same");
  }
  collect(raw, at);
  return true;
}

bool McapReader::unpack(const McapChunk& chunk, std::string_view* raw, std::string* why) {
  if (chunk.raw_bytes > kMaxMcapBytes) {
    *why = fmt::format("a chunk of {} bytes; at most {} are read", chunk.raw_bytes, kMaxMcapBytes);
    return false;
  }
  *raw = chunk.packed;
  if (chunk.compression == "zstd") {
    const auto unpacked = zstd_.expand(std::as_bytes(std::span(*raw)), chunk.raw_bytes);
    *why = "a chunk whose zstd frame is damaged";
    scan_.charge(unpacked ? 0 : chunk.raw_bytes);
    if (!unpacked) return false;
    *raw = {reinterpret_cast<const char*>(unpacked->data()), unpacked->size()};
  } else if (!chunk.compression.empty()) {
    *why = fmt::format("a chunk packed with \"{}\"; only zstd is read", chunk.compression.substr(0, 16));
    return false;
  }
  if (raw->size() == chunk.raw_bytes && (chunk.crc == 0 || chunk.crc == mcap_crc(*raw))) return true;
  *why = "a damaged chunk: its CRC is another";
  scan_.charge(raw->size());
  return false;
}

// Takes the record at `at` if it proves itself, or if the one behind it does.
bool McapReader::read_other(uint64_t at, const McapHead& head, std::string* why) {
  const uint64_t body = at + kMcapHeadBytes;
  *why = "a damaged record";
  if (head.op == McapOp{} || head.bytes > scan_.end() - body) return false;
  const uint64_t end = body + head.bytes;
  const bool exact = scan_.is_exact(at, head);
  // One byte makes a message of the index that stands behind a chunk.
  if (head.op == McapOp::kMessage && chunks_read_ != 0 &&
      scan_.is_exact(at, {McapOp::kMessageIndex, head.bytes})) {
    return false;
  }
  if (end > scan_.next_place(at)) return false;
  if (!exact && !scan_.ends_at(at, end)) return false;
  at_ = end;
  if (exact && (head.op == McapOp::kDataEnd || head.op == McapOp::kFooter)) {
    end_data(at, end);
  } else {
    use(at, head);
  }
  return true;
}

void McapReader::use(uint64_t at, const McapHead& head) {
  const bool beside = head.op == McapOp::kAttachment || head.op == McapOp::kMetadata;
  if (!is_known(head.op)) ++unknown_records_;
  if (!beside && head.op != McapOp::kSchema && head.op != McapOp::kChannel && head.op != McapOp::kMessage)
    return;
  const uint64_t all = kMcapHeadBytes + head.bytes;
  if (head.bytes > kMaxMcapBytes) {
    return leave_out(at, all,
                     fmt::format("a record of {} bytes; at most {} are read", head.bytes, kMaxMcapBytes));
  }
  record_ = scan_.view(at, all);
  if (record_.size() != all) return leave_out(at, all, "the file cannot be read here");
  if (beside) return meet_beside(at, head);
  collect(record_, at);
}

void McapReader::meet_beside(uint64_t at, const McapHead& head) {
  const std::string_view body = std::string_view(record_).substr(kMcapHeadBytes);
  McapAttachment attachment;
  McapMetadata metadata;
  const bool is_attachment = head.op == McapOp::kAttachment;
  if (is_attachment ? !parse(body, &attachment) : !parse(body, &metadata)) {
    return leave_out(at, record_.size(), is_attachment ? "a damaged attachment" : "damaged metadata");
  }
  beside_.push_back({head.op, is_attachment ? attachment.name : metadata.name, at, record_.size()});
}

// A record at `at` says that the data ends. Of a file without a summary that is believed if no data follows.
void McapReader::end_data(uint64_t at, uint64_t end) {
  if (summary_) return;
  const std::optional<uint64_t> more = scan_.find(end, bytes(), /*only_data=*/true);
  at_ = more.value_or(bytes());
  if (more) leave_out(at, *more - at, "the end of the data, behind which there is more");
}

// Leaves out the record at `at`: up to the next one, or as much as its head says if data goes on there.
void McapReader::skip(uint64_t at, const McapHead& head, std::string why) {
  const uint64_t body = at + kMcapHeadBytes, place = scan_.next_place(at);
  const bool fits = head.op != McapOp{} && body <= place && head.bytes <= place - body;
  if (fits && (scan_.known_head(at) || scan_.ends_at(at, body + head.bytes))) {
    at_ = body + head.bytes;
  } else {
    at_ = scan_.find(at + 1, place).value_or(place);
    const bool torn = bytes() - at < kMcapHeadBytes || (is_known(head.op) && !fits);
    if (at_ == bytes() && torn) why = "the file ends inside a record";
  }
  leave_out(at, at_ - at, why);
}

void McapReader::collect(std::string_view records, uint64_t at) {
  McapOp op;
  std::string_view body;
  while (!records.empty()) {
    if (!take_record(&records, &op, &body))
      return leave_out(at, records.size(), "a record that does not end in its chunk");
    know(op, body);
    if (op != McapOp::kMessage) continue;
    McapMessage message;
    if (!parse(body, &message) || channels_.count(message.channel_id) == 0) {
      leave_out(at, kMcapHeadBytes + body.size(), "a damaged message, or one of no channel");
    } else {
      messages_.push_back(message);
    }
  }
  std::stable_sort(messages_.begin(), messages_.end(),
                   [](const McapMessage& a, const McapMessage& b) { return a.log_time_ns < b.log_time_ns; });
}

}  // namespace smt::cmd
