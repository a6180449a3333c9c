// What an owner leaves that is killed between two steps, put there by hand; tests/models has all such places.
#include <fcntl.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tests/shm/shm_fixture.h"

namespace smt {
namespace {

using KilledTest = ShmTest;

template <class T>
T read_field(int fd, size_t offset) {
  T value{};
  EXPECT_EQ(pread(fd, &value, sizeof value, static_cast<off_t>(offset)), static_cast<ssize_t>(sizeof value));
  return value;
}

TEST_F(KilledTest, ATopicOfWhichItsOwnerCouldNotTellAnyMoreIsFoundOnceTheSegmentIsAdopted) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  { Publisher first = advertise(*node, "first"); }
  Reader r = open_reader(d, "second");
  const Fd fd(open(file("n").c_str(), O_RDONLY));
  const size_t version = offsetof(layout::Header, directory_version);
  const auto seen = read_field<uint64_t>(fd.get(), version);
  {
    Publisher second = advertise(*node, "second");
    publish_value(second, "x");
  }
  patch<uint64_t>("n", version, seen);
  EXPECT_EQ(r.refresh().code(), Code::kNotFound);

  node.reset();
  node = open_node(d, "n");
  ASSERT_TRUE(node->birth().adopted);
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.latest()), "x");
}

TEST_F(KilledTest, ASegmentThatWasBeingRemovedIsReplacedAndItsReadersFollow) {
  Domain d = open_domain();
  auto node = open_node(d, "n");
  {
    Publisher p = advertise(*node, "t");
    publish_value(p, "old");
  }
  Reader r = open_reader(d, "t");
  node.reset();
  patch<uint32_t>("n", offsetof(layout::Header, closed), layout::kRemoving);
  ASSERT_EQ(unlink(file("n.bell").c_str()), 0);
  EXPECT_EQ(text_of(r.latest()), "old");

  node = open_node(d, "n");
  EXPECT_EQ(node->birth().replaced_why, "it was being removed");
  Publisher p = advertise(*node, "t");
  publish_value(p, "new");
  SMT_ASSERT_OK(r.refresh());
  EXPECT_EQ(text_of(r.latest()), "new");
  EXPECT_EQ(r.reopened(), 1u);
}

TEST_F(KilledTest, WhoRemovesItsSegmentSaysSoFirst) {
  Domain d = open_domain();
  auto node = open_node(d, "n", {.remove_on_exit = true});
  const Fd fd(open(file("n").c_str(), O_RDONLY));
  node.reset();
  EXPECT_EQ(read_field<uint32_t>(fd.get(), offsetof(layout::Header, closed)), layout::kRemoving);
  node = open_node(d, "n");
  EXPECT_FALSE(node->birth().replaced);
}

}  // namespace
}  // namespace smt
