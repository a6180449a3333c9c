// smttopic delay: how old samples were when they came into this memory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cmd/text/text.h"
#include "cmd/topic/measure.h"
#include "cmd/topic/topic_verbs.h"

namespace smt::cmd {
namespace {

std::string host_of(const Rate& r) { return r.origin == nullptr ? "" : r.origin->host; }

std::vector<std::string> delay_row(const std::string& topic, const Rate& r, double) {
  const auto told = [&](int64_t ns) { return r.ages.count() == 0 ? "-" : duration_text(ns); };
  return {topic,
          fmt::format("{}", r.ages.count()),
          told(r.ages.quantile(0.5)),
          told(r.ages.quantile(0.99)),
          told(r.ages.max()),
          fmt::format("{}", r.hops),
          host_of(r)};
}

Json delay_object(const std::string& topic, const Rate& r, double) {
  const auto told = [&](int64_t ns) { return r.ages.count() == 0 ? Json(nullptr) : Json(ns); };
  return {{"topic", topic},
          {"samples", r.ages.count()},
          {"p50_ns", told(r.ages.quantile(0.5))},
          {"p99_ns", told(r.ages.quantile(0.99))},
          {"max_ns", told(r.ages.max())},
          {"hops", r.hops},
          {"host", host_of(r)}};
}

const MeasureView kDelay = {
    {"TOPIC", "SAMPLES", "AGE p50", "AGE p99", "AGE max", "HOPS", "FROM"}, delay_row, delay_object};

}  // namespace

void add_delay(CLI::App* verb, const ToolOptions& tool, Run* run) { add_measure(tool, run, kDelay, verb); }

}  // namespace smt::cmd
