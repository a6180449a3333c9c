// The sequences sent last of the topics that go to one peer whenever they have a newer sample. Peers that
// have the same ones share them.
#ifndef SMT_RELAY_OUTBOUND_SENT_SEQUENCES_H_
#define SMT_RELAY_OUTBOUND_SENT_SEQUENCES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace smt::relay {

// By id, in pages of as many topics as a word of Bits has, and of the same ones. A page that peers share is
// copied before one of them changes it. 0: the sequence of the topic stands elsewhere.
class SentSequences {
 public:
  using Page = std::array<uint64_t, 64>;
  using SharedPage = std::shared_ptr<Page>;

  uint64_t at(uint32_t id) const {
    const Page* const page = page_at(id / 64).get();
    return page == nullptr ? 0 : (*page)[id % 64];
  }
  // REQUIRES: sequence != 0
  void put(uint32_t id, uint64_t sequence) {
    if (id / 64 >= pages_.size()) pages_.resize(id / 64 + 1);
    if (pages_[id / 64] == nullptr) pages_[id / 64] = std::make_shared<Page>();
    own(id / 64)[id % 64] = sequence;
  }
  // at(id), which is 0 from now on.
  uint64_t take(uint32_t id) {
    const uint64_t sequence = at(id);
    if (sequence != 0) own(id / 64)[id % 64] = 0;
    return sequence;
  }

  // That of the topics from 64 * word on; null: all of them are 0.
  const SharedPage& page_at(size_t word) const { return word < pages_.size() ? pages_[word] : none_; }
  // Other peers, or others that hold it, have the same page.
  bool is_shared(size_t word) const { return page_at(word).use_count() > 1; }
  // The page for this peer alone, to be changed. Valid until it is shared. REQUIRES: page_at(word) != null
  Page& own(size_t word) {
    SharedPage& page = pages_[word];
    if (page.use_count() > 1) page = std::make_shared<Page>(std::as_const(*page));
    return *page;
  }
  // This peer has what another one has. REQUIRES: page_at(word) != null
  void share(size_t word, const SharedPage& page) { pages_[word] = page; }

 private:
  std::vector<SharedPage> pages_;
  SharedPage none_;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_SENT_SEQUENCES_H_
