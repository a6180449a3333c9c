// Every call that takes memory, a name or a descriptor fails, once or from then on, in every operation of
// libsmt: the operation says so with figures, other topics are untouched, and the same operation succeeds
// afterwards.
#include "storm/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"
#include "storm/storm.h"

namespace smt::storm {
namespace {

using testing::AnyOf;
using testing::ContainsRegex;
using testing::HasSubstr;

TopicOptions raw(const std::string& name, uint64_t bytes) {
  TopicOptions options;
  options.name = name;
  options.max_bytes = bytes;
  return options;
}

// What an operation works on; made anew for each fault.
struct Scene {
  TempRoot root;
  Domain domain = root.open();
  std::unique_ptr<Node> node;
  std::optional<Publisher> publisher;
  std::optional<Waiter> waiter;
  std::optional<Reader> reader;

  void open_node(uint64_t segment_bytes = 0) {
    node = must(Node::open(domain, {.name = "worker", .segment_bytes = segment_bytes}));
    publisher = must(node->advertise(raw("worker/topic", 64)));
    must(publisher->publish(std::vector<std::byte>(64, std::byte{1})));
  }
  void close_node() {
    publisher.reset();
    node.reset();
  }
};

enum class Tolerance {
  kNothing,
  kOnce,    // tries again with less
  kAlways,  // goes on without what failed: slower, but not wrong
};

struct Operation {
  const char* name;
  void (*prepare)(Scene&);
  Status (*run)(Scene&);
  Tolerance tolerates;
  void (*afterwards)(Scene&) = nullptr;  // what must hold once the fault is over, whether it succeeded or not
};

template <class T>
Status status_of(const Result<T>& result) {
  return result.ok() ? Status() : result.status();
}

// The waiter sees what is published, if need be by looking.
void expect_woken(Scene& s) {
  EXPECT_TRUE(await(milliseconds(2'000), [&] {
    s.waiter->collect();
    return s.waiter->nodes().size() == 2;
  }));
  while (s.waiter->collect()) {
  }
  must(s.publisher->publish(std::vector<std::byte>(64, std::byte{3})));
  EXPECT_TRUE(s.waiter->wait(milliseconds(5'000)));
}

const Operation kOperations[] = {
    {"open a domain", [](Scene&) {},
     [](Scene& s) {
       DomainOptions options;
       options.root = s.root.path() + "/other";
       return status_of(Domain::open(options));
     },
     Tolerance::kNothing},
    {"make the origin id", [](Scene&) {}, [](Scene& s) { return status_of(s.domain.origin_id()); },
     Tolerance::kNothing},
    {"open a node", [](Scene&) {},
     [](Scene& s) { return status_of(Node::open(s.domain, {.name = "worker"})); }, Tolerance::kNothing},
    {"adopt a segment",
     [](Scene& s) {
       s.open_node();
       s.close_node();
     },
     [](Scene& s) {
       auto node = Node::open(s.domain, {.name = "worker"});
       EXPECT_TRUE(!node.ok() || (*node)->birth().adopted) << (*node)->birth().replaced_why;
       return status_of(node);
     },
     Tolerance::kNothing},
    {"replace a segment",
     [](Scene& s) {
       s.open_node();
       s.close_node();
       s.reader = must(Reader::open(s.domain, "worker/topic"));
     },
     [](Scene& s) {
       const std::shared_ptr<const SegmentView> old = s.reader->writers()[0].segment;
       auto node = Node::open(s.domain, {.name = "worker", .segment_bytes = 1 << 20});
       EXPECT_EQ(old->retired(), node.ok());
       EXPECT_TRUE(node.ok() || s.reader->latest() != nullptr);
       return status_of(node);
     },
     Tolerance::kNothing},
    {"advertise a topic", [](Scene& s) { s.open_node(); },
     [](Scene& s) { return status_of(s.node->advertise(raw("worker/large", 200'000))); }, Tolerance::kOnce},
    {"publish a bigger value", [](Scene& s) { s.open_node(); },
     [](Scene& s) { return s.publisher->publish(std::vector<std::byte>(200'000, std::byte{2})); },
     Tolerance::kOnce},
    {"open a segment", [](Scene& s) { s.open_node(); },
     [](Scene& s) { return status_of(SegmentView::open(s.domain, "worker")); }, Tolerance::kAlways},
    {"list the topics", [](Scene& s) { s.open_node(); },
     [](Scene& s) {
       DomainOptions options;
       options.root = s.root.path();
       auto domain = Domain::open(options);
       if (!domain.ok()) return domain.status();
       auto listing = list_topics(*domain);
       if (!listing.ok()) return listing.status();
       if (!listing->problems.empty()) return Status(Code::kNoSpace, listing->problems.front());
       return Status();
     },
     Tolerance::kAlways},
    {"open a waiter", [](Scene& s) { s.open_node(); },
     [](Scene& s) {
       auto waiter = Waiter::open(s.domain);
       if (waiter.ok()) s.waiter = std::move(*waiter);
       return status_of(waiter);
     },
     Tolerance::kAlways, expect_woken},
    {"wake a waiter",
     [](Scene& s) {
       s.open_node();
       s.waiter = must(Waiter::open(s.domain));
       while (!s.waiter->arm()) s.waiter->collect();
     },
     [](Scene& s) { return s.publisher->publish(std::vector<std::byte>(64, std::byte{4})); },
     Tolerance::kAlways, expect_woken},
};

// An error for want of space or descriptors, with the figures that its reader needs.
void expect_figures(const Status& status) {
  EXPECT_EQ(status.code(), Code::kNoSpace) << status.message();
  EXPECT_THAT(
      status.message(),
      AnyOf(
          ContainsRegex("no space in .* \\([0-9.]+ .iB, [0-9.]+ .*B used.*\\): need [0-9.]+ .*B for "),
          ContainsRegex("would be larger than files may be here: [0-9.]+ .*B; raise the limit \\(ulimit -f"),
          ContainsRegex("cannot map [0-9.]+ .*B of .*: the address space is full; .*--segment-size"),
          ContainsRegex("cannot make folder .*: No space left on device"), HasSubstr("Too many open files")));
}

class Faults : public testing::TestWithParam<bool> {
 protected:
  // Runs the operation with its k-th call failing. False: it has fewer calls.
  bool fail_once(const Operation& operation, uint64_t k) {
    const bool lasting = GetParam();
    Scene scene;
    auto other = must(Node::open(scene.domain, {.name = "other"}));
    Publisher witness = must(other->advertise(raw("witness", 64)));
    const std::vector<std::byte> value(64, std::byte{9});
    must(witness.publish(value));
    Reader reader = must(Reader::open(scene.domain, "witness"));
    operation.prepare(scene);

    fail_call(k, lasting);
    const Status status = operation.run(scene);
    const std::string call = failed_call();
    SCOPED_TRACE(fmt::format("call {}: {} failed", k, call));
    if (call.empty()) {
      EXPECT_TRUE(status.ok()) << status.message();
      return false;
    }
    ++sites_[call];
    const bool may_succeed =
        operation.tolerates == Tolerance::kAlways || (operation.tolerates == Tolerance::kOnce && !lasting);
    if (!status.ok() || !may_succeed) expect_figures(status);

    const Sample* sample = reader.latest();
    EXPECT_NE(sample, nullptr);
    if (sample == nullptr) return true;
    EXPECT_TRUE(std::equal(sample->bytes.begin(), sample->bytes.end(), value.begin(), value.end()));
    EXPECT_EQ(witness.publish(value).message(), "");
    for (const std::string& file : scene.root.files()) EXPECT_THAT(file, testing::Not(HasSubstr(".new")));
    if (operation.afterwards != nullptr) operation.afterwards(scene);
    // A segment that could not be opened is tried again within 100 ms.
    Status again;
    EXPECT_TRUE(await(milliseconds(2'000), [&] { return (again = operation.run(scene)).ok(); }))
        << again.message();
    return true;
  }

  std::map<std::string, int> sites_;
};

TEST_P(Faults, AtEachAllocationSiteAreErrorsWithFiguresAndHarmNobody) {
  {
    Scene warm_up;  // what the process keeps for good, as the boot id, is not what fails below
    warm_up.open_node();
  }
  for (const Operation& operation : kOperations) {
    SCOPED_TRACE(operation.name);
    uint64_t k = 1;
    while (fail_once(operation, k)) ASSERT_LT(++k, 200u) << "this operation never ends";
  }
  std::string line;
  int total = 0;
  for (const auto& [call, count] : sites_) {
    line += fmt::format(" {} {}", call, count);
    total += count;
  }
  print_figures("faults: {} allocation sites in {} operations failed {}:{}", total, std::size(kOperations),
                GetParam() ? "for good" : "once", line);
  print_row(Row{.id = "L5",
                .what = fmt::format("each allocation site fails {}", GetParam() ? "for good" : "once"),
                .n = static_cast<uint64_t>(total),
                .violations = HasFailure() ? 1u : 0u});
  for (const char* call : {"posix_fallocate", "ftruncate", "open", "openat(O_TMPFILE)", "linkat", "mkdirat",
                           "mkfifoat", "mmap"}) {
    EXPECT_GT(sites_[call], 0) << call << " never failed";
  }
}

TEST(FaultsOfTheFolder, AFolderThatCouldNotBeListedIsListedAgain) {
  Scene scene;
  scene.open_node();
  // Long enough after its last change that nobody looks again because of that.
  ASSERT_TRUE(await(milliseconds(5'000), [&] {
    struct stat st;
    const int64_t limit_ns = realtime_ns() - 200'000'000;
    return stat(scene.domain.path().c_str(), &st) == 0 &&
           int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec < limit_ns;
  }));
  uint64_t failures = 0;
  for (uint64_t k = 1; k < 100; ++k) {
    const Domain domain = scene.root.open();
    fail_call(k, true);
    Reader reader = must(Reader::open(domain, "worker/topic"));
    if (failed_call().empty()) break;
    ++failures;
    EXPECT_TRUE(await(milliseconds(2'000), [&] { return reader.refresh().ok(); })) << "call " << k;
    EXPECT_NE(reader.latest(), nullptr);
  }
  EXPECT_GT(failures, 2u);
}

INSTANTIATE_TEST_SUITE_P(Lasting, Faults, testing::Bool(),
                         [](const auto& lasting) { return lasting.param ? "ForGood" : "Once"; });

}  // namespace

const std::map<std::string, Mode> kModes;

}  // namespace smt::storm
