// The pages that a relay serves about itself: /livez, /readyz (also /healthz), /metrics, /status.
#ifndef SMT_CMD_METRICS_METRICS_SERVER_H_
#define SMT_CMD_METRICS_METRICS_SERVER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/metrics/metrics_pages.h"
#include "cmd/metrics/page_renderer.h"
#include "cmd/metrics/topic_survey.h"
#include "relay/http/http_server.h"
#include "relay/relay.h"
#include "relay/store/topic_source.h"
#include "shm/domain.h"
#include "shm/status.h"

namespace smt::cmd {

struct MetricsOptions {
  std::string address;                        // see relay::HttpAddress
  std::vector<std::string> ready, open;       // see MetricsNames
  std::string name, role;                     // of the relay
  std::optional<DomainOptions> domain;        // whose topics are told
  const relay::TopicSource* store = nullptr;  // without a domain: that has them; outlives the server
};

// The loop of a relay steps it. /livez is answered by the loop itself, so that an answer proves that the loop
// turns. The other pages are rendered by a thread, from a snapshot: whoever asks within kPageNs gets the same
// bytes. A page is as old as its snapshot: one that came late, or for somebody who is gone, answers nobody
// who has asked since. They have names, counts and ages, and never values.
class MetricsServer {
 public:
  static constexpr int64_t kPageNs = 1'000'000'000;

  // Errors are those of relay::HttpServer::open(); kInvalid: one of `options` is no pattern.
  static Result<std::unique_ptr<MetricsServer>> open(const MetricsOptions& options, int64_t now_ns);

  // Descriptors that can be read when step() has something to do.
  std::array<int, 2> fds() const { return {server_->fd(), renderer_.fd()}; }
  // Returns the BOOTTIME at which it wants to be called again.
  int64_t step(const relay::Relay& relay, int64_t now_ns);
  // Where it listens, with the port that was taken.
  std::string address() const { return server_->address(); }

 private:
  MetricsServer(const MetricsOptions& options, MetricsNames names, int64_t now_ns);
  std::optional<relay::HttpResponse> answer(const relay::HttpRequest& request);
  bool are_current_for(const relay::HttpRequest& request) const;
  void begin_snapshot();
  bool advance_snapshot(const relay::Relay& relay);

  const std::string name_, role_;
  const int64_t started_ns_;
  std::unique_ptr<relay::HttpServer> server_;
  std::optional<StoreSurvey> survey_;
  const std::function<MetricsPages(RelaySnapshot)> render_;  // for the thread of the renderer
  PageRenderer renderer_;
  std::shared_ptr<const MetricsPages> pages_;  // null: none yet
  int64_t now_ns_;                             // of this step
  int64_t begun_ns_ = 0;                       // the newest snapshot was
  bool wanted_ = false;                        // somebody waits for pages
  bool collecting_ = false;                    // the survey goes on
};

}  // namespace smt::cmd

#endif  // SMT_CMD_METRICS_METRICS_SERVER_H_
