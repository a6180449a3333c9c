// How much is to stand in line at a link, beyond what is on its way. The line keeps the link busy while the
// sender sleeps and where reports come in bunches; a line that never becomes shorter is nothing but age. The
// flight tells which of the two it is: how far it falls before it is filled again.
//
// Whole    what the link carries in 10 ms, of that 2 MiB at most.
// Halved   after a look (20 ms or 16 round trips, all the time with more to send than the window lets go) if
//          the link would not have idled with half the line: for no more than 2 % of the last half second.
// Doubled  if the link idled for more than 3 % of it.
// Whole    again at once if two looks carry 15 % less than those before, and less than chance explains; or if
//          a probe carries more. If the whole line then carries no more either, it was the link. Otherwise
//          the next halving waits for 4 s, twice as long each time.
//
// The line is never shorter than
//   the way there and back: on a long way that is the whole line;
//   a quarter of a millisecond, in which a system wakes a thread;
//   two messages of 48 KiB, one that leaves while the next is made. Below 10 MB/s these are the whole line.
#ifndef SMT_RELAY_OUTBOUND_STANDING_LINE_H_
#define SMT_RELAY_OUTBOUND_STANDING_LINE_H_

#include <cstddef>
#include <cstdint>

namespace smt::relay {

class StandingLine {
 public:
  static constexpr int64_t kWholeNs = 10'000'000;

  // As it is measured to be.
  struct LinkShape {
    double bandwidth;  // bytes/ns, above 0
    int64_t way_ns;    // there and back, without a line
  };

  double bytes(const LinkShape& link) const { return bytes_of(halvings_, link); }
  // The most that one message should hold: what a line that is always whole carries, of another a third.
  double message_bytes(const LinkShape& link) const;

  // A message leaves, the first since a report came: before it `low_bytes` are under way of `window_bytes`.
  // `rtt_ns`: of the message that the report told of.
  void on_refill(uint64_t low_bytes, uint64_t window_bytes, int64_t rtt_ns, const LinkShape& link);
  struct Arrival {
    int64_t sent_ns, arrived_ns;
    uint64_t delivered;  // bytes, with this message
    bool dry;            // nothing followed it
  };
  void on_arrival(const Arrival& arrival, const LinkShape& link);
  // Something else than the line decides what is carried now, a probe or a drain: the look begins anew.
  void on_disturbed(int64_t now_ns) { begin_look(now_ns); }
  // A probe has shown the window to be too small.
  void on_carried_more(int64_t now_ns);

 private:
  static double bytes_of(int halvings, const LinkShape& link);
  // What the next halving takes away.
  double next_cut(const LinkShape& link) const { return bytes(link) - bytes_of(halvings_ + 1, link); }
  static bool is_always_whole(const LinkShape& link) { return bytes_of(0, link) == bytes_of(1, link); }
  void begin_look(int64_t now_ns);
  void judge(double rate, double took_ns, const LinkShape& link, int64_t now_ns);
  bool is_in_doubt(double rate, int64_t now_ns);
  void judge_whole(double rate, int64_t now_ns);
  void make_whole(int64_t now_ns);

  int halvings_ = 0;
  // The look: of messages sent since, from the first of them that arrived.
  int64_t since_ns_ = 0, began_ns_ = 0;  // 0: none has arrived
  uint64_t began_delivered_ = 0;
  int64_t max_rtt_ns_ = 0;
  double idle_ns_ = 0, idle_if_cut_ns_ = 0;  // the link idled; would have, besides, with the next halving
  // The same as shares of the last half second.
  double idle_ = 0, idle_if_cut_ = 0;
  // Bytes/ns.
  double rate_ = 0, deviation_ = 0;  // of the looks before
  double fallen_rate_ = 0;           // of the last look; 0: not fallen
  double suspect_rate_ = 0;          // for which the line was made whole; 0: it is clear what that brought
  bool fills_ = false;               // then; the first look has part of the shorter line
  int64_t open_ns_ = 0;              // for the next halving
  int64_t wait_ns_ = 0;
};

}  // namespace smt::relay

#endif  // SMT_RELAY_OUTBOUND_STANDING_LINE_H_
