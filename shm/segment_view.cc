#include "shm/segment_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "shm/domain_folder.h"
#include "shm/ordering.h"
#include "shm/place.h"
#include "shm/record.h"

namespace smt {

namespace {

constexpr uint32_t kTogether = 8;

bool all_stand(const layout::Word* counter, const uint64_t* last) {
  uint64_t moved = 0;
#pragma GCC unroll 8
  for (size_t j = 0; j < kTogether; ++j) moved |= counter[j].load(std::memory_order_relaxed) ^ last[j];
  return moved == 0;
}

// A bit for each of the first `n` that moved, eight at most; brings `last` up to date.
[[gnu::always_inline]] inline uint64_t take_moved(const layout::Word* counter, uint64_t* last, uint32_t n) {
  uint64_t moved = 0;
#pragma GCC unroll 8
  for (uint32_t j = 0; j < n; ++j) {
    const uint64_t head = counter[j].load(std::memory_order_relaxed);
    moved |= uint64_t{head != last[j]} << j;
    last[j] = head;
  }
  return moved;
}

std::optional<int64_t> known(const layout::Word& word) {
  const auto ns = static_cast<int64_t>(word.load(std::memory_order_relaxed));
  return ns > 0 ? std::optional(ns) : std::nullopt;
}

std::string fixed_text(const char* text, size_t limit) { return std::string(text, strnlen(text, limit)); }

// `path` ends in the node's name.
Status unusable(const std::string& path, const std::string& why) {
  return Status(Code::kDamaged, path + " is not a usable segment: " + why + "; restart node " +
                                    path.substr(path.rfind('/') + 1) + ", which replaces it");
}

// What is constant after birth, of a file of `bytes` bytes that is called `name`.
Status check_header(const layout::Header& h, uint64_t bytes, const std::string& name,
                    const std::string& path) {
  if (h.magic != layout::kMagic) return unusable(path, "it does not begin with SSMTSEG1");
  if (h.endian != layout::kEndianMark)
    return Status(Code::kVersion, path + " was written with another byte order");
  if (h.version != layout::kLayoutVersion) {
    return Status(Code::kVersion, path + " has layout version " + std::to_string(h.version) +
                                      ", this program knows version " +
                                      std::to_string(layout::kLayoutVersion) +
                                      ": use programs of one release, or restart node " + name);
  }
  if (h.header_bytes != layout::kHeaderBytes)
    return unusable(path, "its header says " + std::to_string(h.header_bytes) + " bytes");
  if (h.size < layout::kMinSegmentBytes || h.size > layout::kMaxSegmentBytes) {
    return unusable(path, "its header says a size of " + std::to_string(h.size) + " bytes");
  }
  if (bytes != h.size) {
    return unusable(path,
                    "it has " + std::to_string(bytes) + " bytes, its header says " + std::to_string(h.size));
  }
  if (h.kind > static_cast<uint32_t>(layout::Kind::kMirror))
    return unusable(path, "unknown kind " + std::to_string(h.kind));
  if (fixed_text(h.node, sizeof h.node) != name) {
    return unusable(path, "it belongs to node '" + fixed_text(h.node, sizeof h.node) + "'");
  }
  return Status();
}

}  // namespace

Result<std::shared_ptr<SegmentView>> SegmentView::open(const Domain& domain, std::string_view node) {
  if (Status s = check_name("node", node); !s.ok()) return s;
  return open(domain.folder(), node);
}

Result<std::shared_ptr<SegmentView>> SegmentView::open(const DomainFolder& folder, std::string_view node) {
  const std::string name(node);
  const std::string full = folder.path + "/" + name;
  struct stat st;
  Result<Fd> fd = folder.open_file(name, O_RDONLY, true, &st);
  if (!fd.ok()) return fd.status();
  if ((st.st_mode & 022) != 0) {
    return Status(Code::kDenied, full + " is writable by others than its owner: chmod go-w it");
  }

  // The header is copied once, checked, and only the copy is used for what is constant.
  alignas(layout::Header) std::byte copy[sizeof(layout::Header)];
  const auto* h = reinterpret_cast<const layout::Header*>(copy);
  if (pread(fd->get(), copy, sizeof copy, 0) != static_cast<ssize_t>(sizeof copy)) {
    return unusable(full, "it has " + std::to_string(st.st_size) + " bytes, less than a header");
  }
  if (Status s = check_header(*h, static_cast<uint64_t>(st.st_size), name, full); !s.ok()) return s;

  std::shared_ptr<SegmentView> v(new SegmentView());
  v->size_ = h->size;
  v->node_ = name;
  memcpy(v->id_.data(), h->id, sizeof h->id);
  memcpy(v->predecessor_.data(), h->predecessor, sizeof h->predecessor);
  v->mirror_ = h->kind == static_cast<uint32_t>(layout::Kind::kMirror);
  v->opened_epoch_ = h->epoch.load(std::memory_order_relaxed);
  v->same_boot_ = is_of_this_boot(h->boot_id, fd->get()) || has_owner(fd->get());
  v->same_namespace_ = h->time_namespace == time_namespace();
  v->inode_ = st.st_ino;
  v->device_ = st.st_dev;
  Result<Mapping> region = Mapping::map(fd->get(), v->size_, false, "the segment of node " + name);
  if (!region.ok()) return region.status();
  v->region_ = std::move(*region);
  v->base_ = v->region_.data();
  v->header_ = reinterpret_cast<const layout::Header*>(v->base_);
  v->fd_ = std::move(*fd);
  if (v->backed_bytes() < layout::kHeaderBytes)
    return unusable(full, "its memory is not reserved as its header says");
  v->open_bell(folder);
  return v;
}

void SegmentView::open_bell(const DomainFolder& folder) {
  if (!folder.may_write) return;
  struct stat st;
  Result<Fd> fd = folder.open_file(node_ + ".bell", O_RDWR, true, &st);
  if (!fd.ok() || static_cast<uint64_t>(st.st_size) < layout::kBellBytes || st.st_blocks == 0) return;
  Result<Mapping> region = Mapping::map(fd->get(), layout::kBellBytes, true, "the bell of node " + node_);
  if (!region.ok()) return;
  bell_region_ = std::move(*region);
  bell_ = &reinterpret_cast<layout::Bell*>(bell_region_.data())->bits;
}

std::string SegmentView::host() const {
  char text[layout::kNameBytes];
  load_words(text, reinterpret_cast<const layout::Word*>(header_->host), sizeof text);
  return fixed_text(text, sizeof text);
}

bool has_owner(int fd) {
  struct flock lock = {};
  lock.l_type = F_RDLCK;  // conflicts with the owner's write lock, and with nothing else
  lock.l_whence = SEEK_SET;
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0) return false;
  return lock.l_type != F_UNLCK;
}

