// What the process that is stepped tells the one that steps it, in memory of both.
#ifndef SMT_TESTS_CRASH_PROGRESS_H_
#define SMT_TESTS_CRASH_PROGRESS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace smt {

inline constexpr char kNode[] = "n";

// What a reader must find of a topic, whenever the owner is killed.
enum class Presence : uint32_t { kGone, kEither, kThere };

struct TopicProgress {
  std::atomic<Presence> presence{Presence::kGone};
  std::atomic<uint64_t> done{0};   // the last value whose publish() has returned; 0: none
  std::atomic<uint64_t> begun{0};  // the last value whose publish() has begun
};

struct Progress {
  static constexpr std::array<const char*, 4> kTopics = {"t", "u", "v", "w"};

  std::atomic<const char*> operation{""};  // between two SIGSTOPs; a literal of this program
  std::atomic<bool> replacing{false};      // the segment itself may be a new one
  std::array<TopicProgress, kTopics.size()> topic;
};

}  // namespace smt

#endif  // SMT_TESTS_CRASH_PROGRESS_H_
