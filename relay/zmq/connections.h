// The connections of one ZeroMQ socket: how their handshakes end, how much each has sent that nobody could
// take yet, and the means to cut one. libzmq bounds the size of a frame, not how many of them wait for the
// last one of their message, and neither tells who sends them nor lets go of a single peer.
#ifndef SMT_RELAY_ZMQ_CONNECTIONS_H_
#define SMT_RELAY_ZMQ_CONNECTIONS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <zmq.hpp>

namespace smt::relay {

enum class Handshake { kNone, kDone, kRefused, kFailed };  // kRefused: this side's key is not known there

// libzmq tells of connections in its own thread, which would wait for ever for a listener that has gone: the
// socket outlives this. Bytes are counted of TCP connections only.
class Connections {
 public:
  // That one key, or all together who have not shown theirs, may leave unfinished or untaken.
  static constexpr uint64_t kMaxHeldBytes = 32 << 20;
  static constexpr size_t kMaxOfAKey = 32;
  // Who dials in and says nothing for so long is cut.
  static constexpr int64_t kMaxSilenceNs = 10'000'000'000;

  // To be called before bind() or connect(). Throws zmq::error_t.
  Connections(zmq::context_t* context, zmq::socket_t* socket);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // How the last handshake ended since this was asked last; kFailed, which may be a connection that broke,
  // only if there is nothing else.
  Handshake last(int64_t now_ns);
  // Looks what has become of connections: the next two tell what was found last.
  void look(int64_t now_ns) { read_events(now_ns); }
  // Of a socket that dials: its connection has ended, and there is no other one yet.
  bool has_ended() const { return ended_; }
  // Of a socket that dials: the last attempt to connect has failed.
  bool is_refused() const { return refused_; }
  // Readable once there is something to look at.
  int fd() const { return events_fd_; }
  // To be polled for handshakes.
  zmq::pollitem_t poll_item() { return {events_.handle(), 0, ZMQ_POLLIN, 0}; }

  // A message has come out of the socket. `fd`: its ZMQ_SRCFD, -1 with inproc; `key`: "" where none is shown;
  // `wire_bytes`: the sum of wire_bytes() of its frames. Views are copied.
  void on_received(int fd, std::string_view peer, std::string_view key, uint64_t wire_bytes, int64_t now_ns);
  static uint64_t wire_bytes(size_t frame, bool encrypted);
  // To be cut when what was sent to it has had time to leave.
  void drop(std::string_view peer, int64_t now_ns);

  // Who was cut, and why; peer and key are empty if it had not shown any.
  struct Cut {
    std::string peer = {}, key = {};
    std::string why;      // for people
    bool hoards = false;  // it left more than kMaxHeldBytes
  };
  // Cuts who is to be cut. `binds`: others dial in.
  void check(bool binds, int64_t now_ns);
  // Next of those that were cut by on_received() and check(), but for the silent. False: there is none.
  bool take_cut(Cut* cut);
  // When check() is due.
  int64_t due_ns() const { return due_ns_; }

 private:
  struct Connection {
    uint64_t cookie = 0;   // of the kernel: descriptors are used again, cookies never
    int64_t heard_ns = 0;  // or begun
    int64_t cut_ns = INT64_MAX;
    uint64_t taken_bytes = 0, held_bytes = 0;
    bool known = false;  // its first message has come, and with it:
    std::string peer = {}, key = {};
  };
  using ByFd = std::map<int, Connection>;

  void read_events(int64_t now_ns);
  void forget(int fd, Connection* c);
  void end_connection(ByFd::iterator at);
  void cut_off(ByFd::iterator at);
  void cut_silent(int64_t now_ns);
  void cut_hoarders();
  bool measure();

  void* const socket_;
  zmq::socket_t events_;
  int events_fd_ = -1;  // of events_
  Handshake last_ = Handshake::kNone;
  bool ended_ = false;  // the connection that was told of last
  bool refused_ = false;
  ByFd connections_;
  std::map<std::string, int, std::less<>> fds_;              // by peer
  std::map<std::string, size_t, std::less<>> count_of_key_;  // connections
  std::deque<Cut> cuts_;
  int next_fd_ = 0;  // whose bytes are counted next
  int64_t due_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_ZMQ_CONNECTIONS_H_
