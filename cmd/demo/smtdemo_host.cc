// smtdemo_host: publishes this machine's load, processors, memory and network as topics, until SIGINT.
#include <CLI/CLI.hpp>

#include "cmd/cli/tool.h"
#include "cmd/demo/proc.h"
#include "cmd/demo/publish.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

int publish_all(const smt::DomainOptions& options) {
  Pace pace(100 * kMs);  // first, so that a signal ends this cleanly from here on
  const smt::Domain domain = must(smt::Domain::open(options));
  const auto node = must(smt::Node::open(domain, {.name = "host"}));
  auto cpu = advertise<Cpu>(*node, kHostTopics, "host/cpu");
  auto network = advertise<Network>(*node, kHostTopics, "host/network");
  auto load = advertise<Load>(*node, kHostTopics, "host/load");
  auto memory = advertise<Memory>(*node, kHostTopics, "host/memory");
  auto uptime = advertise<Uptime>(*node, kHostTopics, "host/uptime");

  Proc proc;
  for (int64_t tick = 0; pace.tick(); ++tick) {
    publish(cpu, proc.cpu());
    publish(network, proc.network());
    if (tick % 10 != 0) continue;
    publish(load, proc.load());
    publish(memory, proc.memory());
    publish(uptime, proc.uptime());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Publishes this machine's telemetry under host/, until SIGINT.", "smtdemo_host");
  smt::cmd::ToolOptions options;
  smt::cmd::add_common_flags(app, &options);
  return smt::cmd::run_tool(app, argc, argv, options, [&] { return publish_all(options.domain); });
}
