#include "shm/waiter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "shm/bell.h"
#include "shm/domain_view.h"
#include "shm/fork.h"
#include "shm/ordering.h"

namespace smt {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kLookWithoutFifo(10);
// How long a death, a new node or a ring that a killed writer still owed may go unseen.
constexpr milliseconds kLookAnyway(25);

}  // namespace

struct Waiter::Impl {
  explicit Impl(const Domain& d) : domain(d) {}
  ~Impl() { give_up_lock(&fifo); }

  Domain domain;
  Fd fifo;                     // holds the lock on its place; not ok(): no place was free
  uint32_t place = 0;          // of `fifo`
  DomainFolder::Id folder_id;  // that it was made in
  uint32_t bit = 0;            // of the place; 0: none
  bool armed = false;          // a ring may have written into the FIFO
  bool lost = false;           // the FIFO was removed
  uint64_t changes = ~uint64_t{0};
  int64_t looked_ns = 0;  // BOOTTIME of the last probe; 0: none yet
  std::vector<std::shared_ptr<SegmentView>> nodes;
  std::vector<std::string> problems;
  std::vector<uint32_t> words;        // of `nodes`, as of the last collect()
  std::vector<uint64_t> directories;  // their versions, at the last look
  std::vector<bool> alive;

  void claim();
  void claim_again();
  bool directory_moved() const {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i]->directory_version() != directories[i] || nodes[i]->retired()) return true;
    }
    return false;
  }
  bool moved() const {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (read_bell_word(nodes[i]->word()) != words[i]) return true;
    }
    return false;
  }
};

// The first of the domain's FIFOs that nobody else has locked; they are never removed, as publishers keep
// them open.
void Waiter::Impl::claim() {
  const DomainFolder& folder = domain.folder();
  if (!folder.may_write) return;
  for (uint32_t k = 0; k < layout::kWaiters; ++k) {
    const Status taken = take_lock(&fifo, [&]() -> Result<Fd> {
      if (mkfifoat(folder.fd.get(), fifo_name(k).c_str(), folder.bell_mode()) == 0) {
        // Past the umask; O_PATH would not do, and the FIFO is ours.
        Fd made = open_fifo(folder, k);
        if (made.ok()) (void)!fchmod(made.get(), folder.bell_mode());
      }
      Fd fd = open_fifo(folder, k);
      if (!fd.ok()) return Fd();
      struct flock lock = {};
      lock.l_type = F_WRLCK;
      lock.l_whence = SEEK_SET;
      if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) return Fd();
      return fd;
    });
    if (taken.ok() && fifo.ok()) {
      place = k;
      folder_id = folder.id();
      bit = 1u << k;
      return;
    }
  }
}

// A FIFO that was removed is rung by no publisher that opens it from now on.
void Waiter::Impl::claim_again() {
  struct stat st;
  if (fifo.ok() && (fstat(fifo.get(), &st) != 0 || domain.folder().is_named(st, fifo_name(place)))) return;
  if (!lost && !fifo.ok()) return;  // there never was a place
  // Where it is the folder that has gone, that is reported already.
  if (!lost && folder_id == domain.folder().id())
    domain.folder().report_loss("a FIFO of this process was removed from " + domain.path());
  lost = true;
  give_up_lock(&fifo);
  bit = 0;
  if (!domain.healthy()) return;  // until somebody has made the folder again
  claim();
  lost = !fifo.ok();
}

Waiter::Waiter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Waiter::Waiter(Waiter&&) noexcept = default;
Waiter& Waiter::operator=(Waiter&&) noexcept = default;
Waiter::~Waiter() = default;

Result<Waiter> Waiter::open(const Domain& domain) {
  auto impl = std::make_unique<Impl>(domain);
  impl->claim();
  Waiter waiter(std::move(impl));
  waiter.collect();
  return waiter;
}

int Waiter::fd() const { return impl_->fifo.get(); }

milliseconds Waiter::poll_limit() const {
  const bool bells = std::all_of(impl_->nodes.begin(), impl_->nodes.end(),
                                 [](const auto& node) { return node->bell() != nullptr; });
  return impl_->fifo.ok() && bells ? kLookAnyway : kLookWithoutFifo;
}

bool Waiter::arm() {
  if (impl_->bit != 0) {
    impl_->armed = true;
    // The bits, then the words again.
    for (const auto& node : impl_->nodes) {
      if (node->bell() != nullptr) set_bell_bits(node->bell(), impl_->bit);
    }
  }
  return !impl_->moved();
}

bool Waiter::collect() {
  Impl& w = *impl_;
  if (w.armed) {
    char bytes[256];
    while (read(w.fifo.get(), bytes, sizeof bytes) == sizeof bytes) {
    }
    w.armed = false;
  }
  bool changed = w.moved();
  const int64_t now = w.domain.clock().boottime_ns();
  // A poll may end a little early; a look that is put off to the next one would come twice as late.
  const bool due = w.looked_ns == 0 || now - w.looked_ns >= nanoseconds(kLookAnyway).count() / 2;
  // A change of a directory rings, a new node or a death does not.
  if (due || (changed && w.directory_moved())) {
    const uint64_t changes = view_of(w.domain).refresh();
    if (changes != w.changes) {
      w.changes = changes;
      changed = true;
      w.nodes = view_of(w.domain).segments();
      w.problems = view_of(w.domain).problems();
      w.words.assign(w.nodes.size(), 0);
      w.directories.clear();
      for (const auto& node : w.nodes) w.directories.push_back(node->directory_version());
      w.alive.clear();
      for (const auto& node : w.nodes) w.alive.push_back(node->owner_alive());
    }
  }
  if (due) {
    w.looked_ns = now;
    w.claim_again();
    for (size_t i = 0; i < w.nodes.size(); ++i) {
      const bool alive = w.nodes[i]->owner_alive();
      if (alive != w.alive[i]) changed = true;
      w.alive[i] = alive;
    }
  }
  for (size_t i = 0; i < w.nodes.size(); ++i) w.words[i] = read_bell_word(w.nodes[i]->word());
  return changed;
}

bool Waiter::wait(nanoseconds timeout) {
  const int64_t start = boottime_ns();
  for (;;) {
    if (arm()) {
      nanoseconds left = poll_limit();
      if (timeout.count() >= 0) {
        left = std::clamp(timeout - nanoseconds(boottime_ns() - start), nanoseconds(0), left);
      }
      pollfd p{fd(), POLLIN, 0};
      timespec t{static_cast<time_t>(left.count() / 1'000'000'000),
                 static_cast<long>(left.count() % 1'000'000'000)};
      ppoll(&p, 1, &t, nullptr);
    }
    if (collect()) return true;
    if (timeout.count() >= 0 && boottime_ns() - start >= timeout.count()) return false;
  }
}

const std::vector<std::shared_ptr<SegmentView>>& Waiter::nodes() const { return impl_->nodes; }
const std::vector<bool>& Waiter::alive() const { return impl_->alive; }
const std::vector<std::string>& Waiter::problems() const { return impl_->problems; }

}  // namespace smt
