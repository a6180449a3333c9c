// A domain of its own for each test, and a few words to speak about it.
#ifndef SMT_TESTS_SHM_SHM_FIXTURE_H_
#define SMT_TESTS_SHM_SHM_FIXTURE_H_

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shm/domain.h"
#include "shm/fd.h"
#include "shm/list.h"
#include "shm/node.h"
#include "shm/reader.h"
#include "shm/segment_view.h"
#include "shm/topic.h"
#include "shm/waiter.h"
#include "tests/temp_folder.h"

namespace smt {

class ShmTest : public testing::Test {
 protected:
  Domain open_domain() {
    Result<Domain> d = Domain::open({.root = root_, .domain = "d"});
    EXPECT_TRUE(d.ok()) << d.status().message();
    return *d;
  }
  static std::unique_ptr<Node> open_node(const Domain& d, const std::string& name, NodeOptions options = {}) {
    options.name = name;
    if (options.segment_bytes == 0) options.segment_bytes = 1 << 24;
    Result<std::unique_ptr<Node>> n = Node::open(d, options);
    EXPECT_TRUE(n.ok()) << n.status().message();
    return n.ok() ? std::move(*n) : nullptr;
  }
  static Publisher advertise(Node& node, const std::string& topic, TopicOptions options = {}) {
    options.name = topic;
    Result<Publisher> p = node.advertise(options);
    EXPECT_TRUE(p.ok()) << p.status().message();
    return std::move(*p);
  }
  static Reader open_reader(const Domain& d, const std::string& topic, ReaderOptions options = {}) {
    Result<Reader> r = Reader::open(d, topic, std::move(options));
    EXPECT_TRUE(r.ok()) << r.status().message();
    return std::move(*r);
  }
  static void publish_value(Publisher& p, std::string_view text) {
    const Status s = p.publish(std::as_bytes(std::span(text)));
    EXPECT_TRUE(s.ok()) << s.message();
  }
  static std::string text_of(const Sample* s) {
    if (s == nullptr) return "(none)";
    return std::string(reinterpret_cast<const char*>(s->bytes.data()), s->bytes.size());
  }
  static std::string text_of(const std::optional<Borrowed>& b) {
    if (!b) return "(none)";
    return std::string(reinterpret_cast<const char*>(b->bytes().data()), b->bytes().size());
  }
  std::string file(const std::string& name) const { return root_ + "/d/" + name; }
  // Overwrites bytes of a node's segment.
  template <class T>
  void patch(const std::string& node, size_t offset, T value) {
    const Fd fd(open(file(node).c_str(), O_RDWR));
    ASSERT_EQ(pwrite(fd.get(), &value, sizeof value, static_cast<off_t>(offset)), ssize_t{sizeof value});
  }

  const TempFolder temp_;
  const std::string root_ = temp_.path();
};

#define SMT_ASSERT_OK(expression)                   \
  do {                                              \
    const ::smt::Status status_ = (expression);     \
    ASSERT_TRUE(status_.ok()) << status_.message(); \
  } while (0)

}  // namespace smt

#endif  // SMT_TESTS_SHM_SHM_FIXTURE_H_
