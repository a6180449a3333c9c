// The segment file of a node in its owner's hands: birth, lock, adoption, replacement, clean end.
// Internal to libsmt.
#ifndef SMT_SHM_OWNED_SEGMENT_H_
#define SMT_SHM_OWNED_SEGMENT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "shm/domain_folder.h"
#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/mapping.h"
#include "shm/node_options.h"
#include "shm/status.h"
#include "shm/topic_table.h"

namespace smt {

class OwnedSegment {
 public:
  // As Node::open. `table` is rebuilt from the segment that is adopted, or made empty.
  static Result<std::unique_ptr<OwnedSegment>> open(std::shared_ptr<DomainFolder> folder,
                                                    const NodeOptions& options, TopicTable* table);
  // A new segment under the name of this one, which has lost it or its bell. `topics`, those of this one, go
  // on in `table`; this one is retired then. kInUse: another process has the name. kNoSpace.
  Result<std::unique_ptr<OwnedSegment>> remake(const NodeOptions& options, const TopicTable& topics,
                                               TopicTable* table) const;
  ~OwnedSegment();  // gives up the lock; see end()

  // Segment and bell still have their names.
  bool healthy() const;

  // As remove_dead_node.
  static Status remove_segment(std::shared_ptr<DomainFolder> folder, const std::string& name);

  layout::Header* header() const { return reinterpret_cast<layout::Header*>(base()); }
  std::byte* base() const { return mapping_.data(); }
  layout::Half* bell() const { return &reinterpret_cast<layout::Bell*>(bell_mapping_.data())->bits; }
  const Birth& birth() const { return birth_; }
  const Id128& id() const { return id_; }

  // As Heap::Grow.
  Result<uint64_t> reserve(uint64_t end, uint64_t max_bytes, const std::string& what);

  // Clean end: the file is marked closed, or unlinked with its bell. Not in a forked child.
  void end(bool remove);

 private:
  OwnedSegment(std::shared_ptr<DomainFolder> folder, std::string name);
  Status lock_file(const Fd& file, bool* taken);
  // Of a file with that name that is to be taken over.
  Status check_owner(const struct stat& st) const;
  // Whether the name still means the file that `opened` was told of.
  bool named(const struct stat& opened) const;
  bool has_bell() const;
  void unlink() const;
  // The segment that a new one goes on for.
  struct Predecessor {
    const OwnedSegment& segment;
    const TopicTable& topics;
  };
  // `old`: the file that has the name now and is to be replaced; null if there is none.
  Status create(const NodeOptions& options, const Fd* old, TopicTable* table,
                const Predecessor* before = nullptr);
  Status go_on_for(const Predecessor& before, TopicTable* table);
  Status fill_header(const NodeOptions& options, uint64_t size);
  // Marks the old file as retired and gives its name to this one.
  Status take_name_of(const Fd& old);
  // `why` stays empty if it was adopted, else says why it must be replaced.
  Status adopt(const NodeOptions& options, TopicTable* table, std::string* why);
  void start(TopicTable* table);
  Status open_bell();
  Status in_use(const Fd& file) const;

  std::shared_ptr<DomainFolder> folder_;
  std::string name_;
  Fd file_;  // for mapping and reserving
  Fd lock_;  // another description of the same file: only this one holds the lock, so that a forked child,
             // which closes it but keeps the mapping, does not keep the node alive
  Mapping mapping_;
  Fd bell_file_;
  Mapping bell_mapping_;
  Birth birth_;
  Id128 id_{};
};

}  // namespace smt

#endif  // SMT_SHM_OWNED_SEGMENT_H_
