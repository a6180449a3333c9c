#include "shm/owned_segment.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "shm/fork.h"
#include "shm/memory_text.h"
#include "shm/name.h"
#include "shm/ordering.h"
#include "shm/place.h"
#include "shm/seqlock.h"

namespace smt {

namespace {

constexpr uint64_t kDefaultSegmentBytes = uint64_t{1} << 30;

// Who holds a dead node's lock to remove what it left does so for less.
constexpr useconds_t kLockRetryUs = 1000;
constexpr int kLockRetries = 10;

bool set_lock(int fd) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// The machine may have another name than at the birth of the segment, whose readers may be looking.
void store_host(layout::Header* header, const std::string& name) {
  std::array<char, layout::kNameBytes> host{};
  memcpy(host.data(), name.data(), std::min(name.size(), host.size()));
  store_words(reinterpret_cast<layout::Word*>(header->host), host.data(), host.size());
}

// Another open file description of the same file.
Fd reopen(const Fd& file) {
  return above_standard(
      Fd(open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDWR | O_CLOEXEC)));
}

}  // namespace

OwnedSegment::OwnedSegment(std::shared_ptr<DomainFolder> folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)) {}

OwnedSegment::~OwnedSegment() { give_up_lock(&lock_); }

Result<std::unique_ptr<OwnedSegment>> OwnedSegment::open(std::shared_ptr<DomainFolder> folder,
                                                         const NodeOptions& options, TopicTable* table) {
  if (Status s = check_name("node", options.name); !s.ok()) return s;
  if (options.segment_bytes != 0 && (options.segment_bytes < layout::kMinSegmentBytes ||
                                     options.segment_bytes > layout::kMaxSegmentBytes)) {
    return Status(Code::kInvalid,
                  "segment size " + std::to_string(options.segment_bytes) + ": use 64 KiB to 16 TiB");
  }
  if (!folder->may_write) {
    return Status(Code::kDenied, folder->path + " belongs to user " + std::to_string(folder->owner) +
                                     ": publish as that user, or in another --domain");
  }
  const std::string full = folder->path + "/" + options.name;
  // A few rounds, as another process may begin or end under the same name meanwhile.
  for (int round = 0; round < 16; ++round) {
    std::unique_ptr<OwnedSegment> s(new OwnedSegment(folder, options.name));
    struct stat st;
    Result<Fd> old = folder->open_file(options.name, O_RDWR, false, &st);
    if (!old.ok() && old.status().code() != Code::kNotFound) return old.status();
    if (!old.ok()) {
      if (!options.create) return Status(Code::kNotFound, "no node " + options.name + " in " + folder->path);
      Status made = s->create(options, nullptr, table);
      if (made.ok()) return s;
      if (made.code() == Code::kInUse) continue;
      return made;
    }
    if (Status owner = s->check_owner(st); !owner.ok()) return owner;
    bool taken = false;
    if (Status locked = s->lock_file(*old, &taken); !locked.ok()) return locked;
    if (!s->named(st)) continue;  // replaced or removed between open and lock
    if (taken && round < kLockRetries) {
      usleep(kLockRetryUs);
      continue;
    }
    if (taken) return s->in_use(*old);
    s->file_ = std::move(*old);
    std::string why;
    if (Status adopted = s->adopt(options, table, &why); !adopted.ok()) return adopted;
    if (why.empty()) return s;
    if (!options.create)
      return Status(Code::kDamaged, full + " cannot be adopted: " + why + "; remove the file");
    std::unique_ptr<OwnedSegment> fresh(new OwnedSegment(folder, options.name));
    if (Status made = fresh->create(options, &s->file_, table); !made.ok()) return made;
    fresh->birth_.replaced = true;
    fresh->birth_.replaced_why = std::move(why);
    return fresh;
  }
  return Status(Code::kSystem, full + " is being replaced over and over by other processes");
}

Status OwnedSegment::check_owner(const struct stat& st) const {
  if (st.st_uid == geteuid()) return Status();
  return Status(Code::kDenied, folder_->path + "/" + name_ + " belongs to user " + std::to_string(st.st_uid) +
                                   ": choose another node name");
}

