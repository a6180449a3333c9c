// Stands between two ends of TCP connections on the loopback and mistreats what they send: late, slowly, not
// at all, with bits turned over behind TCP's own checksum, cut off. One thread; needs no rights. Seeded.
#ifndef SMT_TESTS_TOOLS_CHAOS_PROXY_H_
#define SMT_TESTS_TOOLS_CHAOS_PROXY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "shm/fd.h"

namespace smt::tools {

// What happens to the bytes of one direction, from now on, in each connection.
struct Chaos {
  int64_t delay_ns = 0;
  int64_t bytes_per_s = 0;  // 0: no limit
  double flip = 0;          // share of the bytes in which one bit is turned over, 0 to 1 ...
  uint64_t flip_from = 0;   // ... but not among the first ones of a connection
  bool swallow = false;     // taken and never delivered: the sender's TCP thinks all is well
  uint64_t cut_after = 0;   // after so many bytes of a connection both sides get an RST; 0: never
  bool record = false;      // what is read is kept, see recorded()
};

class ChaosProxy {
 public:
  enum Way { kUp = 0, kDown = 1 };  // from who dials to who is dialled, and back

  struct Counts {
    uint64_t connections = 0;  // so far
    uint64_t open = 0;
    uint64_t resets = 0;  // sent, two for each connection that was ended by force
    std::array<uint64_t, 2> bytes{}, flips{}, swallowed{};
  };

  // Listens on a free port of the loopback and dials `to_port` there for each connection.
  ChaosProxy(uint16_t to_port, uint64_t seed);
  ~ChaosProxy();
  ChaosProxy(const ChaosProxy&) = delete;
  ChaosProxy& operator=(const ChaosProxy&) = delete;

  uint16_t port() const { return port_; }
  void set(Way way, const Chaos& chaos);
  // RST to both sides of all connections of now.
  void reset();
  // Says on all connections of now that no more comes this way; what is under way is thrown away.
  void half_close(Way way);
  Counts counts() const;
  // All that came this way, one connection after the other as it was read, since it was asked last.
  std::string recorded(Way way);

 private:
  struct Piece {
    int64_t due_ns;
    std::vector<std::byte> bytes;
    size_t written = 0;
  };
  struct Stream {
    std::deque<Piece> pieces;
    uint64_t bytes = 0;  // read so far
    uint64_t held = 0;   // in pieces
    int64_t busy_until_ns = 0;
    bool ended = false;   // the sender has closed ...
    bool closed = false;  // ... and the receiver knows
  };
  struct Connection {
    std::array<Fd, 2> sides;  // who dialled, who is dialled: a way begins at the side of its number
    bool connected = false;   // the second one
    std::array<Stream, 2> streams;
  };

  void run();
  void accept();
  // All return false if the connection is over.
  bool read(Connection* c, Way way, int64_t now_ns);
  bool write(Connection* c, Way way, int64_t now_ns);
  bool connected(Connection* c) const;
  void flip(Way way, uint64_t at, std::vector<std::byte>* bytes);
  void reset_connection(Connection* c);
  void wake();

  uint16_t port_ = 0;
  Fd listener_, wake_;
  const uint16_t to_port_;
  mutable std::mutex mutex_;  // protects all below
  std::array<Chaos, 2> chaos_;
  Counts counts_;
  std::array<std::string, 2> recorded_;
  std::list<Connection> connections_;
  std::mt19937_64 random_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace smt::tools

#endif  // SMT_TESTS_TOOLS_CHAOS_PROXY_H_
