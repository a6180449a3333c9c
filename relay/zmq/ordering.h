// The one memory ordering between a relay's thread and libzmq's.
#ifndef SMT_RELAY_ZMQ_ORDERING_H_
#define SMT_RELAY_ZMQ_ORDERING_H_

#include <atomic>

namespace smt::relay {

// Everything that this thread wrote into a block is visible to the thread that calls take_over. libzmq orders
// the two by locks of its own; it is not instrumented, so a race detector needs this pair to see it.
inline void hand_over(std::atomic<bool>* handed) { handed->store(true, std::memory_order_release); }

// Pairs with hand_over.
inline void take_over(const std::atomic<bool>& handed) { (void)handed.load(std::memory_order_acquire); }

}  // namespace smt::relay

#endif  // SMT_RELAY_ZMQ_ORDERING_H_