Result<std::unique_ptr<OwnedSegment>> OwnedSegment::remake(const NodeOptions& options,
                                                           const TopicTable& topics,
                                                           TopicTable* table) const {
  NodeOptions as_before = options;
  as_before.segment_bytes = header()->size;
  const Predecessor before{*this, topics};
  struct stat ours;
  if (fstat(file_.get(), &ours) != 0) return Status::from_errno("cannot look at node " + name_, errno);
  // A few rounds, as another process may begin under the name meanwhile.
  for (int round = 0; round < kLockRetries; ++round) {
    OwnedSegment other(folder_, name_);  // holds the lock of a file that is in the way
    struct stat st;
    Result<Fd> there = folder_->open_file(name_, O_RDWR, false, &st);
    if (!there.ok() && there.status().code() != Code::kNotFound) return there.status();
    if (there.ok() && !is_same_file(st, ours)) {
      if (Status owner = check_owner(st); !owner.ok()) return owner;
      bool taken = false;
      if (Status locked = other.lock_file(*there, &taken); !locked.ok()) return locked;
      if (!named(st)) continue;
      if (taken && round + 1 < kLockRetries) {
        usleep(kLockRetryUs);
        continue;
      }
      if (taken) return in_use(*there);
    }
    std::unique_ptr<OwnedSegment> fresh(new OwnedSegment(folder_, name_));
    Status made = fresh->create(as_before, there.ok() ? &*there : nullptr, table, &before);
    if (made.code() == Code::kInUse) continue;
    if (!made.ok()) return made;
    header()->retired.store(1, std::memory_order_relaxed);
    return fresh;
  }
  return Status(Code::kInUse, folder_->path + "/" + name_ + " is taken over and over by other processes");
}

bool OwnedSegment::healthy() const {
  struct stat segment;
  return fstat(file_.get(), &segment) == 0 && named(segment) && has_bell();
}

Status OwnedSegment::remove_segment(std::shared_ptr<DomainFolder> folder, const std::string& name) {
  if (Status s = check_name("node", name); !s.ok()) return s;
  const std::string full = folder->path + "/" + name;
  OwnedSegment dead(folder, name);
  struct stat st;
  Result<Fd> file = folder->open_file(name, O_RDWR, false, &st);
  if (!file.ok()) return file.status();
  if (st.st_uid != geteuid())
    return Status(Code::kDenied, full + " belongs to user " + std::to_string(st.st_uid));
  bool taken = false;
  if (Status locked = dead.lock_file(*file, &taken); !locked.ok()) return locked;
  if (!dead.named(st)) return Status(Code::kInUse, full + " has just been replaced");
  if (taken) return dead.in_use(*file);
  // Of whatever version it is: these bytes mean the same in all of them.
  uint64_t magic = 0;
  if (pread(file->get(), &magic, sizeof magic, 0) == sizeof magic && magic == layout::kMagic) {
    const uint32_t removing = layout::kRemoving;
    (void)!pwrite(file->get(), &removing, sizeof removing, offsetof(layout::Header, closed));
  }
  dead.unlink();
  return Status();
}

bool OwnedSegment::named(const struct stat& opened) const { return folder_->is_named(opened, name_); }

bool OwnedSegment::has_bell() const {
  struct stat bell;
  return fstat(bell_file_.get(), &bell) == 0 && folder_->is_named(bell, name_ + ".bell");
}

// The bell first, while the name still says that the node is ours: a successor cannot take this bell for its
// own.
void OwnedSegment::unlink() const {
  unlinkat(folder_->fd.get(), (name_ + ".bell").c_str(), 0);
  unlinkat(folder_->fd.get(), name_.c_str(), 0);
}

Status OwnedSegment::lock_file(const Fd& file, bool* taken) {
  return take_lock(&lock_, [&]() -> Result<Fd> {
    Fd fd = reopen(file);
    if (!fd.ok())
      return Status::from_errno("cannot open " + folder_->path + "/" + name_ + " for locking", errno);
    if (set_lock(fd.get())) return fd;
    if (errno != EAGAIN && errno != EACCES)
      return Status::from_errno("cannot lock " + folder_->path + "/" + name_, errno);
    *taken = true;
    return Fd();
  });
}

