#include "cmd/metrics/metrics_server.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cmd/text/version.h"

namespace smt::cmd {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

relay::HttpResponse text(unsigned status, std::string body) {
  return relay::HttpResponse::text(status, std::move(body));
}

std::function<MetricsPages(RelaySnapshot)> renderer_of(const MetricsOptions& options, MetricsNames names) {
  std::shared_ptr<DomainSurvey> domain;
  if (options.domain) domain = std::make_shared<DomainSurvey>(*options.domain);
  return [domain, names = std::move(names)](RelaySnapshot snapshot) {
    if (domain != nullptr) snapshot.topics = domain->look();
    // Here and not in the loop.
    std::sort(snapshot.topics.begin(), snapshot.topics.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return render_pages(snapshot, names);
  };
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const MetricsOptions& options, int64_t now_ns) {
  const Result<relay::HttpAddress> address = relay::HttpAddress::parse(options.address);
  if (!address.ok()) return address.status();
  Result<relay::PatternSet> ready = relay::PatternSet::parse(options.ready);
  if (!ready.ok()) return ready.status();
  Result<relay::PatternSet> open = relay::PatternSet::parse(options.open);
  if (!open.ok()) return open.status();
  std::unique_ptr<MetricsServer> metrics(
      new MetricsServer(options, {std::move(*ready), std::move(*open), !options.open.empty()}, now_ns));
  Result<std::unique_ptr<relay::HttpServer>> server = relay::HttpServer::open(
      *address, [m = metrics.get()](const relay::HttpRequest& request) { return m->answer(request); });
  if (!server.ok()) return server.status();
  metrics->server_ = std::move(*server);
  return metrics;
}

MetricsServer::MetricsServer(const MetricsOptions& options, MetricsNames names, int64_t now_ns)
    : name_(options.name),
      role_(options.role),
      started_ns_(now_ns),
      render_(renderer_of(options, std::move(names))),
      now_ns_(now_ns) {
  if (options.store != nullptr) survey_.emplace(options.store);
}

int64_t MetricsServer::step(const relay::Relay& relay, int64_t now_ns) {
  now_ns_ = now_ns;
  if (renderer_.clear()) pages_ = renderer_.pages();
  wanted_ = false;
  server_->step(now_ns);
  if (wanted_ && !collecting_ && !renderer_.is_busy()) begin_snapshot();
  if (collecting_ && !advance_snapshot(relay)) return now_ns;
  return server_->next_due_ns();
}

std::optional<relay::HttpResponse> MetricsServer::answer(const relay::HttpRequest& request) {
  if (request.path == "/livez") return text(200, "the loop of this relay turns\n");
  const bool ready = request.path == "/readyz" || request.path == "/healthz";
  const bool metrics = request.path == "/metrics";
  if (!ready && !metrics && request.path != "/status")
    return text(404, "there are /livez, /readyz, /metrics and /status\n");
  if (!are_current_for(request)) {
    wanted_ = true;
    return std::nullopt;
  }
  const MetricsView& view = request.local ? pages_->local : pages_->open;
  if (ready) return view.unready.empty() ? text(200, "ready\n") : text(503, view.unready + "\n");
  if (metrics) return relay::HttpResponse{200, kMetricsType, view.metrics};
  if (view.status != nullptr) return relay::HttpResponse{200, "application/json", view.status};
  return text(403, "beyond its own machine this relay tells its status with metrics_names only\n");
}

bool MetricsServer::are_current_for(const relay::HttpRequest& request) const {
  return pages_ != nullptr && (now_ns_ - pages_->taken_ns < kPageNs || request.came_ns <= pages_->taken_ns);
}

void MetricsServer::begin_snapshot() {
  collecting_ = true;
  begun_ns_ = now_ns_;
  if (survey_) survey_->begin();
}

// True: the snapshot is complete, and the thread has it.
bool MetricsServer::advance_snapshot(const relay::Relay& relay) {
  if (survey_ && !survey_->advance(now_ns_)) return false;
  collecting_ = false;
  RelaySnapshot s;
  s.version = version().substr(version().find(' ') + 1);  // after the name of the product
  s.name = name_;
  s.role = role_;
  s.taken_ns = begun_ns_;
  s.started_ns = started_ns_;
  s.counters = relay.counters();
  s.http = server_->counters();
  s.peers = relay.peers();
  s.dialed = relay.dialed();
  if (survey_) s.topics = survey_->take();
  renderer_.submit([render = render_, s = std::make_shared<RelaySnapshot>(std::move(s))] {
    return render(std::move(*s));
  });
  return true;
}

}  // namespace smt::cmd
