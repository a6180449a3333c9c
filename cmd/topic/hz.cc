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

std::string Per(const Rate& rate, double seconds) {
  return fmt::format("{:.4g}", static_cast<double>(rate.published) / seconds);
}

std::vector<std::string> HzRow(const std::string& topic, const Rate& r, double seconds) {
  if (r.intervals == 0) return {topic, Per(r, seconds), "-", "-", "-", "-", fmt::format("{}", r.missed)};
  return {topic,
          Per(r, seconds),
          DurationText(std::llround(r.mean_ns())),
          DurationText(r.min_ns),
          DurationText(r.max_ns),
          DurationText(std::llround(r.jitter_ns())),
          fmt::format("{}", r.missed)};
}

Json HzObject(const std::string& topic, const Rate& r, double seconds) {
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

std::vector<std::string> BwRow(const std::string& topic, const Rate& r, double seconds) {
  const auto told = [&](double bytes) { return r.seen == 0 ? "-" : BytesText(std::llround(bytes)); };
  return {topic,
          BytesText(std::llround(r.bytes_per_s(seconds))) + "/s",
          Per(r, seconds),
          told(r.seen == 0 ? 0 : r.mean_bytes()),
          told(static_cast<double>(r.min_bytes)),
          told(static_cast<double>(r.max_bytes))};
}

Json BwObject(const std::string& topic, const Rate& r, double seconds) {
  const auto told = [&](double bytes) { return r.seen == 0 ? Json(nullptr) : Json(bytes); };
  return {{"topic", topic},
          {"bytes_per_s", r.bytes_per_s(seconds)},
          {"hz", static_cast<double>(r.published) / seconds},
          {"published", r.published},
          {"mean_bytes", told(r.seen == 0 ? 0 : r.mean_bytes())},
          {"min_bytes", r.seen == 0 ? Json(nullptr) : Json(r.min_bytes)},
          {"max_bytes", r.seen == 0 ? Json(nullptr) : Json(r.max_bytes)}};
}

const MeasureView kHz = {{"TOPIC", "HZ", "MEAN", "MIN", "MAX", "JITTER", "MISSED"}, HzRow, HzObject};
const MeasureView kBw = {{"TOPIC", "RATE", "HZ", "MEAN", "MIN", "MAX"}, BwRow, BwObject};

}  // namespace

void AddHz(CLI::App* verb, const ToolOptions& tool, Run* run) { AddMeasure(tool, run, kHz, verb); }

void AddBw(CLI::App* verb, const ToolOptions& tool, Run* run) { AddMeasure(tool, run, kBw, verb); }

}  // namespace smt::cmd