Status OwnedSegment::in_use(const Fd& file) const {
  alignas(layout::Header) std::byte copy[sizeof(layout::Header)] = {};
  (void)!pread(file.get(), copy, sizeof copy, 0);
  const auto* h = reinterpret_cast<const layout::Header*>(copy);
  return Status(Code::kInUse, "node " + name_ + " in " + folder_->path + " is already running: pid " +
                                  std::to_string(h->pid.load(std::memory_order_relaxed)) + " on host " +
                                  std::string(h->host, strnlen(h->host, sizeof h->host)) +
                                  "; stop it, or choose another --node name");
}

// Built unnamed, locked, and only then linked: a name never points at an incomplete segment, and a creator
// that is killed half-way leaves nothing.
Status OwnedSegment::create(const NodeOptions& options, const Fd* old, TopicTable* table,
                            const Predecessor* before) {
  const uint64_t size =
      layout::align_up(options.segment_bytes != 0 ? options.segment_bytes : kDefaultSegmentBytes, 4096);
  Result<Fd> file =
      folder_->unnamed(folder_->segment_mode(), size, layout::kHeaderBytes, "the segment of node " + name_);
  if (!file.ok()) return file.status();
  file_ = std::move(*file);
  Result<Mapping> mapping = Mapping::map(file_.get(), size, true, "the segment of node " + name_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = std::move(*mapping);

  if (Status s = fill_header(options, size); !s.ok()) return s;
  birth_ = Birth();
  start(table);
  table->clear(layout::kHeaderBytes);
  if (before != nullptr) {
    if (Status s = go_on_for(*before, table); !s.ok()) return s;
  }

  bool taken = false;
  if (Status s = lock_file(file_, &taken); !s.ok()) return s;
  // The bell before the segment: whoever finds the segment finds its bell.
  if (Status s = open_bell(); !s.ok()) return s;
  if (Status s = old != nullptr ? take_name_of(*old) : folder_->link(file_, name_); !s.ok()) return s;
  // The bell's name may have gone with a predecessor that was just removing it.
  return has_bell() ? Status() : open_bell();
}

Status OwnedSegment::go_on_for(const Predecessor& before, TopicTable* table) {
  layout::Header* h = header();
  const layout::Header* b = before.segment.header();
  memcpy(h->predecessor, b->id, sizeof h->predecessor);
  const auto take = [](layout::Word* to, const layout::Word& from) {
    to->store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
  };
  take(&h->epoch, b->epoch);
  take(&h->half_written, b->half_written);
  take(&h->alive_until, b->alive_until);
  birth_ = before.segment.birth_;
  return table->copy(before.topics);
}

Status OwnedSegment::fill_header(const NodeOptions& options, uint64_t size) {
  layout::Header* h = header();
  h->magic = layout::kMagic;
  h->version = layout::kLayoutVersion;
  h->endian = layout::kEndianMark;
  h->size = size;
  if (getrandom(h->id, sizeof h->id, 0) != sizeof h->id) return Status::from_errno("getrandom", errno);
  h->header_bytes = layout::kHeaderBytes;
  h->kind = static_cast<uint32_t>(options.mirror ? layout::Kind::kMirror : layout::Kind::kLocal);
  h->time_namespace = time_namespace();
  memcpy(h->boot_id, boot_id().data(), sizeof h->boot_id);
  memcpy(h->node, name_.data(), name_.size());
  store_host(h, host_name());
  h->epoch.store(1, std::memory_order_relaxed);
  h->pid.store(static_cast<uint64_t>(getpid()), std::memory_order_relaxed);
  h->started.store(static_cast<uint64_t>(folder_->clock.realtime_ns()), std::memory_order_relaxed);
  h->keep.store(options.keep ? 1 : 0, std::memory_order_relaxed);
  h->reserved.store(layout::kHeaderBytes, std::memory_order_relaxed);
  memcpy(id_.data(), h->id, sizeof h->id);
  return Status();
}

Status OwnedSegment::take_name_of(const Fd& old) {
  const std::string temporary = "." + name_ + ".new";
  unlinkat(folder_->fd.get(), temporary.c_str(), 0);  // of a predecessor killed right here
  if (Status s = folder_->link(file_, temporary); !s.ok()) return s;
  // Readers that have the old file mapped learn from it that there is a new one. Nothing can fail any more.
  struct stat st;
  if (fstat(old.get(), &st) == 0 && static_cast<uint64_t>(st.st_size) >= sizeof(layout::Header)) {
    const uint32_t retired = 1;
    (void)!pwrite(old.get(), &retired, sizeof retired, offsetof(layout::Header, retired));
  }
  if (renameat(folder_->fd.get(), temporary.c_str(), folder_->fd.get(), name_.c_str()) == 0) return Status();
  const int error = errno;
  unlinkat(folder_->fd.get(), temporary.c_str(), 0);
  return Status::from_errno("cannot replace " + folder_->path + "/" + name_, error);
}

Status OwnedSegment::adopt(const NodeOptions& options, TopicTable* table, std::string* why) {
  const auto no = [&](const std::string& reason) {
    *why = reason;
    return Status();
  };
  struct stat st;
  if (fstat(file_.get(), &st) != 0) return no("it cannot be looked at");
  if ((st.st_mode & 022) != 0) return no("others can write it");
  const auto bytes = static_cast<uint64_t>(st.st_size);
  if (bytes < layout::kMinSegmentBytes || bytes > layout::kMaxSegmentBytes) {
    return no("it has " + std::to_string(bytes) + " bytes");
  }
  if (static_cast<uint64_t>(st.st_blocks) * 512 < layout::kHeaderBytes) return no("its header has no memory");
  Result<Mapping> mapping = Mapping::map(file_.get(), bytes, true, "the segment of node " + name_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = std::move(*mapping);
  layout::Header* h = header();
  if (h->magic != layout::kMagic || h->endian != layout::kEndianMark) return no("it is not a segment");
  if (h->version != layout::kLayoutVersion) return no("it has layout version " + std::to_string(h->version));
  if (h->header_bytes != layout::kHeaderBytes || h->size != bytes) return no("its header is damaged");
  if (options.segment_bytes != 0 && layout::align_up(options.segment_bytes, 4096) != bytes) {
    return no("it has " + memory_text(bytes) + ", asked for are " + memory_text(options.segment_bytes));
  }
  const auto kind = static_cast<uint32_t>(options.mirror ? layout::Kind::kMirror : layout::Kind::kLocal);
  if (h->kind != kind && options.create) return no("it is of another kind (local, mirror)");
  if (strnlen(h->node, sizeof h->node) != name_.size() || memcmp(h->node, name_.data(), name_.size()) != 0) {
    return no("it belongs to another node");
  }
  if (!is_of_this_boot(h->boot_id, file_.get())) return no("it is of another boot");
  if (h->time_namespace != time_namespace()) return no("it is of another time namespace");
  if (h->retired.load(std::memory_order_relaxed) != 0) return no("it is retired");
  // Its bell may be gone: whoever has it open would sleep on that one, and nobody would wake them.
  if (h->closed.load(std::memory_order_relaxed) == layout::kRemoving) return no("it was being removed");
  const uint64_t reserved = h->reserved.load(std::memory_order_relaxed);
  if (reserved < layout::kHeaderBytes || reserved > bytes ||
      static_cast<uint64_t>(st.st_blocks) * 512 < reserved) {
    return no("its memory is not reserved as its header says");
  }
  uint32_t half_written = 0;
  start(table);
  if (!table->rebuild(reserved, why, &half_written)) return Status();
  if (Status s = open_bell(); !s.ok()) return s;
  if (h->kind == static_cast<uint32_t>(layout::Kind::kMirror)) table->set_link_down();

  memcpy(id_.data(), h->id, sizeof h->id);
  birth_ = Birth();
  birth_.adopted = true;
  birth_.epoch = h->epoch.load(std::memory_order_relaxed) + 1;
  birth_.half_written = half_written;
  h->half_written.store(h->half_written.load(std::memory_order_relaxed) + half_written,
                        std::memory_order_relaxed);
  store_host(h, host_name());
  h->pid.store(static_cast<uint64_t>(getpid()), std::memory_order_relaxed);
  h->started.store(static_cast<uint64_t>(folder_->clock.realtime_ns()), std::memory_order_relaxed);
  if (options.create) h->keep.store(options.keep ? 1 : 0, std::memory_order_relaxed);
  h->alive_until.store(0, std::memory_order_relaxed);
  h->epoch.store(birth_.epoch, std::memory_order_relaxed);
  reopen_segment(h);
  return Status();
}

Status OwnedSegment::open_bell() {
  const std::string bell = name_ + ".bell";
  for (int round = 0; round < 16; ++round) {
    struct stat st;
    Result<Fd> fd = folder_->open_file(bell, O_RDWR, false, &st);
    if (!fd.ok() && fd.status().code() == Code::kNotFound) {
      Result<Fd> made = folder_->unnamed(folder_->bell_mode(), layout::kBellBytes, layout::kBellBytes,
                                         "the bell of node " + name_);
      if (!made.ok()) return made.status();
      if (Status s = folder_->link(*made, bell); !s.ok()) {
        if (s.code() == Code::kInUse) continue;
        return s;
      }
      fd = std::move(made);
    } else if (!fd.ok()) {
      return fd.status();
    } else if (st.st_uid != geteuid()) {
      return Status(Code::kDenied, folder_->path + "/" + bell + " belongs to user " +
                                       std::to_string(st.st_uid) + ": choose another node name");
    } else if (static_cast<uint64_t>(st.st_size) != layout::kBellBytes || st.st_blocks * 512 < st.st_size) {
      unlinkat(folder_->fd.get(), bell.c_str(), 0);  // ours, and not a bell: make a new one
      continue;
    }
    Result<Mapping> mapping = Mapping::map(fd->get(), layout::kBellBytes, true, "the bell of node " + name_);
    if (!mapping.ok()) return mapping.status();
    bell_file_ = std::move(*fd);
    bell_mapping_ = std::move(*mapping);
    return Status();
  }
  return Status(Code::kSystem, folder_->path + "/" + bell + " comes and goes");
}

void OwnedSegment::start(TopicTable* table) {
  table->start(base(), [this](uint64_t end, uint64_t max_bytes, const std::string& what) {
    return reserve(end, max_bytes, what);
  });
}

Result<uint64_t> OwnedSegment::reserve(uint64_t end, uint64_t max_bytes, const std::string& what) {
  layout::Header* h = header();
  const uint64_t reserved = h->reserved.load(std::memory_order_relaxed);
  if (end <= reserved) return reserved;
  if (end > h->size) {
    return Status(Code::kNoSpace, "the segment of node " + name_ + " is full (" + memory_text(h->size) +
                                      ", " + memory_text(reserved) + " used): need " +
                                      memory_text(end - reserved) + " for " + what +
                                      "; start it with a larger --segment-size");
  }
  // Said before the first piece is taken.
  if (Status s = folder_->check_room(end - reserved, what); !s.ok()) return s;
  if (end - reserved > max_bytes) {
    if (max_bytes == 0) return reserved;
    end = reserved + max_bytes;
  }
  // Some more than asked for, so that 10,000 topics do not cost 10,000 system calls; just enough where space
  // is short.
  constexpr uint64_t kMinStep = 64 << 10, kMaxStep = 4 << 20;
  const uint64_t step = std::clamp(std::min(reserved / 8, max_bytes), kMinStep, kMaxStep);
  const uint64_t ample = std::min(layout::align_up(std::max(end, reserved + step), 4096), h->size);
  for (const uint64_t target : {ample, layout::align_up(end, 4096)}) {
    if (target != layout::align_up(end, 4096) && !folder_->check_room(target - reserved, what).ok()) continue;
    int error;
    do {
      error =
          posix_fallocate(file_.get(), static_cast<off_t>(reserved), static_cast<off_t>(target - reserved));
    } while (error == EINTR);
    if (error == 0) {
      publish_reserved(h, target);
      return target;
    }
    if (error == EFBIG) return folder_->too_large(target, "the segment of node " + name_);
    if (error != ENOSPC) {
      return Status::from_errno(
          "cannot reserve " + memory_text(end - reserved) + " for " + what + " in " + folder_->path, error);
    }
  }
  return folder_->no_space(end - reserved, what);
}

void OwnedSegment::end(bool remove) {
  close_segment(header(), remove ? layout::kRemoving : layout::kClosed);
  struct stat ours;
  if (remove && fstat(file_.get(), &ours) == 0 && named(ours))
    unlink();  // else the names are another owner's
}

}  // namespace smt
