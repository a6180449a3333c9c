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

constexpr uint64_t kMaxBytes = 64 << 20;  // of a record, of a chunk unpacked, of the summary

}  // namespace

Result<McapReader> McapReader::open(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hold us up
  if (!fd.ok() && errno == ENOENT) return {Code::kInvalid, "no file " + path};
  struct stat file {};
  if (!fd.ok() || fstat(fd.get(), &file) != 0) return file_status("cannot read " + path, errno);
  if (!S_ISREG(file.st_mode)) return {Code::kInvalid, path + " is no regular file"};
  McapReader reader(path, std::move(fd), static_cast<uint64_t>(file.st_size));
  const uint64_t magic = kMcapMagic.size();
  std::string head;
  if (!reader.read(0, magic + kMcapHeadBytes, &head) || !head.starts_with(kMcapMagic)) {
    return {Code::kInvalid, path + " is no MCAP file: it does not begin as one"};
  }
  const McapHead first = parse_head(std::string_view(head).substr(magic));
  if (first.op != McapOp::kHeader || first.bytes > kMaxBytes ||
      !reader.read(magic + kMcapHeadBytes, first.bytes, &reader.record_) ||
      !parse(reader.record_, &reader.header_)) {
    return {Code::kInvalid, path + " is no MCAP file: its header is damaged"};
  }
  reader.start_ = reader.at_ = magic + kMcapHeadBytes + first.bytes;
  reader.read_summary();
  return reader;
}

bool McapReader::read(uint64_t at, uint64_t bytes, std::string* out) const {
  if (at > bytes_ || bytes > bytes_ - at) return false;
  out->resize(bytes);
  for (uint64_t done = 0; done < bytes;) {
    const ssize_t n = pread(fd_.get(), out->data() + done, bytes - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<uint64_t>(n);
  }
  return true;
}

// A summary that is not good in every part is none: all that it says can be read from the data.
void McapReader::read_summary() {
  const uint64_t tail = kMcapFooterBytes + kMcapMagic.size();
  if (bytes_ < start_ + tail) return;
  std::string end, text;
  if (!read(bytes_ - tail, tail, &end) || !end.ends_with(kMcapMagic)) return;
  std::string_view rest = end, body;
  McapOp op;
  McapFooter footer;
  if (!take_record(&rest, &op, &body) || op != McapOp::kFooter || !parse(body, &footer)) return;
  const uint64_t footer_at = bytes_ - tail;
  if (footer.summary_start < start_ || footer.summary_start > footer_at ||
      footer_at - footer.summary_start > kMaxBytes ||
      !read(footer.summary_start, footer_at - footer.summary_start, &text)) {
    return;
  }
  const std::string_view to_crc = std::string_view(end).substr(0, kMcapFooterBytes - sizeof(uint32_t));
  if (footer.summary_crc != 0 && footer.summary_crc != mcap_crc(to_crc, mcap_crc(text))) return;
  McapSummary summary;
  bool counted = false;
  for (rest = text; !rest.empty();) {
    if (!take_record(&rest, &op, &body)) return;
    if (op == McapOp::kStatistics) {
      if (!parse(body, &summary.statistics)) return;
      counted = true;
    } else if (op == McapOp::kChunkIndex) {
      McapChunkIndex chunk;
      if (!parse(body, &chunk) || chunk.offset < start_ || chunk.offset >= footer.summary_start) return;
      summary.chunks.push_back(std::move(chunk));
    }
  }
  if (!counted) return;
  for (rest = text; take_record(&rest, &op, &body);) know(op, body);
  std::stable_sort(summary.chunks.begin(), summary.chunks.end(),
                   [](const McapChunkIndex& a, const McapChunkIndex& b) { return a.offset < b.offset; });
  summary_ = std::move(summary);
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
  next_ = 0;
  at_ = start_;
  chunks_read_ = bytes_left_out_ = 0;
  problems_.clear();
  if (!summary_) return;
  const auto& chunks = summary_->chunks;
  const auto first = std::find_if(chunks.begin(), chunks.end(),
                                  [&](const McapChunkIndex& chunk) { return chunk.end_ns >= log_time_ns; });
  if (first != chunks.end()) at_ = first->offset;
}

// Reads one record of the data section. False: there is none any more.
bool McapReader::next_record() {
  messages_.clear();
  next_ = 0;
  if (at_ >= bytes_) return false;
  const uint64_t at = at_, left = bytes_ - at;
  std::string text;
  const auto torn = [&](const std::string& why) {
    at_ = bytes_;
    leave_out(at, left, why);
    return false;
  };
  if (!read(at, kMcapHeadBytes, &text)) return torn("the file ends inside a record");
  const McapHead head = parse_head(text);
  if (head.bytes > left - kMcapHeadBytes) return torn("the file ends inside a record");
  if (head.op == McapOp::kDataEnd || head.op == McapOp::kFooter) {
    at_ = bytes_;
    return false;
  }
  const uint64_t record_bytes = kMcapHeadBytes + head.bytes;
  at_ = at + record_bytes;
  const bool used = head.op == McapOp::kSchema || head.op == McapOp::kChannel ||
                    head.op == McapOp::kMessage || head.op == McapOp::kChunk;
  if (!used) return true;
  if (head.bytes > kMaxBytes) {
    leave_out(at, record_bytes,
              fmt::format("a record of {} bytes; at most {} are read", head.bytes, kMaxBytes));
  } else if (!read(at + kMcapHeadBytes, head.bytes, &record_)) {
    return torn("the file cannot be read here");
  } else if (head.op == McapOp::kChunk) {
    unpack(at, record_bytes);
  } else {
    text += record_;
    record_ = std::move(text);
    collect(record_, at);
  }
  return true;
}

void McapReader::unpack(uint64_t at, uint64_t record_bytes) {
  McapChunk chunk;
  if (!parse(record_, &chunk)) return leave_out(at, record_bytes, "a damaged chunk");
  if (chunk.raw_bytes > kMaxBytes) {
    return leave_out(at, record_bytes,
                     fmt::format("a chunk of {} bytes; at most {} are read", chunk.raw_bytes, kMaxBytes));
  }
  std::string_view raw = chunk.packed;
  if (chunk.compression == "zstd") {
    const auto unpacked = zstd_.expand(std::as_bytes(std::span(raw)), chunk.raw_bytes);
    if (!unpacked) return leave_out(at, record_bytes, "a chunk whose zstd frame is damaged");
    raw = {reinterpret_cast<const char*>(unpacked->data()), unpacked->size()};
  } else if (!chunk.compression.empty()) {
    return leave_out(
        at, record_bytes,
        fmt::format("a chunk packed with \"{}\"; only zstd is read", chunk.compression.substr(0, 16)));
  }
  if (raw.size() != chunk.raw_bytes || (chunk.crc != 0 && chunk.crc != mcap_crc(raw))) {
    return leave_out(at, record_bytes, "a damaged chunk: its CRC is another");
  }
  ++chunks_read_;
  collect(raw, at);
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
