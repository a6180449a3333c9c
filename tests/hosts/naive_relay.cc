#include "tests/hosts/naive_relay.h"

#include <cstring>
#include <zmq.hpp>

#include "shm/clock.h"

namespace smt::hosts {

NaiveRelay::NaiveRelay(const Hosts& hosts, Host from, const Domain& domain,
                       const std::vector<TimedTopic>& topics)
    : receiver_([this, &hosts, n = topics.size()] { hosts.on(Host::kGate, [&] { receive(hosts, n); }); }),
      sender_([this, &hosts, from, domain, topics] {
        hosts.on(from, [&] { send(hosts, from, domain, topics); });
      }) {}

void NaiveRelay::stop() {
  // This one first: what the sender's kernel still holds is then refused and does not stay on the link.
  stop_receiving_ = true;
  if (receiver_.joinable()) receiver_.join();
  stop_sending_ = true;
  if (sender_.joinable()) sender_.join();
}

// The I/O threads that a context begins are in the network of this thread.
void NaiveRelay::send(const Hosts& hosts, Host from, const Domain& domain,
                      const std::vector<TimedTopic>& topics) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::pub);
  socket.set(zmq::sockopt::linger, 0);
  socket.connect(hosts.gate(from));
  std::vector<Reader> readers;
  for (const TimedTopic& t : topics) readers.push_back(storm::must(Reader::open(domain, t.name)));
  std::vector<uint64_t> sent(topics.size());
  for (; !stop_sending_; storm::elapse(milliseconds(1))) {
    for (size_t i = 0; i < readers.size(); ++i) {
      const Sample* sample = readers[i].latest();
      if (sample == nullptr || sample->sequence == sent[i]) continue;
      sent[i] = sample->sequence;
      socket.send(zmq::buffer(&i, sizeof i), zmq::send_flags::sndmore);
      socket.send(zmq::buffer(sample->bytes.data(), sample->bytes.size()));
    }
  }
}

void NaiveRelay::receive(const Hosts& hosts, size_t topics) {
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::sub);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvtimeo, 10);
  socket.set(zmq::sockopt::subscribe, "");
  socket.bind(hosts.gate_bind());
  zmq::message_t index, value;
  while (!stop_receiving_) {
    if (!socket.recv(index) || !socket.recv(value) || value.size() < sizeof(int64_t)) continue;
    int64_t published_ns;
    memcpy(&published_ns, value.data(), sizeof published_ns);
    if (*index.data<size_t>() + 1 == topics) {
      ++large_;
    } else {
      ages_.add(boottime_ns() - published_ns);
    }
  }
}

}  // namespace smt::hosts
