// smtdemo_host: publishes this machine's load, processors, memory and network as topics, until SIGINT.
#include <CLI/CLI.hpp>

#include "cmd/cli/tool.h"
#include "cmd/demo/proc.h"
#include "cmd/demo/publish.h"

using namespace smt::demo;  // NOLINT: a main

namespace {

int PublishAll(const smt::DomainOptions& options) {
  Pace pace(100 * kMs);  // first, so that a signal ends this cleanly from here on
  const smt::Domain domain = Must(smt::Domain::open(options));
  const auto node = Must(smt::Node::open(domain, {.name = "host"}));
  auto cpu = Advertise<Cpu>(*node, kHostTopics, "host/cpu");
  auto network = Advertise<Network>(*node, kHostTopics, "host/network");
  auto load = Advertise<Load>(*node, kHostTopics, "host/load");
  auto memory = Advertise<Memory>(*node, kHostTopics, "host/memory");
  auto uptime = Advertise<Uptime>(*node, kHostTopics, "host/uptime");

  Proc proc;
  for (int64_t tick = 0; pace.tick(); ++tick) {
    Publish(cpu, proc.cpu());
    Publish(network, proc.network());
    if (tick % 10 != 0) continue;
    Publish(load, proc.load());
    Publish(memory, proc.memory());
    Publish(uptime, proc.uptime());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Publishes this machine's telemetry under host/, until SIGINT.", "smtdemo_host");
  smt::cmd::ToolOptions options;
  smt::cmd::AddCommonFlags(app, &options);
  return smt::cmd::RunTool(app, argc, argv, options, [&] { return PublishAll(options.domain); });
}
