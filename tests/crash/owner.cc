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
        domain_(Must(Domain::open({.root = root, .domain = "d"}))) {}

  void Run() {
    progress_->replacing = true;
    Stepped("birth", [&] { Open(kSegmentBytes); });
    progress_->replacing = false;
    std::optional<Publisher> t = Advertise(0), u = Advertise(1);
    for (uint32_t i = 0; i < history_ + 2; ++i) Publish(0, &*t, words_);
    for (int i = 0; i < 3; ++i) Publish(1, &*u, words_);

    Stepped("publish", [&] {
      for (int i = 0; i < 5; ++i) Publish(0, &*t, words_);
    });
    Stepped("loan and commit", [&] { LoanAndCommit(0, &*t); });
    Stepped("grow", [&] { Publish(0, &*t, 3 * words_); });
    std::optional<Publisher> v;
    Stepped("advertise", [&] { v = Advertise(2); });
    Publish(2, &*v, words_);
    u.reset();
    Stepped("remove", [&] { Remove(1); });
    std::optional<Publisher> w;
    Stepped("reuse", [&] {
      w = Advertise(3);
      Publish(3, &*w, words_);
    });
    v.reset();
    Stepped("another history", [&] { v = Advertise(2, 2 * history_); });
    Publish(2, &*v, words_);

    const auto close = [&] {
      t.reset(), v.reset(), w.reset();
      node_.reset();
    };
    Stepped("end", close);
    Stepped("adopt after an end", [&] { Open(0); });
    LeaveHalfWritten(close);
    Stepped("adopt after a kill", [&] { Open(0); });

    // The next topic is the first of the second directory block.
    while (node_->topic_count() < layout::kFirstBlockTopics) {
      Must(node_->advertise({.name = "filler/" + std::to_string(node_->topic_count()), .max_bytes = 8}));
    }
    Stepped("second block", [&] { u = Advertise(1); });
    Publish(1, &*u, words_);
    u.reset();
    close();

    for (TopicProgress& topic : progress_->topic) {
      if (topic.presence == Presence::kThere) topic.presence = Presence::kEither;
    }
    progress_->replacing = true;
    Stepped("replace", [&] { Open(2 * kSegmentBytes); });
    progress_->replacing = false;
    for (TopicProgress& topic : progress_->topic) {
      topic.presence = Presence::kGone;
      topic.done = topic.begun = 0;
    }
    Stepped("first topic", [&] {
      t = Advertise(0);
      Publish(0, &*t, words_);
    });
    t.reset();
  }

 private:
  template <class T>
  static T Must(Result<T> result) {
    if (result.ok()) return std::move(*result);
    Must(result.status());
    abort();
  }
  static void Must(const Status& status) {
    if (status.ok()) return;
    fprintf(stderr, "crash_images: the owner failed: %s\n", status.message().c_str());
    _exit(1);
  }

  template <class Operation>
  void Stepped(const char* name, Operation operation) {
    progress_->operation = name;
    raise(SIGSTOP);
    operation();
    raise(SIGSTOP);
  }

  void Open(uint64_t segment_bytes) {
    node_ = Must(Node::open(domain_, {.name = kNode, .segment_bytes = segment_bytes}));
  }

  Publisher Advertise(size_t i) { return Advertise(i, history_); }

  // Values stay, those of a ring of another depth too.
  Publisher Advertise(size_t i, uint32_t history) {
    TopicProgress& topic = progress_->topic[i];
    if (topic.presence == Presence::kGone) topic.presence = Presence::kEither;
    Publisher p =
        Must(node_->advertise({.name = Progress::kTopics[i], .max_bytes = 8 * words_, .history = history}));
    topic.presence = Presence::kThere;
    return p;
  }

  void LoanAndCommit(size_t i, Publisher* p) {
    TopicProgress& topic = progress_->topic[i];
    const uint64_t value = ++value_;
    Loan loan = Must(p->loan(8 * words_));
    for (size_t at = 0; at < loan.bytes().size(); at += 8) memcpy(&loan.bytes()[at], &value, 8);
    topic.begun = value;
    loan.commit();
    topic.done = value;
  }

  void Remove(size_t i) {
    TopicProgress& topic = progress_->topic[i];
    topic.presence = Presence::kEither;
    Must(node_->remove(Progress::kTopics[i]));
    topic.presence = Presence::kGone;
    topic.done = topic.begun = 0;
  }

  void Publish(size_t i, Publisher* p, size_t words) {
    TopicProgress& topic = progress_->topic[i];
    const uint64_t value = ++value_;
    const std::vector<uint64_t> sample(words, value);
    topic.begun = value;
    Must(p->publish(std::as_bytes(std::span(sample))));
    topic.done = value;
  }

  // As a kill in the middle of a publish() would: not closed, the next slot marked and half filled in.
  template <class Close>
  void LeaveHalfWritten(Close close) {
    {
      Publisher p = Advertise(0);
      Result<Loan> loan = p.loan(8 * words_);
      memset(loan->bytes().data(), 0x5a, 4);
    }
    close();
    const Fd file(open((domain_.path() + "/" + kNode).c_str(), O_RDWR | O_CLOEXEC));
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

void RunOwner(const std::string& root, uint64_t seed, Progress* progress) {
  {
    Owner owner(root, seed, progress);
    owner.Run();
  }
  _exit(0);
}

uint64_t ValueOf(const Sample& sample) {
  if (sample.bytes.empty() || sample.bytes.size() % 8 != 0) return 0;
  std::vector<uint64_t> words(sample.bytes.size() / 8);
  memcpy(words.data(), sample.bytes.data(), sample.bytes.size());
  for (const uint64_t word : words) {
    if (word != words[0]) return 0;
  }
  return words[0];
}

}  // namespace smt
