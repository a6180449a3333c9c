// smttopic hz, bw: how often, how regularly and how much topics are published.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "cmd/text/text.h"
#include "cmd/topic/measure.h"
#include "cmd/topic/topic_verbs.h"

namespace smt::cmd {
namespace {

std::string per(const Rate& rate, double seconds) {
  return fmt::format("{:.4g}", static_cast<double>(rate.published) / seconds);
}

std::vector<std::string> hz_row(const std::string& topic, const Rate& r, double seconds) {
  if (r.intervals == 0) return {topic, per(r, seconds), "-", "-", "-", "-", fmt::format("{}", r.missed)};
  return {topic,
          per(r, seconds),
          duration_text(std::llround(r.mean_ns())),
          duration_text(r.min_ns),
          duration_text(r.max_ns),
          duration_text(std::llround(r.jitter_ns())),
          fmt::format("{}", r.missed)};
}

Json hz_object(const std::string& topic, const Rate& r, double seconds) {
  const auto told = [&](auto ns) { return r.intervals == 0 ? Json(nullptr) : Json(std::llround(ns)); };
  return {{"topic", topic},
          {"hz", static_cast<double>(r.published) / seconds},
          {"published", r.published},
          {"mean_ns", told(r.sum_ns / std::max(1.0, static_cast<double>(r.intervals)))},
          {"min_ns", told(static_cast<double>(r.min_ns))},
          {"max_ns", told(static_cast<double>(r.max_ns))},
          {"jitter_ns", told(r.intervals == 0 ? 0 : r.jitter_ns())},
          {"missed", r.missed}};
}

std::vector<std::string> bw_row(const std::string& topic, const Rate& r, double seconds) {
  const auto told = [&](double bytes) { return r.seen == 0 ? "-" : bytes_text(std::llround(bytes)); };
  return {topic,
          bytes_text(std::llround(r.bytes_per_s(seconds))) + "/s",
          per(r, seconds),
          told(r.seen == 0 ? 0 : r.mean_bytes()),
          told(static_cast<double>(r.min_bytes)),
          told(static_cast<double>(r.max_bytes))};
}

Json bw_object(const std::string& topic, const Rate& r, double seconds) {
  const auto told = [&](double bytes) { return r.seen == 0 ? Json(nullptr) : Json(bytes); };
  return {{"topic", topic},
          {"bytes_per_s", r.bytes_per_s(seconds)},
          {"hz", static_cast<double>(r.published) / seconds},
          {"published", r.published},
          {"mean_bytes", told(r.seen == 0 ? 0 : r.mean_bytes())},
          {"min_bytes", r.seen == 0 ? Json(nullptr) : Json(r.min_bytes)},
          {"max_bytes", r.seen == 0 ? Json(nullptr) : Json(r.max_bytes)}};
}

const MeasureView kHz = {{"TOPIC", "HZ", "MEAN", "MIN", "MAX", "JITTER", "MISSED"}, hz_row, hz_object};
const MeasureView kBw = {{"TOPIC", "RATE", "HZ", "MEAN", "MIN", "MAX"}, bw_row, bw_object};

}  // namespace

void add_hz(CLI::App* verb, const ToolOptions& tool, Run* run) { add_measure(tool, run, kHz, verb); }

void add_bw(CLI::App* verb, const ToolOptions& tool, Run* run) { add_measure(tool, run, kBw, verb); }

}  // namespace smt::cmd
