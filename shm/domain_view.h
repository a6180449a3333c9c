// A process's view of a domain: all segments mapped once, and an index of topic names. Internal to
// libsmt; shared by all readers and waiters of a Domain. Thread-safe.
#ifndef SMT_SHM_DOMAIN_VIEW_H_
#define SMT_SHM_DOMAIN_VIEW_H_

#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shm/directory_cursor.h"
#include "shm/domain.h"
#include "shm/domain_folder.h"
#include "shm/segment_view.h"

namespace smt {

class DomainView {
 public:
  explicit DomainView(DomainFolder& folder) : folder_(folder) {}

  // Looks at the folder and at each directory, and does the work only where something changed.
  // The number grows whenever anything did.
  uint64_t refresh();

  std::vector<std::shared_ptr<SegmentView>> segments();
  // "node: why", for each segment or topic that is left out.
  std::vector<std::string> problems();
  // Every node's topic of that name, by node.
  std::vector<TopicView> find(std::string_view topic);
  // All live topics of all segments, by node and index.
  std::vector<TopicView> all();

 private:
  struct Known {
    std::shared_ptr<SegmentView> view;  // null: could not be opened
    bool lost = false;                  // its file has lost its name, and its owner goes on
    bool told = false;                  // that it is lost
    DomainFolder::Id folder;            // in which it was opened
    std::string problem;
    DirectoryCursor directory;
    // Once somebody has asked for topics.
    std::vector<std::string> name;  // by topic index; "": none
    std::unordered_map<std::string, uint32_t> index;
  };
  bool folder_changed();
  void scan();
  void forget_gone(const std::vector<std::string>& nodes);
  void report_loss(const std::string& node, const Known& known);
  void open(const std::string& node);
  void index(Known* known);
  void index_names();

  DomainFolder& folder_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;
  std::string folder_problem_;
  timespec folder_time_{};
  int64_t scanned_ns_ = 0;  // BOOTTIME of the last look into the folder
  int64_t sought_ns_ = 0;   // BOOTTIME of the last look at what its path means
  bool has_names_ = false;  // find() or all() was called: a relay needs no index
  bool settled_ = false;    // the folder's time was old enough then to tell a change by it
  uint64_t changes_ = 0;
};

// The one of this process, shared by all copies of the handle.
DomainView& view_of(const Domain& domain);

}  // namespace smt

#endif  // SMT_SHM_DOMAIN_VIEW_H_
