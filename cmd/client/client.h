// The commands of smtrelay_client share one relay, which has a memory of its own and dials one
// endpoint.
#ifndef SMT_CMD_CLIENT_CLIENT_H_
#define SMT_CMD_CLIENT_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cmd/cli/cli.h"
#include "cmd/cli/stop.h"
#include "cmd/cli/verbs.h"
#include "cmd/serve/relay_loop.h"
#include "cmd/text/log_sink.h"
#include "cmd/value/topic_json.h"
#include "relay/relay.h"
#include "relay/rules/subscription.h"
#include "relay/store/mem_store.h"

namespace smt::cmd {

struct ClientOptions {
  Format format = Format::kTable;
  std::string connect;
  std::shared_ptr<const relay::Keyring> keys;  // none: not encrypted
  int64_t timeout_ns = 0;
};

class Client {
 public:
  // Wants what `receive` names for as long as it lives.
  // `wake_fd`: see LoopOptions; -1: none.
  explicit Client(const ClientOptions& options, std::vector<relay::ReceiveRule> receive = {},
                  int wake_fd = -1);

  // Dials the endpoint.
  Status dial();

  // The exit code, after a sentence, when the client cannot go on: nobody has answered in time, or somebody
  // has refused. kExitOk when a signal came. Nothing: somebody is there.
  std::optional<int> meet();

  // The same; and somebody is there that has topics to give. `code`: where it has none.
  std::optional<int> meet_source(int code);

  // Asks for topics (`list`: for their descriptions alone), which come into store(). Nothing: a signal came.
  std::optional<relay::Relay::GetResult> ask(const relay::Subscription& selection, bool list);

  // Asks all relays what they know of a topic. Nothing: a signal came.
  std::optional<relay::Relay::TraceResult> trace(const std::string& topic);

  // A value for another memory, with the whole time of an answer from now on. Nothing: a signal came.
  std::optional<relay::Relay::SetResult> set(const relay::Relay::SetRequest& wish);

  relay::MemStore& store() { return store_; }
  RelayLoop& loop() { return loop_; }
  const ClientOptions& options() const { return options_; }

 private:
  template <class Answer, class Begin, class Look>
  std::optional<Answer> await(int64_t deadline_ns, Begin begin, Look look);

  LogSink log_but_meeting();

  const ClientOptions& options_;
  bool is_meeting_ = false;
  std::vector<std::pair<LogLevel, std::string>> held_;  // of the log, meanwhile
  const Stop stop_{StopOn::kSignalOrOutputGone};
  const int64_t deadline_ns_;
  relay::MemStore store_;
  RelayLoop loop_;
};

// Ids of the topics, by name.
std::vector<uint32_t> sorted_topics(const relay::MemStore& store);
// Raw bytes where the descriptor cannot be read.
Schema described_schema(const relay::TopicDescription& topic);
// The state of a sample of a topic in plain memory at `now_ns`; sequence 0: there is none.
State state_of(const relay::MemStore& store, uint32_t id, const SampleHead& head, int64_t now_ns);
// The newest sample, or sequence 0. Valid as long as the store's value is.
ShownSample show_stored(const relay::MemStore& store, uint32_t id, const Schema& schema);

void add_client_get(CLI::App* verb, const ClientOptions& options, Run* run);
void add_client_list(CLI::App* verb, const ClientOptions& options, Run* run);
void add_client_why(CLI::App* verb, const ClientOptions& options, Run* run);
void add_client_set(CLI::App* verb, const ClientOptions& options, Run* run);
void add_client_watch(CLI::App* verb, const ClientOptions& options, Run* run);

}  // namespace smt::cmd

#endif  // SMT_CMD_CLIENT_CLIENT_H_
