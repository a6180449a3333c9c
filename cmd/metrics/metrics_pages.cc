#include "cmd/metrics/metrics_pages.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>
#include <vector>

#include "cmd/metrics/counter_rows.h"
#include "cmd/metrics/readiness.h"
#include "cmd/metrics/status_json.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

using Label = prometheus::ClientMetric::Label;
using Labels = std::vector<Label>;
using prometheus::MetricType;

class Families {
 public:
  void add(MetricType type, const std::string& name, std::string_view help, double value,
           Labels labels = {}) {
    if (families_.empty() || families_.back().name != name)
      families_.push_back({name, std::string(help), type, {}});
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void gauge(const std::string& name, std::string_view help, double value, Labels labels = {}) {
    add(MetricType::Gauge, name, help, value, std::move(labels));
  }
  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  std::vector<prometheus::MetricFamily> families_;
};

double seconds(int64_t ns) { return static_cast<double>(ns) / 1e9; }

void add_counters(const RelaySnapshot& s, Families* out) {
  for (const CounterRow& row : counter_rows()) {
    const double value = static_cast<double>(row.get(s));
    const bool gauge = row.kind == CounterRow::Kind::kGauge || row.kind == CounterRow::Kind::kNanoseconds;
    Labels labels;
    if (!row.reason().empty()) labels.push_back({"reason", std::string(row.reason())});
    out->add(gauge ? MetricType::Gauge : MetricType::Counter, row.metric(), row.help,
             row.kind == CounterRow::Kind::kNanoseconds ? value / 1e9 : value, std::move(labels));
  }
  out->gauge("smtrelay_outbound_pending", "Publications that have been counted and have no outcome yet",
             static_cast<double>(pending_outbound(s.counters.outbound)));
}

void add_relay(const RelaySnapshot& s, bool ready, Families* out) {
  out->gauge("smtrelay_build_info", "1, with the version and the role of the relay", 1,
             {{"version", s.version}, {"role", s.role}});
  out->gauge("smtrelay_uptime_seconds", "For how long the relay has run", seconds(s.taken_ns - s.started_ns));
  out->gauge("smtrelay_ready", "1: the relay is ready, as /readyz says", ready ? 1 : 0);
  out->gauge("smtrelay_peers", "Peers that are there", static_cast<double>(s.peers.size()));
  const auto silent = std::count_if(s.dialed.begin(), s.dialed.end(), [](const auto& d) {
    return d.stands == relay::DialedEndpoint::Stands::kSilent;
  });
  out->gauge("smtrelay_endpoints_silent", "Endpoints that are dialled and do not answer",
             static_cast<double>(silent));
  const auto states = count_states(s);
  for (const State state : {State::kEmpty, State::kFresh, State::kStale, State::kSourceDead, State::kLinkDown,
                            State::kSubstituted}) {
    out->gauge("smtrelay_topics", "Topics in the memory of this relay, by state",
               static_cast<double>(states[static_cast<size_t>(state)]),
               {{"state", std::string(state_name(state))}});
  }
}

void add_peers(const RelaySnapshot& s, Families* out) {
  for (const relay::PeerInfo& p : s.peers) {
    if (p.rtt_ns == 0) continue;
    out->gauge("smtrelay_peer_round_trip_seconds", "How long a message to the peer and back takes",
               seconds(p.rtt_ns), {{"peer", printable(p.name)}, {"endpoint", printable(p.endpoint)}});
  }
}

void add_topics(const std::vector<const TopicStatus*>& topics, Families* out) {
  out->gauge("smtrelay_topics_named", "Topics that have labels here; the others are counted only",
             static_cast<double>(topics.size()));
  const auto label = [](const TopicStatus* t) { return Labels{{"topic", printable(t->name)}}; };
  for (const TopicStatus* t : topics) {
    out->gauge("smtrelay_topic_fresh", "1: the topic is fresh", t->state == State::kFresh ? 1 : 0, label(t));
  }
  for (const TopicStatus* t : topics) {
    if (t->age_ns)
      out->gauge("smtrelay_topic_age_seconds", "Age of the newest sample", seconds(*t->age_ns), label(t));
  }
  for (const TopicStatus* t : topics) {
    out->add(MetricType::Counter, "smtrelay_topic_publications_total",
             "Sequence of the newest sample: how often the source has published the topic",
             static_cast<double>(t->sequence), label(t));
  }
}

// At most kMaxTopicLabels: first those that matter for /readyz, then those that others may see.
std::vector<const TopicStatus*> named_topics(const RelaySnapshot& s, const MetricsNames& names, bool local) {
  std::vector<std::pair<int, const TopicStatus*>> ranked;
  for (const TopicStatus& topic : s.topics) {
    const bool open = names.open.matches(topic.name), matters = names.ready.matches(topic.name);
    if (local ? is_system_topic(topic) && !open && !matters : !open) continue;
    ranked.emplace_back(matters ? 0 : open ? 1 : 2, &topic);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const TopicStatus*> topics;
  for (const auto& [rank, topic] : ranked) {
    if (topics.size() < kMaxTopicLabels) topics.push_back(topic);
  }
  return topics;
}

MetricsView view_of(const RelaySnapshot& s, const MetricsNames& names, const Unready& unready, bool local) {
  const bool named = local || names.has_open;
  const std::vector<const TopicStatus*> topics = named_topics(s, names, local);
  MetricsView view;
  view.unready = local ? unready.named : unready.unnamed;
  Families families;
  add_relay(s, unready.named.empty(), &families);
  add_counters(s, &families);
  if (named) add_peers(s, &families);
  if (named) add_topics(topics, &families);
  view.metrics = std::make_shared<const std::string>(families.text());
  if (named) view.status = std::make_shared<const std::string>(status_json(s, topics, view.unready));
  return view;
}

}  // namespace

MetricsPages render_pages(const RelaySnapshot& snapshot, const MetricsNames& names) {
  const Unready unready = find_unready(snapshot, names.ready);
  return {view_of(snapshot, names, unready, true), view_of(snapshot, names, unready, false),
          snapshot.taken_ns};
}

}  // namespace smt::cmd
