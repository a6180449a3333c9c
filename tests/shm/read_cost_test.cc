// What a read and a publication cost, in instructions. A child is stepped through them one by one, so that
// neither a busy machine nor its clock matters.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shm/topic.h"
#include "tests/temp_folder.h"

namespace smt {
namespace {

constexpr int kCalls = 16;
using Call = std::function<void()>;

template <class T>
T must(Result<T> result) {
  if (!result.ok()) abort();
  return std::move(*result);
}

// A topic of a number, and a reader of it that has not read yet. The clock stands still, so that no call asks
// the kernel for a writer's life.
class Scene {
 public:
  Scene(Begin begin, int writers) {
    for (int i = 0; i < writers; ++i) {
      nodes_.push_back(must(Node::open(domain_, {.name = std::to_string(i), .segment_bytes = 1 << 20})));
      topics_.push_back(must(Topic<double>::advertise(*nodes_.back(), {.name = "t", .history = 128})));
      publish();
    }
    reader_.emplace(must(Reader::open(domain_, "t", {.begin = begin})));
    for (int i = 0; i < 2 * kCalls; ++i) publish();
  }
  // By the writer that was opened last.
  void publish() {
    if (!topics_.back().publish(1.0, 1, ++born_).ok()) abort();
  }
  Reader& reader() { return *reader_; }

 private:
  static int64_t now() { return int64_t{1} << 40; }

  const TempFolder folder_;
  Domain domain_ = must(Domain::open({.root = folder_.path(), .domain = "d", .clock = {now, now}}));
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Topic<double>> topics_;
  std::optional<Reader> reader_;
  int64_t born_ = 0;
};

using Prepare = Call (*)(Scene&);

Call nothing(Scene&) {
  return [] {};
}
Call publish(Scene& scene) {
  return [&scene] { scene.publish(); };
}
Call latest_into(Scene& scene) {
  return [&scene] {
    double value;
    SampleHead head;
    if (!scene.reader().latest_into(&value, sizeof value, &head)) abort();
  };
}
template <auto kRead>
Call read(Scene& scene) {
  return [&scene] {
    if (!(scene.reader().*kRead)()) abort();
  };
}

// The child: the calls are between two SIGSTOPs, after one that links what is linked late.
[[noreturn]] void run_calls(Prepare prepare, Begin begin, int writers) {
  {
    Scene scene(begin, writers);
    const Call call = prepare(scene);
    call();
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(1);
    raise(SIGSTOP);
    for (int i = 0; i < kCalls; ++i) call();
    raise(SIGSTOP);
  }
  _exit(0);
}

// From SIGSTOP to SIGSTOP. 0: the child has ended.
uint64_t step_to_stop(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 0;
  for (uint64_t steps = 1;; ++steps) {
    if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) != 0) return 0;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 0;
    if (WSTOPSIG(status) == SIGSTOP) return steps;
  }
}

// Of kCalls calls and what is around them. 0: no child may be traced here.
uint64_t count_steps(Prepare prepare, Begin begin, int writers) {
  const pid_t child = fork();
  if (child == 0) run_calls(prepare, begin, writers);
  const uint64_t steps = step_to_stop(child);
  if (steps == 0) return 0;
  ptrace(PTRACE_DETACH, child, 0, 0);
  waitpid(child, nullptr, 0);
  return steps;
}

// Of one call.
uint64_t count_instructions(Prepare prepare, Begin begin = Begin::kOldest, int writers = 1) {
  static const uint64_t around = count_steps(nothing, Begin::kOldest, 1);
  const uint64_t steps = count_steps(prepare, begin, writers);
  EXPECT_GT(steps, around) << "the child has failed";
  return steps <= around ? 0 : (steps - around + kCalls / 2) / kCalls;
}

class ReadCost : public testing::Test {
 protected:
  void SetUp() override {
    if (count_steps(nothing, Begin::kOldest, 1) == 0) GTEST_SKIP() << "no child may be traced here";
  }
};

// The bounds are what g++ 12 makes for x86-64, with three in a hundred to spare.
TEST_F(ReadCost, NoCallTakesMoreInstructionsThanItsBound) {
  const struct {
    const char* what;
    Prepare prepare;
    int writers;
    uint64_t bound;
  } cases[] = {{"publish", publish, 1, 138},
               {"latest_into", latest_into, 1, 125},
               {"latest", read<&Reader::latest>, 1, 234},
               {"latest_fresh", read<&Reader::latest_fresh>, 1, 532},
               {"next", read<&Reader::next>, 1, 234},
               {"borrow", read<&Reader::borrow>, 1, 202},
               {"latest of two writers", read<&Reader::latest>, 2, 542},
               {"next of two writers", read<&Reader::next>, 2, 366}};
  for (const auto& c : cases) {
    const uint64_t instructions = count_instructions(c.prepare, Begin::kOldest, c.writers);
    printf("%s: %llu instructions\n", c.what, static_cast<unsigned long long>(instructions));
#if defined(__x86_64__) && defined(NDEBUG) && !defined(__clang__) && __GNUC__ == 12
    EXPECT_LE(instructions, c.bound) << c.what;
#endif
  }
}

TEST_F(ReadCost, WhereAReaderBeginsCostsNoLaterReadAnything) {
  for (const Prepare prepare : {latest_into, read<&Reader::latest>, read<&Reader::next>}) {
    const uint64_t oldest = count_instructions(prepare, Begin::kOldest);
    EXPECT_EQ(count_instructions(prepare, Begin::kNewest), oldest);
    EXPECT_EQ(count_instructions(prepare, Begin::kFirst), oldest);
  }
}

}  // namespace
}  // namespace smt
