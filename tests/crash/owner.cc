#include "tests/crash/owner.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "shm/fd.h"
#include "shm/layout.h"
#include "shm/node.h"

namespace smt {

namespace {

constexpr uint64_t kSegmentBytes = 128 << 10;

class Owner {
 public:
  Owner(const std::string& root, uint64_t seed, Progress* progress)
      : words_(1 + seed * 5 % 24),
        history_(4u << seed % 3),
        progress_(progress),
        domain_(must(Domain::open({.root = root, .domain = "d"}))) {}

  void run() {
    progress_->replacing = true;
    stepped("birth", [&] { open(kSegmentBytes); });
    progress_->replacing = false;
    std::optional<Publisher> t = advertise(0), u = advertise(1);
    for (uint32_t i = 0; i < history_ + 2; ++i) publish(0, &*t, words_);
    for (int i = 0; i < 3; ++i) publish(1, &*u, words_);

    stepped("publish", [&] {
      for (int i = 0; i < 5; ++i) publish(0, &*t, words_);
    });
    stepped("loan and commit", [&] { loan_and_commit(0, &*t); });
    stepped("grow", [&] { publish(0, &*t, 3 * words_); });
    std::optional<Publisher> v;
    stepped("advertise", [&] { v = advertise(2); });
    publish(2, &*v, words_);
    u.reset();
    stepped("remove", [&] { remove(1); });
    std::optional<Publisher> w;
    stepped("reuse", [&] {
      w = advertise(3);
      publish(3, &*w, words_);
    });
    v.reset();
    stepped("another history", [&] { v = advertise(2, 2 * history_); });
    publish(2, &*v, words_);

    const auto close = [&] {
      t.reset(), v.reset(), w.reset();
      node_.reset();
    };
    stepped("end", close);
    stepped("adopt after an end", [&] { open(0); });
    leave_half_written(close);
    stepped("adopt after a kill", [&] { open(0); });

    // The next topic is the first of the second directory block.
    while (node_->topic_count() < layout::kFirstBlockTopics) {
      must(node_->advertise({.name = "filler/" + std::to_string(node_->topic_count()), .max_bytes = 8}));
    }
    stepped("second block", [&] { u = advertise(1); });
    publish(1, &*u, words_);
    u.reset();
    close();

    for (TopicProgress& topic : progress_->topic) {
      if (topic.presence == Presence::kThere) topic.presence = Presence::kEither;
    }
    progress_->replacing = true;
    stepped("replace", [&] { open(2 * kSegmentBytes); });
    progress_->replacing = false;
    for (TopicProgress& topic : progress_->topic) {
      topic.presence = Presence::kGone;
      topic.done = topic.begun = 0;
    }
    stepped("first topic", [&] {
      t = advertise(0);
      publish(0, &*t, words_);
    });
    t.reset();
  }

 private:
  template <class T>
  static T must(Result<T> result) {
    if (result.ok()) return std::move(*result);
    must(result.status());
    abort();
  }
  static void must(const Status& status) {
    if (status.ok()) return;
    fprintf(stderr, "crash_images: the owner failed: %s\n", status.message().c_str());
    _exit(1);
  }

  template <class Operation>
  void stepped(const char* name, Operation operation) {
    progress_->operation = name;
    raise(SIGSTOP);
    operation();
    raise(SIGSTOP);
  }

  void open(uint64_t segment_bytes) {
    node_ = must(Node::open(domain_, {.name = kNode, .segment_bytes = segment_bytes}));
  }

  Publisher advertise(size_t i) { return advertise(i, history_); }

  // Values stay, those of a ring of another depth too.
  Publisher advertise(size_t i, uint32_t history) {
    TopicProgress& topic = progress_->topic[i];
    if (topic.presence == Presence::kGone) topic.presence = Presence::kEither;
    Publisher p =
        must(node_->advertise({.name = Progress::kTopics[i], .max_bytes = 8 * words_, .history = history}));
    topic.presence = Presence::kThere;
    return p;
  }

  void loan_and_commit(size_t i, Publisher* p) {
    TopicProgress& topic = progress_->topic[i];
    const uint64_t value = ++value_;
    Loan loan = must(p->loan(8 * words_));
    for (size_t at = 0; at < loan.bytes().size(); at += 8) memcpy(&loan.bytes()[at], &value, 8);
    topic.begun = value;
    loan.commit();
    topic.done = value;
  }

  void remove(size_t i) {
    TopicProgress& topic = progress_->topic[i];
    topic.presence = Presence::kEither;
    must(node_->remove(Progress::kTopics[i]));
    topic.presence = Presence::kGone;
    topic.done = topic.begun = 0;
  }

  void publish(size_t i, Publisher* p, size_t words) {
    TopicProgress& topic = progress_->topic[i];
    const uint64_t value = ++value_;
    const std::vector<uint64_t> sample(words, value);
    topic.begun = value;
    must(p->publish(std::as_bytes(std::span(sample))));
    topic.done = value;
  }

  // As a kill in the middle of a publish() would: not closed, the next slot marked and half filled in.
  template <class Close>
  void leave_half_written(Close close) {
    {
      Publisher p = advertise(0);
      Result<Loan> loan = p.loan(8 * words_);
      memset(loan->bytes().data(), 0x5a, 4);
    }
    close();
    const Fd file(::open((domain_.path() + "/" + kNode).c_str(), O_RDWR | O_CLOEXEC));
    const uint32_t closed = 0;
    if (pwrite(file.get(), &closed, sizeof closed, offsetof(layout::Header, closed)) != sizeof closed)
      abort();
  }

  const size_t words_;  // of a value to begin with
  const uint32_t history_;
  Progress* progress_;
  Domain domain_;
  std::unique_ptr<Node> node_;
  uint64_t value_ = 0;
};

}  // namespace

void run_owner(const std::string& root, uint64_t seed, Progress* progress) {
  {
    Owner owner(root, seed, progress);
    owner.run();
  }
  _exit(0);
}

uint64_t value_of(const Sample& sample) {
  if (sample.bytes.empty() || sample.bytes.size() % 8 != 0) return 0;
  std::vector<uint64_t> words(sample.bytes.size() / 8);
  memcpy(words.data(), sample.bytes.data(), sample.bytes.size());
  for (const uint64_t word : words) {
    if (word != words[0]) return 0;
  }
  return words[0];
}

}  // namespace smt
