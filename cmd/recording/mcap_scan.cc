#include "cmd/recording/mcap_scan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace smt::cmd {
namespace {

constexpr uint64_t kReadBytes = 16 << 10;
constexpr uint64_t kInnerBytes = 4 << 10;  // within which a chunk or an attachment tells its own length
constexpr uint64_t kMinMessageBytes = 22;  // of a body without data
constexpr int kProofs = 2;                 // records behind a message that prove it
// What find() looks at: so many times the file, and so much.
constexpr uint64_t kMaxPasses = 32, kMaxCharge = 256 << 20;

bool is_data(McapOp op) {
  return op == McapOp::kChunk || op == McapOp::kMessage || op == McapOp::kAttachment ||
         op == McapOp::kMetadata;
}

}  // namespace

void McapScan::believe(uint64_t end, std::map<uint64_t, McapHead> places) {
  end_ = end;
  places_ = std::move(places);
}

std::string_view McapScan::view(uint64_t at, uint64_t bytes) {
  if (at >= bytes_) return {};
  bytes = std::min(bytes, bytes_ - at);
  if (at < block_at_ || at + bytes > block_at_ + block_.size()) {
    block_.resize(std::min(std::max(bytes, kReadBytes), bytes_ - at));
    block_at_ = at;
    size_t done = 0;
    while (done < block_.size()) {
      const ssize_t n =
          pread(fd_.get(), block_.data() + done, block_.size() - done, static_cast<off_t>(at + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    block_.resize(done);
    charge(done);
  }
  return std::string_view(block_).substr(at - block_at_, bytes);
}

McapHead McapScan::head(uint64_t at) {
  if (at > end_ || end_ - at < kMcapHeadBytes) return {};
  return parse_head(view(at, kMcapHeadBytes));
}

std::optional<McapHead> McapScan::known_head(uint64_t at) const {
  const auto found = places_.find(at);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

uint64_t McapScan::next_place(uint64_t at) const {
  const auto next = places_.upper_bound(at);
  return next == places_.end() ? end_ : std::min(end_, next->first);
}

std::optional<uint64_t> McapScan::inner_bytes(McapOp op, uint64_t body) {
  return cmd::inner_bytes(op, view(body, kInnerBytes));
}

bool McapScan::is_exact(uint64_t at, const McapHead& head) {
  const uint64_t body = at + kMcapHeadBytes;
  if (body > end_ || head.bytes > end_ - body || head.op == McapOp::kMessage) return false;
  if (head.op == McapOp::kChunk || head.op == McapOp::kAttachment) {
    return inner_bytes(head.op, body) == head.bytes;
  }
  if (!is_known(head.op) || head.bytes > kMaxMcapBytes) return false;
  charge(head.bytes);
  const std::string_view bytes = view(body, head.bytes);
  return bytes.size() == head.bytes && cmd::is_exact(head.op, bytes);
}

// A record that was being written when its writer was killed.
bool McapScan::is_torn(uint64_t at) {
  const std::string_view first = view(at, 1);
  if (end_ != bytes_ || first.empty() || !is_known(static_cast<McapOp>(first[0]))) return false;
  if (bytes_ - at < kMcapHeadBytes) return true;
  const McapHead torn = head(at);
  return torn.bytes > bytes_ - at - kMcapHeadBytes && torn.bytes <= kMaxMcapBytes;
}

bool McapScan::goes_on(uint64_t at, int more) {
  if (at >= end_ || places_.count(at) != 0) return at <= end_;
  return is_torn(at) || fits(at, more);
}

// Whether a record begins at `at` that is exact, or that ends where `more` others that fit follow.
bool McapScan::fits(uint64_t at, int more) {
  const McapHead record = head(at);
  const uint64_t body = at + kMcapHeadBytes;
  if (record.op == McapOp{} || record.bytes > end_ - body) return false;
  if (is_exact(at, record)) return true;
  if (record.op == McapOp::kMessage && record.bytes < kMinMessageBytes) return false;
  return more == 0 || goes_on(body + record.bytes, more - 1);
}

// Whether up to `next` the head at `end` is good but for a byte.
bool McapScan::is_damaged(uint64_t end, uint64_t next) {
  if (next < end + kMcapHeadBytes) return false;
  const McapHead damaged = head(end);
  const uint64_t difference = damaged.bytes ^ (next - end - kMcapHeadBytes);
  int bytes = is_known(damaged.op) ? 0 : 1;
  for (uint64_t rest = difference; rest != 0; rest >>= 8) bytes += (rest & 0xff) != 0 ? 1 : 0;
  return bytes <= 1;
}

bool McapScan::ends_at(uint64_t at, uint64_t end) {
  const McapOp op = head(at).op;
  const bool any_bytes = op == McapOp::kMessage || !is_known(op);
  if (end > end_ || places_.count(end) != 0 || (any_bytes && goes_on(end))) return end <= end_;
  const uint64_t place = next_place(at), next = find(at + 1, place).value_or(place);
  if (next <= end) return next == end;
  return goes_on(end) || (end < place && is_damaged(end, next));
}

std::optional<uint64_t> McapScan::find(uint64_t from, uint64_t limit, bool only_data) {
  limit = std::min(limit, end_);
  for (uint64_t at = from; at + kMcapHeadBytes <= limit; ++at) {
    const McapHead record = head(at);
    if (!is_known(record.op) || record.bytes > limit - at - kMcapHeadBytes) continue;
    if (only_data && !is_data(record.op)) continue;
    charge(kMcapHeadBytes);
    if (charged_ > kMaxCharge + kMaxPasses * bytes_) return std::nullopt;
    const bool is_message = record.op == McapOp::kMessage;
    if (is_message ? fits(at, kProofs) : is_exact(at, record)) return at;
  }
  return std::nullopt;
}

}  // namespace smt::cmd
