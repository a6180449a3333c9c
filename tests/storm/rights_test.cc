// Who may do what in a domain, as a matrix: the owner of a private or a group's domain, a member of the
// group, a stranger; and what lies in wait under names that an owner or a reader will use.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/waiter.h"
#include "storm/identity.h"
#include "storm/storm.h"
#include "tests/text.h"

namespace smt::storm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTopic = "robot/topic";

// The root of the scene at hand; children of as() inherit it.
std::string root;

std::string path_of(const std::string& file) { return root + "/default/" + file; }

Result<Domain> join(const std::string& group) {
  DomainOptions options;
  options.root = root;
  options.group = group;
  return Domain::open(options);
}

template <class T>
std::string outcome_of(const Result<T>& result) {
  return storm::outcome_of(result.ok() ? Status() : result.status());
}

std::string publish_as(const std::string& node_name, const std::string& group) {
  Result<Domain> domain = join(group);
  if (!domain.ok()) return outcome_of(domain);
  auto node = Node::open(*domain, {.name = node_name});
  if (!node.ok()) return outcome_of(node);
  TopicOptions options;
  options.name = node_name + "/topic";
  Publisher publisher = must((*node)->advertise(options));
  return storm::outcome_of(publisher.publish(std::vector<std::byte>(64, std::byte{7})));
}

std::string read_topic(const std::string& group) {
  Result<Domain> domain = join(group);
  if (!domain.ok()) return outcome_of(domain);
  Reader reader = must(Reader::open(*domain, kTopic));
  const Sample* sample = reader.latest();
  if (sample == nullptr) return "nothing there";
  return sample->bytes.size() == 64 && sample->bytes[63] == std::byte{7} ? "ok" : "another value";
}

std::string open_segment(const std::string& group) {
  Result<Domain> domain = join(group);
  return domain.ok() ? outcome_of(SegmentView::open(*domain, "robot")) : outcome_of(domain);
}

std::string open_file(const std::string& file, int flags) {
  const Fd fd(open(path_of(file).c_str(), flags | O_NONBLOCK | O_CLOEXEC));
  return storm::outcome_of(fd.ok());
}

// What a reader maps stays read-only, to its own process too.
std::string make_writable() {
  const auto segment = must(SegmentView::open(must(join(kGroup)), "robot"));
  // The counters begin behind the header, on a page of their own.
  const auto at = reinterpret_cast<uintptr_t>(segment->word()) / 4096 * 4096;
  return storm::outcome_of(mprotect(reinterpret_cast<void*>(at), 4096, PROT_READ | PROT_WRITE) == 0);
}

