#include "cmd/relays/relay_serve.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/output.h"
#include "cmd/cli/service_notifier.h"
#include "cmd/cli/tool.h"
#include "cmd/config/config_print.h"
#include "cmd/metrics/metrics_server.h"
#include "cmd/relays/audit.h"
#include "cmd/relays/config_reload.h"
#include "cmd/relays/impair.h"
#include "cmd/relays/relay_explain.h"
#include "cmd/relays/relay_service.h"
#include "cmd/serve/engine_options.h"
#include "cmd/serve/pattern_watch.h"
#include "cmd/serve/peer_links.h"
#include "cmd/serve/relay_loop.h"
#include "cmd/text/commands.h"
#include "cmd/text/text.h"
#include "relay/store/mem_store.h"
#include "relay/store/shm_store.h"
#include "shm/clock.h"
#include "shm/domain.h"
#include "shm/printable.h"
#include "shm/segment_view.h"

namespace smt::cmd {
namespace {

std::string counted(size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

StopOn signals_of(const ConfigFlags& flags, const RelayConfig& config) {
  return reloads_on_hangup(flags, config) ? StopOn::kSignalButHangUp : StopOn::kSignal;
}

// Releases before this one called the mirror of a relay without a name after the host.
void report_former_mirror(const Domain& domain, const RelayConfig& config) {
  if (config.receive.empty() || is_named(config)) return;
  const std::string node = std::string(relay::kMirrorPrefix) + config.name;
  const Result<std::shared_ptr<SegmentView>> view = SegmentView::open(domain, node);
  if (!view.ok() || !(*view)->mirror() || (*view)->owner_alive()) return;
  spdlog::warn(
      "no relay has node {}, which an earlier release mirrored into, and its topics are link-down; run "
      "`{}`, which frees {}",
      node, removal_command(config.domain, {node}), bytes_text((*view)->reserved_bytes()));
}

LoopOptions loop_options(const ConfigFlags& flags, const RelayConfig& config, int stop_fd,
                         std::vector<int> wake_fds) {
  return {.spin = config.spin,
          .stop_fd = stop_fd,
          .wake_fds = std::move(wake_fds),
          .log = tool_log(),
          .impair = flags.impair,
          .keys = config.keyring};
}

// Publishes counters there; a warning and none where that cannot be.
std::optional<RelayCounters> counters_of(const Domain& domain, const RelayConfig& config) {
  Result<std::unique_ptr<CounterSink>> sink = counters_in_domain(domain, config);
  Status failed = sink.status();
  if (sink.ok()) {
    Result<RelayCounters> counters = RelayCounters::open(std::move(*sink), config, tool_log());
    if (counters.ok()) return std::move(*counters);
    failed = counters.status();
  }
  spdlog::warn("the counters are not published: {}", failed.message());
  return std::nullopt;
}

// Null: nobody is to be told.
Result<std::unique_ptr<MetricsServer>> open_metrics(const RelayConfig& config, const relay::Store* store) {
  if (config.metrics.empty()) return std::unique_ptr<MetricsServer>();
  MetricsOptions options{config.metrics,
                         config.ready,
                         config.metrics_names,
                         config.name,
                         std::string(role_name(config.role)),
                         {},
                         nullptr};
  if (config.role == Role::kProxy) {
    options.store = store;
  } else {
    options.domain = config.domain;
  }
  Result<std::unique_ptr<MetricsServer>> server = MetricsServer::open(options, boottime_ns());
  if (server.ok()) spdlog::info("metrics are at http://{}/metrics", (*server)->address());
  return server;
}

std::vector<int> wake_fds_of(const ConfigReload& reload, const AuditFile& audit,
                             const MetricsServer* metrics) {
  std::vector<int> fds = {reload.fd(), audit.fd()};
  if (metrics == nullptr) return fds;
  for (const int fd : metrics->fds()) fds.push_back(fd);
  return fds;
}

void log_change(const PeerLinks::Count& count, const RelayLoop& loop) {
  if (count.added + count.removed + count.changed == 0) return;
  spdlog::info("peers: {} added, {} removed, {} changed; they are now {}", count.added, count.removed,
               count.changed, fmt::join(loop.endpoints(), " "));
}

void prepare_process() {
  write_in_background();
  raise_file_limit();
  keep_large_blocks();
}

}  // namespace

int run_configured(CLI::App& app, int argc, char** argv, const ConfigFlags& flags,
                   const std::function<int(const RelayConfig&)>& run) {
  return run_tool(app, argc, argv, ToolOptions(), [&] {
    ConfigErrors errors;
    const RelayConfig config = load_config(flags, &errors);
    for (const std::string& line : errors.lines()) spdlog::error("{}", line);
    if (!errors.empty()) {
      ServiceNotifier::from_environment(tool_log()).status(errors.lines().front());
      return kExitUsage;
    }
    spdlog::set_level(spdlog::level::from_str(config.log));
    if (flags.check) {
      const size_t rules = config.send.size() + config.receive.size() + config.write.size() +
                           config.allow.size() + config.deny.size();
      print_note(fmt::format("ok {}: {}, {}\n", flags.file.empty() ? "flags" : printable(flags.file),
                             counted(config.peers.size(), "peer"), counted(rules, "rule")));
      return kExitOk;
    }
    if (flags.print) {
      print_text(printable(print_config(config), LineBreaks::kAll));
      return kExitOk;
    }
    return run(config);
  });
}

int run_relay(const char* tool, const char* what, Role role, int argc, char** argv,
              const std::function<int(const ConfigFlags&, const RelayConfig&)>& serve) {
  CLI::App app(what, tool);
  ConfigFlags flags;
  flags.role = role;
  add_config_flags(app, &flags);
  return run_configured(app, argc, argv, flags, [&](const RelayConfig& config) {
    if (!flags.explain) return serve(flags, config);
    if (Status s = check_topic_name(*flags.explain); !s.ok()) return fail(s);
    print_text(printable(explain_topic(config, *flags.explain), LineBreaks::kAll));
    return kExitOk;
  });
}

int serve_domain(const ConfigFlags& flags, const RelayConfig& config) {
  const Stop stop(signals_of(flags, config));
  Result<Domain> domain = open_to_publish(config.domain);
  if (!domain.ok()) return fail(domain.status());
  Result<std::unique_ptr<relay::Store>> store = relay::ShmStore::open(*domain, mirror_options(config));
  if (!store.ok()) return fail(store.status());
  Result<Id128> id = domain->origin_id();
  if (!id.ok()) return fail(id.status());
  report_former_mirror(*domain, config);
  relay::RelayOptions relay = engine_options(config);
  relay.origin_id = *id;
  std::optional<RelayCounters> counters = counters_of(*domain, config);
  LossWatch losses(*domain, tool_log(), config.on_lost);
  losses.add({[&] { return (*store)->healthy(); }, [&] { return (*store)->remake(); }});
  if (counters) losses.add(counters->node());
  return serve_relay(store->get(), std::move(relay), flags, config, stop, std::move(counters), &losses);
}

int serve_memory(const ConfigFlags& flags, const RelayConfig& config) {
  const Stop stop(signals_of(flags, config));
  relay::MemStore store;
  relay::RelayOptions relay = engine_options(config);
  relay.origin_id = random_id();
  Result<RelayCounters> counters =
      RelayCounters::open(counters_in_store(&store, config, relay.origin_id), config, tool_log());
  if (!counters.ok()) return fail(counters.status());
  return serve_relay(&store, relay, flags, config, stop, std::move(*counters));
}

int serve_relay(relay::Store* store, relay::RelayOptions relay, const ConfigFlags& flags,
                const RelayConfig& config, const Stop& stop, std::optional<RelayCounters> counters,
                LossWatch* losses) {
  prepare_process();
  std::optional<RelayLoop> loop;
  std::optional<PeerLinks> peers;
  Result<std::unique_ptr<MetricsServer>> metrics = open_metrics(config, store);
  if (!metrics.ok()) return fail(metrics.status());
  const Result<std::unique_ptr<AuditFile>> opened = AuditFile::open(
      config.audit,
      [&](auto severity, const auto& key, const std::string& text) { loop->log(severity, key, text); });
  if (!opened.ok()) return fail(opened.status());
  AuditFile& audit = **opened;
  relay.audit = &audit;
  std::shared_ptr<const relay::Keyring> keys = config.keyring;  // in force
  const auto use = [&](const std::shared_ptr<const relay::Keyring>& keyring) {
    if (keyring == nullptr) return;
    if (Status s = loop->change_keys(keyring); !s.ok()) spdlog::error("{}", s.message());
  };
  PatternWatch patterns(tool_log());
  patterns.begin(config, boottime_ns());
  const auto apply = [&](const RelayConfig& now) {
    // All of it or nothing: what may fail comes first. A new peer is dialled with its new key.
    use(now.keyring);
    Result<PeerLinks::Change> change = peers->prepare(now.peers);
    if (!change.ok()) return use(keys), change.status();
    relay::RelayOptions rules = engine_options(now);
    if (Status s = loop->engine().configure(std::move(rules.send), std::move(rules.receive),
                                            std::move(rules.cache), std::move(rules.write), rules.access);
        !s.ok())
      return use(keys), s;
    keys = now.keyring;
    if (keys != nullptr) loop->engine().change_keys(keys);
    patterns.begin(now, boottime_ns());
    log_change(peers->apply(std::move(*change)), *loop);
    return Status();
  };
  RelayService service(ServiceNotifier::from_environment(tool_log()));
  ConfigReload reload(flags, config, apply, [&] { service.begin_reload(), audit.look_for_file(); });
  loop.emplace(store, std::move(relay),
               loop_options(flags, config, stop.fd(), wake_fds_of(reload, audit, metrics->get())));
  if (flags.impair) spdlog::warn("every link is impaired on purpose: {}", impairment_text(*flags.impair));
  peers.emplace(&*loop);
  Result<PeerLinks::Change> links = peers->prepare(config.peers);
  if (!links.ok()) return fail(links.status());
  peers->apply(std::move(*links));
  print_note(fmt::format("ready {} {}\n", config.name, fmt::join(loop->endpoints(), " ")));
  loop->run([&](int64_t now) -> std::optional<int64_t> {
    audit.poll();
    if (!reload.poll(now) || (losses != nullptr && !losses->look(now))) return std::nullopt;
    return std::min(
        {patterns.look(&loop->engine(), now), counters ? counters->publish(loop->engine(), now) : kNever,
         *metrics != nullptr ? (*metrics)->step(loop->engine(), now) : kNever,
         service.look(*loop, reload.failure(), now), losses != nullptr ? losses->due_ns() : kNever});
  });
  service.stop();
  loop->engine().end_writes(boottime_ns());
  audit.drain(exit_wait_ns());
  return losses == nullptr ? kExitOk : exit_code_after(losses->failure());
}

}  // namespace smt::cmd