bool SegmentView::still_named(int folder) const {
  struct stat st;
  return fstatat(folder, node_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode_ &&
         st.st_dev == device_;
}

uint64_t SegmentView::backed_bytes() const {
  const uint64_t reserved = read_reserved(header_);
  uint64_t verified = verified_.load(std::memory_order_relaxed);
  if (reserved <= verified) return reserved;
  // Touching a page that nobody reserved would take the writer's memory, and kill this process by SIGBUS
  // where there is none left.
  struct stat st;
  if (reserved > size_ || fstat(fd_.get(), &st) != 0 || static_cast<uint64_t>(st.st_size) < size_ ||
      static_cast<uint64_t>(st.st_blocks) * 512 < reserved) {
    return verified;
  }
  verified_.store(reserved, std::memory_order_relaxed);
  return reserved;
}

const std::byte* SegmentView::block_at(uint32_t block) const {
  if (block >= layout::kBlocks) return nullptr;
  const uint64_t offset = header_->block[block].load(std::memory_order_relaxed);
  const uint64_t bytes = layout::bytes_of_block(block);
  const uint64_t backed = backed_bytes();
  if (offset < layout::kHeaderBytes || offset % layout::kAlign != 0 || bytes > backed ||
      offset > backed - bytes) {
    return nullptr;
  }
  return base_ + offset;
}

uint32_t SegmentView::topic_limit() const {
  const uint64_t told = read_topic_limit(header_);
  uint32_t limit = told < layout::kMaxTopics ? static_cast<uint32_t>(told) : layout::kMaxTopics;
  if (limit == 0) return 0;
  // Only as far as there are blocks.
  for (uint32_t block = 0; block <= layout::block_of(limit - 1); ++block) {
    if (block_at(block) == nullptr) return layout::kFirstBlockTopics * ((1u << block) - 1);
  }
  return limit;
}

uint64_t SegmentView::generation(uint32_t index) const {
  const uint32_t block = layout::block_of(index);
  const std::byte* at = block_at(block);
  if (at == nullptr) return 0;
  const auto* entry =
      reinterpret_cast<const layout::Entry*>(at + layout::block_topics(block) * sizeof(layout::Word));
  return read_generation(entry + layout::place_of(index));
}

std::optional<TopicView> SegmentView::topic(uint32_t index, bool* damaged) const {
  const uint32_t block = layout::block_of(index);
  const std::byte* at = block_at(block);
  if (at == nullptr) return std::nullopt;
  const auto* entry =
      reinterpret_cast<const layout::Entry*>(at + layout::block_topics(block) * sizeof(layout::Word)) +
      layout::place_of(index);
  TopicView t;
  uint64_t backed = backed_bytes();
  RecordRead read = read_record(base_, backed, entry, index, &t);
  // A record that lies beyond may be in memory that was reserved since.
  for (int again = 0; read == RecordRead::kDamaged && again < 16 && backed_bytes() > backed; ++again) {
    backed = backed_bytes();
    read = read_record(base_, backed, entry, index, &t);
  }
  if (damaged != nullptr) *damaged = read == RecordRead::kDamaged;
  if (read != RecordRead::kLive) return std::nullopt;
  t.segment = shared_from_this();
  t.entry = entry;
  t.counter = reinterpret_cast<const layout::Word*>(at) + layout::place_of(index);
  t.record = reinterpret_cast<const layout::Record*>(base_ + t.record_offset);
  t.ring = base_ + t.record_offset + layout::ring_offset(t.name.size());
  return t;
}

bool SegmentView::read_blob(uint64_t offset, uint64_t limit, std::string* text) const {
  const uint64_t backed = backed_bytes();
  if (offset % layout::kAlign != 0 || offset < layout::kHeaderBytes || offset > backed ||
      backed - offset < sizeof(layout::Blob)) {
    return false;
  }
  uint64_t head[2];
  load_words(head, reinterpret_cast<const layout::Word*>(base_ + offset), sizeof head);
  const uint64_t bytes = head[1];
  const uint64_t room = backed - offset - sizeof(layout::Blob);
  if (bytes > limit || layout::align_up(bytes, 8) > room) return false;
  text->resize(bytes);
  load_words(text->data(), reinterpret_cast<const layout::Word*>(base_ + offset + sizeof(layout::Blob)),
             bytes);
  return true;
}

Result<Schema> SegmentView::schema(const TopicView& topic) const {
  std::string text;
  const bool read = read_blob(topic.schema_offset, layout::kMaxSchemaBytes, &text);
  if (!topic.live()) return Status(Code::kNotFound, "topic " + topic.name + " has just been removed");
  const std::string where = "the schema of topic " + topic.name + " in node " + node_;
  if (!read) return Status(Code::kDamaged, where + " is damaged");
  Result<Schema> schema = Schema::from_text(text);
  if (!schema.ok()) return Status(Code::kDamaged, where + " is damaged: " + schema.status().message());
  if (schema->hash() != topic.schema_hash) return Status(Code::kDamaged, where + " does not match its hash");
  if (schema->size != 0 && schema->size != topic.max_bytes) {
    return Status(Code::kDamaged, where + " does not match the topic's size");
  }
  return schema;
}

TopicOrigin SegmentView::origin(const TopicView& topic) const {
  TopicOrigin o;
  const uint64_t backed = backed_bytes();
  if (topic.origin_offset == 0) {
    o.segment_id = id_;
    o.host = host();
    o.node = node_;
    return o;
  }
  if (topic.origin_offset % layout::kAlign != 0 || topic.origin_offset > backed ||
      backed - topic.origin_offset < sizeof(layout::Origin)) {
    return o;
  }
  layout::Origin copy;
  load_words(&copy, reinterpret_cast<const layout::Word*>(base_ + topic.origin_offset), sizeof copy);
  if (!topic.live()) return o;
  memcpy(o.origin_id.data(), copy.origin_id, sizeof copy.origin_id);
  memcpy(o.segment_id.data(), copy.segment_id, sizeof copy.segment_id);
  o.host = fixed_text(copy.host, sizeof copy.host);
  o.domain = fixed_text(copy.domain, sizeof copy.domain);
  o.node = fixed_text(copy.node, sizeof copy.node);
  return o;
}

// Calls `f` with the first of eight topics, of which some have moved, and a bit for each of those.
template <class F>
void SegmentView::scan_eights(std::vector<uint64_t>* seen, F f) const {
  const uint32_t limit = topic_limit();
  if (seen->size() < limit) seen->resize(limit, 0);
  for (uint32_t block = 0, first = 0; first < limit;
       first += static_cast<uint32_t>(layout::block_topics(block++))) {
    const auto* counter = reinterpret_cast<const layout::Word*>(block_at(block));
    if (counter == nullptr) return;
    uint64_t* last = seen->data() + first;
    const uint32_t n = std::min<uint32_t>(limit - first, static_cast<uint32_t>(layout::block_topics(block)));
    // Eight at a time: nearly always all of them stand still. A block's topics are a multiple of 64 but for
    // the last block's, which is cut at the limit.
    uint32_t i = 0;
    for (; i + kTogether <= n; i += kTogether) {
      if (!all_stand(counter + i, last + i)) f(first + i, take_moved(counter + i, last + i, kTogether));
    }
    if (const uint64_t moved = take_moved(counter + i, last + i, n - i); moved != 0) f(first + i, moved);
  }
}

void SegmentView::scan(std::vector<uint64_t>* seen, std::vector<uint32_t>* changed) const {
  scan_eights(seen, [changed](uint32_t first, uint64_t moved) {
    for (; moved != 0; moved &= moved - 1) {
      changed->push_back(first + static_cast<uint32_t>(std::countr_zero(moved)));
    }
  });
}

void SegmentView::scan_words(std::vector<uint64_t>* seen, std::vector<uint64_t>* changed) const {
  changed->assign((std::max<size_t>(seen->size(), topic_limit()) + 63) / 64, 0);
  scan_eights(seen, [changed](uint32_t first, uint64_t moved) {
    if (first / 64 >= changed->size()) changed->resize(first / 64 + 1, 0);
    (*changed)[first / 64] |= moved << first % 64;
  });
}

void SegmentView::scan_generations(std::vector<uint64_t>* seen, std::vector<uint32_t>* changed) const {
  const uint32_t limit = topic_limit();
  if (seen->size() < limit) seen->resize(limit, 0);
  const auto note = [&](uint32_t index, uint64_t generation) {
    if (generation == (*seen)[index]) return;
    (*seen)[index] = generation;
    changed->push_back(index);
  };
  for (uint32_t block = 0, first = 0; first < limit; ++block) {
    const std::byte* at = block_at(block);
    if (at == nullptr) return;
    const auto topics = static_cast<uint32_t>(layout::block_topics(block));
    const auto* entries = reinterpret_cast<const layout::Entry*>(at + topics * sizeof(layout::Word));
    const uint32_t end = std::min(limit - first, topics);
    for (uint32_t i = 0; i < end; ++i) note(first + i, read_generation(entries + i));
    first += topics;
  }
  for (auto index = limit; index < seen->size(); ++index) note(index, 0);
}

template <class Born>
State SegmentView::state_by(const TopicView& topic, bool dead, int64_t now_ns, int64_t max_age,
                            Born born) const {
  if (!topic.live()) return State::kRemoved;
  const uint64_t head = read_newest_head(*topic.counter);
  if (head < topic.first_position) return State::kEmpty;
  // An adoption moves the segment's epoch before it clears `closed`: `closed` is read first.
  const bool ended = read_closed(header_);
  const bool this_epoch = is_current(topic);
  const auto told = static_cast<State>(topic.record->state.load(std::memory_order_relaxed));
  if (mirror_) {
    const bool vouched = same_time() ? now_ns <= alive_until() : same_boot() && !dead;
    if (!vouched) return State::kLinkDown;
    if (told == State::kSubstituted) return told;
    if (told == State::kLinkDown || !this_epoch) return State::kLinkDown;
    if (told == State::kSourceDead) return told;
  } else if (dead || ended || !this_epoch || !same_boot()) {
    return State::kSourceDead;
  } else if (told == State::kSubstituted) {
    return told;
  }
  if (told == State::kStale) return told;
  const int64_t limit = max_age >= 0 ? max_age : max_age_ns(topic);
  if (limit > 0 && same_time() && age_at(now_ns, born(head)) > limit) return State::kStale;
  return State::kFresh;
}

State SegmentView::state(const TopicView& topic, bool dead, int64_t now_ns, int64_t max_age) const {
  return state_by(topic, dead, now_ns, max_age, [&](uint64_t head) {
    return static_cast<int64_t>(topic.slot(head)->born.load(std::memory_order_relaxed));
  });
}

State SegmentView::sample_state(const TopicView& topic, int64_t born_ns, bool dead, int64_t now_ns,
                                int64_t max_age) const {
  return state_by(topic, dead, now_ns, max_age, [born_ns](uint64_t) { return born_ns; });
}

bool SegmentView::is_left_over(const TopicView& topic) const {
  const auto told = static_cast<State>(topic.record->state.load(std::memory_order_relaxed));
  return mirror_ && told == State::kLinkDown && !is_current(topic);
}

std::optional<int64_t> SegmentView::age_error_ns(const TopicView& topic) const {
  return mirror_ && same_time() ? known(topic.record->age_error_ns) : std::nullopt;
}

std::optional<int64_t> SegmentView::delay_ns(const TopicView& topic) const {
  return mirror_ ? known(topic.record->delay_ns) : std::nullopt;
}

}  // namespace smt