std::string reopen_to_write() {
  const Fd fd(open(path_of("robot").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return "cannot read: " + std::string(strerror(errno));
  const std::string again = fmt::format("/proc/self/fd/{}", fd.get());
  return storm::outcome_of(Fd(open(again.c_str(), O_RDWR | O_CLOEXEC)).ok());
}

// A Waiter in the group's domain, while `outside` is what a trap leads to: it must stay as it is.
std::string wait_beside_trap() {
  const std::string outside = root + "/outside";
  const auto before = fs::file_size(outside);
  const Domain domain = must(join(kGroup));
  Waiter waiter = must(Waiter::open(domain));
  while (!waiter.arm()) waiter.collect();
  const std::string published = publish_as("beside", kGroup);
  if (published != "ok") return published;
  if (!waiter.wait(milliseconds(5'000))) return "not woken";
  return fs::file_size(outside) == before ? "ok" : "wrote through the trap";
}

struct Case {
  Identity who;
  const char* what;
  const char* expected;  // how the outcome begins
  std::function<std::string()> act;
  std::function<void()> prepare = nullptr;  // as root
  const char* because = "";                 // the outcome says so
};

void change_owner(const std::string& path, uid_t uid, gid_t gid = static_cast<gid_t>(-1)) {
  if (lchown(path.c_str(), uid, gid) != 0) must(Status::from_errno(path, errno));
}

// Mode "owner" ROOT GROUP: as kOwner, node "ended" comes and goes, node "robot" stays.
int owner(const Args& args) {
  become(kOwner);
  root = args[0];
  if (publish_as("ended", args[1]) != "ok") return 1;
  const Domain domain = must(join(args[1]));
  auto node = must(Node::open(domain, {.name = "robot"}));
  TopicOptions options;
  options.name = kTopic;
  Publisher publisher = must(node->advertise(options));
  must(publisher.publish(std::vector<std::byte>(64, std::byte{7})));
  Waiter waiter = must(Waiter::open(domain));
  say_line("ready");
  wait_for_word();
  return 0;
}

class Rights : public testing::Test {
 protected:
  void SetUp() override {
    std::string skip;
    if (geteuid() != 0) skip = "needs root to act as other users";
    if (getgrnam(kGroup) == nullptr) skip = std::string("needs a group ") + kGroup;
    if (skip.empty()) return;
    print_row(Row{.id = "L8", .what = "rights", .skip = skip});
    GTEST_SKIP() << skip;
  }
  void print_cases(const char* what) const {
    print_row(Row{.id = "L8", .what = what, .n = cases_, .violations = wrong_});
  }
  void try_step(const char* scene, const Case& c) {
    if (c.prepare) c.prepare();
    const std::string outcome = as(c.who, c.act);
    const bool good = outcome.starts_with(c.expected) && outcome.find(c.because) != outcome.npos;
    fmt::print("| {:<8} | {:<8} | {:<58} | {:<7} | {}{}\n", scene, c.who.name, c.what,
               std::string(c.expected) == "ok" ? "may" : "refused",
               good ? "" : "WRONG: ", outcome.substr(0, 110));
    EXPECT_TRUE(good) << c.who.name << ", " << c.what << ": " << outcome;
    // A refusal by the library says what to do, or which call failed.
    if (outcome.starts_with("denied")) {
      EXPECT_GT(outcome.size(), strlen("denied: ") + 10);
    }
    ++cases_;
    wrong_ += !good;
  }
  static void open_to(const TempRoot& folder) {
    root = folder.path();
    if (chmod(root.c_str(), 01777) != 0) must(Status::from_errno("chmod", errno));
  }
  uint64_t cases_ = 0, wrong_ = 0;
};

TEST_F(Rights, InAPrivateDomainNobodyElseMayDoAnything) {
  TempRoot folder;
  open_to(folder);
  Child owner = Child::spawn("owner", {root, ""});
  ASSERT_EQ(owner.line(), "ready");
  const Case cases[] = {
      {kOwner, "read", "ok", [] { return read_topic(""); }},
      {kStranger, "list the names", "denied",
       [] { return storm::outcome_of(opendir(path_of("").c_str()) != nullptr); }},
      {kStranger, "open the domain", "denied", [] { return read_topic(""); }},
      {kStranger, "open the domain with --group", "denied", [] { return read_topic(kGroup); }},
      {kStranger, "publish", "denied", [] { return publish_as("mine", ""); }},
      {kStranger, "open a segment to read", "denied", [] { return open_file("robot", O_RDONLY); }},
      {kStranger, "open a segment to write", "denied", [] { return open_file("robot", O_RDWR); }},
      {kStranger, "open a bell to ring", "denied", [] { return open_file("robot.bell", O_RDWR); }},
      {kStranger, "unlink a segment", "denied",
       [] { return storm::outcome_of(unlink(path_of("robot").c_str()) == 0); }},
      {kStranger, "move the domain away", "denied",
       [] { return storm::outcome_of(rename(path_of("").c_str(), (root + "/gone").c_str()) == 0); }},
      {kRoot, "read", "ok", [] { return read_topic(""); }},
      {kRoot, "publish in a user's domain", "denied", [] { return publish_as("mine", ""); }},
  };
  for (const Case& c : cases) try_step("private", c);
  print_cases("a private domain");
}

TEST_F(Rights, InAGroupsDomainAMemberMayReadAndPublishAndTouchNothingOfOthers) {
  TempRoot folder;
  open_to(folder);
  Child owner = Child::spawn("owner", {root, kGroup});
  ASSERT_EQ(owner.line(), "ready");
  const auto own = [] { return publish_as("mine", kGroup); };
  const Case cases[] = {
      {kMember, "list the topics", "ok",
       [] {
         const Domain domain = must(join(kGroup));
         return std::string(must(list_topics(domain)).topics.size() >= 2 ? "ok" : "some are missing");
       }},
      {kMember, "read", "ok", [] { return read_topic(kGroup); }},
      {kMember, "join without --group", "denied", [] { return read_topic(""); }},
      {kMember, "publish as a node of its own", "ok", own},
      {kMember, "publish again as that node", "ok", own},
      {kMember, "open a bell to ring", "ok", [] { return open_file("robot.bell", O_RDWR); }},
      {kMember, "write to a waiter's FIFO", "ok", [] { return open_file(".waiter.0", O_RDWR); }},
      {kMember, "wait with a Waiter of its own", "ok",
       [] { return std::string(must(Waiter::open(must(join(kGroup)))).fd() >= 0 ? "ok" : "no place"); }},
      {kMember, "open another's segment to write", "denied", [] { return open_file("robot", O_RDWR); }},
      {kMember, "truncate another's segment", "denied",
       [] { return storm::outcome_of(truncate(path_of("robot").c_str(), 0) == 0); }},
      {kMember, "change the rights of another's segment", "denied",
       [] { return storm::outcome_of(chmod(path_of("robot").c_str(), 0666) == 0); }},
      {kMember, "unlink another's segment", "denied",
       [] { return storm::outcome_of(unlink(path_of("robot").c_str()) == 0); }},
      {kMember, "unlink another's bell", "denied",
       [] { return storm::outcome_of(unlink(path_of("robot.bell").c_str()) == 0); }},
      {kMember, "unlink another's FIFO", "denied",
       [] { return storm::outcome_of(unlink(path_of(".waiter.0").c_str()) == 0); }},
      {kMember, "rename another's segment", "denied",
       [] { return storm::outcome_of(rename(path_of("robot").c_str(), path_of("moved").c_str()) == 0); }},
      {kMember, "rename its own segment over another's", "denied",
       [] { return storm::outcome_of(rename(path_of("mine").c_str(), path_of("robot").c_str()) == 0); }},
      {kMember, "publish as a live node of another", "denied", [] { return publish_as("robot", kGroup); }},
      {kMember, "publish as a dead node of another", "denied", [] { return publish_as("ended", kGroup); }},
      {kMember, "remove a topic of another's dead node", "denied",
       [] { return storm::outcome_of(remove_dead_topic(must(join(kGroup)), "ended/topic")); }},
      {kStranger, "join with --group", "denied", [] { return read_topic(kGroup); }},
      {kStranger, "open a segment to read", "denied", [] { return open_file("robot", O_RDONLY); }},
      {kStranger, "open a bell to ring", "denied", [] { return open_file("robot.bell", O_RDWR); }},
      {kStranger, "list the names", "denied",
       [] { return storm::outcome_of(opendir(path_of("").c_str()) != nullptr); }},
      {kMember, "make its mapping of a segment writable", "denied", make_writable},
      {kMember, "open its read-only descriptor anew to write", "denied", reopen_to_write},
      {kMember, "make another hard link of a segment", "denied",
       [] { return storm::outcome_of(link(path_of("robot").c_str(), path_of("twin").c_str()) == 0); }},
      {kOwner, "make a reader's mapping of its segment writable", "denied", make_writable},
      {kOwner, "read after all that", "ok", [] { return read_topic(kGroup); }},
  };
  for (const Case& c : cases) try_step("group", c);
  print_cases("the domain of a group");
}

TEST_F(Rights, WhatLiesInWaitUnderANameIsRefused) {
  // In a group's domain of kOwner, where kMember may make files.
  const auto trap = [](const std::string& name, const std::function<void(const std::string&)>& make) {
    return [name, make] {
      if (as(kOwner, [] { return publish_as("first", kGroup); }) != "ok")
        must(Status(Code::kSystem, "first"));
      std::ofstream(root + "/outside") << "precious";
      change_owner(root + "/outside", kOwner.uid);
      fs::remove(path_of(name));
      make(path_of(name));
      // The rights alone do not stop anybody from opening it.
      if (!fs::is_symlink(path_of(name))) (void)!chmod(path_of(name).c_str(), 0666);
      change_owner(path_of(name), kMember.uid);
    };
  };
  const auto file = [](const std::string& at) { std::ofstream(at) << std::string(8192, 'x'); };
  const auto symlink = [](const std::string& at) { fs::create_symlink(root + "/outside", at); };
  const auto hard_link = [](const std::string& at) { fs::create_hard_link(root + "/outside", at); };
  const auto fifo = [](const std::string& at) { (void)!mkfifo(at.c_str(), 0666); };
  const auto publish = [] { return publish_as("robot", kGroup); };
  const auto read = [] { return open_segment(kGroup); };
  const auto publish_alone = [] { return publish_as("robot", ""); };
  const auto change_folder = [](const char* name, uid_t uid, mode_t mode, const char* owning_group = "root") {
    return [=] {
      const std::string path = root + name;
      fs::create_directory(path);
      change_owner(path, uid, getgrnam(owning_group)->gr_gid);
      (void)!chmod(path.c_str(), mode);
    };
  };
  const auto move_behind_link = [](const std::string& path) {
    return [path] {
      const std::string real = root + "/real";
      fs::create_directory(real);
      change_owner(real, kOwner.uid);
      (void)!chmod(real.c_str(), 0700);
      fs::create_symlink(real, root + path);
    };
  };
  const auto publish_below = [](const char* below) {
    return [below] {
      root += below;
      return publish_as("robot", "");
    };
  };
  const Case cases[] = {
      {kOwner, "publish, segment's name is another's file", "denied", publish, trap("robot", file),
       "belongs to user"},
      {kOwner, "publish, segment's name is a symbolic link", "denied", publish, trap("robot", symlink),
       "symbolic link"},
      {kOwner, "publish, segment's name is a hard link", "denied", publish, trap("robot", hard_link),
       "hard link"},
      {kOwner, "publish, segment's name is a FIFO", "denied", publish, trap("robot", fifo),
       "not a regular file"},
      {kOwner, "read, segment's name is a symbolic link", "denied", read, trap("robot", symlink),
       "symbolic link"},
      {kOwner, "read, segment's name is a hard link", "denied", read, trap("robot", hard_link), "hard link"},
      {kOwner, "read, segment's name is a FIFO", "denied", read, trap("robot", fifo), "not a regular file"},
      {kOwner, "read, a segment that its group may write", "denied", read,
       [&] {
         if (as(kOwner, publish) != "ok") must(Status(Code::kSystem, "robot"));
         (void)!chmod(path_of("robot").c_str(), 0660);
       },
       "writable by others"},
      {kOwner, "publish, bell's name is another's file", "denied", publish, trap("robot.bell", file),
       "belongs to user"},
      {kOwner, "publish, bell's name is a symbolic link", "denied", publish, trap("robot.bell", symlink),
       "symbolic link"},
      {kOwner, "publish, bell's name is a FIFO", "denied", publish, trap("robot.bell", fifo),
       "not a regular file"},
      {kOwner, "origin id, a symbolic link", "denied",
       [] { return outcome_of(must(join(kGroup)).origin_id()); }, trap(".origin", symlink), "symbolic link"},
      {kOwner, "wait, a FIFO's name is a symbolic link: next place", "ok", wait_beside_trap,
       trap(".waiter.0", symlink)},
      {kOwner, "wait, a FIFO's name is a file: next place", "ok", wait_beside_trap, trap(".waiter.0", file)},
      {kOwner, "publish, domain folder is a symbolic link", "denied", publish_alone,
       move_behind_link("/default"), "symbolic link"},
      {kOwner, "publish, domain folder is another's", "denied", publish_alone,
       change_folder("/default", kStranger.uid, 03770, kGroup), "belongs to user"},
      {kOwner, "publish, domain folder of 0755", "denied", publish_alone,
       change_folder("/default", kOwner.uid, 0755)},
      {kOwner, "publish, domain folder of 0777", "denied", publish_alone,
       change_folder("/default", kOwner.uid, 0777)},
      {kOwner, "publish, domain folder shared with another group", "denied", publish,
       change_folder("/default", kOwner.uid, 03770)},
      {kOwner, "publish, root folder is a symbolic link", "denied", publish_below("/link"),
       move_behind_link("/link"), "symbolic link"},
      {kOwner, "publish, root folder is another's", "denied", publish_below("/theirs"),
       change_folder("/theirs", kStranger.uid, 01777), "belongs to user"},
      {kOwner, "publish, root folder of 0777 without sticky bit", "denied", publish_below("/loose"),
       change_folder("/loose", kOwner.uid, 0777)},
  };
  for (const Case& c : cases) {
    TempRoot folder;
    open_to(folder);
    try_step("trap", c);
    if (fs::exists(root + "/outside")) {
      EXPECT_EQ(contents(root + "/outside"), "precious") << c.what;
    }
  }
  print_cases("what lies in wait under a name");
}

TEST_F(Rights, ANameIsNeverAPath) {
  TempRoot folder;
  open_to(folder);
  ASSERT_EQ(as(kOwner, [] { return publish_as("robot", ""); }), "ok");
  const std::string outside = root + "/outside";
  fs::create_directory(outside);
  change_owner(outside, kOwner.uid);
  const auto before = folder.files();
  for (const char* name :
       {"..", "../outside/n", "/dev/shm/n", "a/b", "./n", ".hidden", "", "n.bell", "n m", "%2e%2e", "~"}) {
    for (const auto& [what, act] :
         std::initializer_list<std::pair<const char*, std::function<std::string()>>>{
             {"node", [&] { return publish_as(name, ""); }},
             {"node to read", [&] { return outcome_of(SegmentView::open(must(join("")), name)); }},
             {"domain", [&] { return outcome_of(Domain::open({.root = root, .domain = name})); }}}) {
      const std::string text = fmt::format("{} name '{}'", what, name);
      try_step("names", {kOwner, text.c_str(), "code 1: ", act});
    }
  }
  EXPECT_EQ(folder.files(), before);
  EXPECT_TRUE(fs::is_empty(outside));
  print_cases("names that are paths");
}

}  // namespace

const std::map<std::string, Mode> kModes = {{"owner", owner}};

}  // namespace smt::storm
