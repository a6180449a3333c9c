// How often topics are published, from their counters and the heads of their samples. No value is read and no
// bell is set: the writers do not notice.
#ifndef SMT_CMD_MONITOR_RATES_H_
#define SMT_CMD_MONITOR_RATES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/text/ages.h"
#include "relay/names/pattern_set.h"
#include "shm/directory_cursor.h"
#include "shm/freshness.h"
#include "shm/segment_view.h"

namespace smt::cmd {

// The rate of one topic, all its writers taken together.
struct Rate {
  uint64_t published = 0;  // exact: from the ring's counter
  uint64_t missed = 0;     // samples of the source that never came into the ring (a mirror's gaps)
  // Of the samples that were still in the ring at a look. Intervals are between neighbours.
  uint64_t seen = 0;
  uint64_t bytes = 0, min_bytes = 0, max_bytes = 0;
  uint64_t intervals = 0;
  int64_t min_ns = 0, max_ns = 0;
  double sum_ns = 0, sum_squares_ns = 0;
  Ages ages;  // when they were written here
  // Of the writer seen last.
  uint32_t hops = 0;
  std::shared_ptr<const TopicOrigin> origin;

  double mean_ns() const { return sum_ns / static_cast<double>(intervals); }
  double jitter_ns() const;  // standard deviation of the intervals
  double mean_bytes() const { return static_cast<double>(bytes) / static_cast<double>(seen); }
  // Samples that were gone before they were seen count with the mean size of the others.
  double bytes_per_s(double seconds) const {
    return seen == 0 ? 0 : mean_bytes() * static_cast<double>(published) / seconds;
  }
};

class RateMeter {
 public:
  explicit RateMeter(relay::PatternSet patterns) : patterns_(std::move(patterns)) {}

  // Takes in what was published since the last look. A topic counts from the first look that finds it.
  void look(const std::vector<std::shared_ptr<SegmentView>>& nodes);
  // Of all looks since the last take(), by topic: every topic that is there, silent ones too.
  std::map<std::string, Rate> take();
  // Of all looks.
  const std::map<std::string, Rate>& total() const { return total_; }

 private:
  struct Writer {
    std::optional<TopicView> view;  // nothing: not matched, or dead
    std::shared_ptr<const TopicOrigin> origin;
    uint64_t position = 0;           // the counter, as of the last look
    std::optional<SampleHead> last;  // the newest one that could be read, and its position
    uint64_t last_position = 0;
  };
  struct Node {
    std::shared_ptr<SegmentView> segment;
    DirectoryCursor directory;
    std::vector<Writer> writers;  // by index
    std::vector<uint64_t> seen;
  };

  void resolve(Node* node);
  void take_in(Writer* writer);
  using Rates = std::map<std::string, Rate>;
  static Rate& of(const Writer& writer, Rates* rates);

  relay::PatternSet patterns_;
  std::map<const SegmentView*, Node> nodes_;
  std::map<std::string, Rate> interval_, total_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_MONITOR_RATES_H_
