// How old samples were, in a few bytes for any number of them.
#ifndef SMT_CMD_TEXT_AGES_H_
#define SMT_CMD_TEXT_AGES_H_

#include <cstdint>
#include <map>

namespace smt::cmd {

class Ages {
 public:
  // A negative age counts as 0.
  void add(int64_t ns);
  void add(const Ages& more);

  uint64_t count() const { return count_; }
  // The age that a share of `q` (0 to 1) did not exceed, to within 2 %; 0 of none.
  int64_t quantile(double q) const;
  int64_t max() const { return max_; }  // exact

 private:
  std::map<uint32_t, uint64_t> counts_;  // by bucket: 32 for each power of two
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_TEXT_AGES_H_
