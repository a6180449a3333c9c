// smtrelay_client why: which hop, and there which rule, state or error, stops a topic.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/print_objects.h"
#include "cmd/cli/tool.h"
#include "cmd/client/client.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"
#include "relay/explain/trail.h"
#include "shm/domain.h"

namespace smt::cmd {
namespace {

// Of a topic that is there its way; of one that is nowhere, where it was looked for.
bool Shown(const relay::Route& way, const relay::Route::Step& step) {
  const proto::Verdict verdict = step.finding.verdict();
  if (verdict == proto::VERDICT_NO_ANSWER || verdict == proto::VERDICT_OTHER_NAME) return true;
  const proto::Side side = step.finding.side();
  return way.found ? step.on_way : side == proto::SIDE_HERE || side == proto::SIDE_LINK;
}

std::string RelayWords(const proto::Finding& f) { return fmt::format("{} ({})", f.relay(), f.role()); }

std::string RouteTable(const relay::Route& way) {
  std::vector<std::vector<std::string>> rows = {{"RELAY", "WHERE", "VERDICT", "TOPIC", "WHY"}};
  for (const relay::Route::Step& step : way.steps) {
    const proto::Finding& f = step.finding;
    if (!Shown(way, step)) continue;
    rows.push_back({RelayWords(f), relay::SideWords(f), std::string(relay::VerdictName(f.verdict())),
                    f.topic(), f.text()});
  }
  return FormatTable(rows);
}

Json FindingJson(const relay::Route& way, size_t i) {
  const proto::Finding& f = way.steps[i].finding;
  Json others = Json::array();
  for (const std::string& name : f.other_name()) others.push_back(Printable(name));
  return {{"relay", Printable(f.relay())},
          {"role", Printable(f.role())},
          {"place", way.steps[i].place ? Json(*way.steps[i].place) : Json(nullptr)},
          {"where", Printable(relay::SideWords(f))},
          {"peer", Printable(f.peer())},
          {"verdict", relay::VerdictName(f.verdict())},
          {"stops", way.cause == i},
          {"topic", Printable(f.topic())},
          {"age_ns", f.age_ns() < 0 ? Json(nullptr) : Json(f.age_ns())},
          {"text", Printable(f.text())},
          {"other_names", std::move(others)}};
}

// The sentence at the end.
std::string Verdict(const relay::Route& way, const std::string& topic) {
  const proto::Finding* f = way.stops();
  if (f == nullptr) {
    std::vector<std::string> notes;
    for (const relay::Route::Step& step : way.steps) {
      const proto::Verdict v = step.finding.verdict();
      if (v == proto::VERDICT_PASSES || (relay::Stops(v) && v != proto::VERDICT_OTHER_NAME)) continue;
      notes.push_back(fmt::format("{} {}: {}", step.finding.relay(), relay::SideWords(step.finding),
                                  step.finding.text()));
    }
    return fmt::format("{} passes everywhere{}{}", topic, notes.empty() ? "" : "; ", fmt::join(notes, "; "));
  }
  if (!way.found && f->side() == proto::SIDE_HERE && f->verdict() != proto::VERDICT_DENIED) {
    const std::string others = fmt::format("{}", fmt::join(f->other_name(), ", "));
    return fmt::format("{} is nowhere{}", topic,
                       others.empty() ? ""
                       : f->verdict() == proto::VERDICT_OTHER_NAME
                           ? fmt::format("; {} has {}", f->relay(), others)
                           : fmt::format("; did you mean {}?", others));
  }
  const std::string where =
      f->side() == proto::SIDE_SENDING && !f->peer().empty() ? fmt::format(", on the way to {}", f->peer())
      : f->side() == proto::SIDE_RECEIVING                   ? fmt::format(", on the way from {}", f->peer())
                                                             : "";
  return fmt::format("stopped at {}{}: {}", f->relay(), where, f->text());
}

int ExitCodeFor(const relay::Route& way, bool complete) {
  const proto::Finding* f = way.stops();
  if (f == nullptr) return complete ? kExitOk : kExitTimeout;
  switch (f->verdict()) {
    case proto::VERDICT_NO_ANSWER:
      return kExitTimeout;
    case proto::VERDICT_NO_TOPIC:
    case proto::VERDICT_OTHER_NAME:
      return complete ? kExitNoTopic : kExitTimeout;
    case proto::VERDICT_DENIED:
      return kExitDenied;
    default:
      return kExitFailure;
  }
}

int Why(const ClientOptions& options, const std::string& topic) {
  if (Status s = CheckTopicName(topic); !s.ok()) return Fail(s);
  Client client(options);
  if (Status s = client.dial(); !s.ok()) return Fail(s);
  if (const std::optional<int> end = client.meet()) return *end;
  const std::optional<relay::Relay::TraceResult> trail = client.trace(topic);
  if (!trail) return kExitOk;
  if (trail->peers == 0) {
    return Fail(kExitTimeout, fmt::format("{} has not answered within {}; --timeout gives it longer",
                                          options.connect, DurationText(options.timeout_ns)));
  }
  const relay::Route way = relay::FindRoute(trail->findings);
  if (options.format == Format::kTable) {
    Print(RouteTable(way) + Printable(Verdict(way, topic)) + "\n");
  } else {
    std::vector<Json> objects;
    for (size_t i = 0; i < way.steps.size(); ++i) objects.push_back(FindingJson(way, i));
    PrintObjects(objects, options.format);
  }
  const int code = ExitCodeFor(way, trail->complete);
  if (code == kExitTimeout)
    return Fail(code, "not all relays have answered in time: there may be more to find");
  return code;
}

}  // namespace

void AddClientWhy(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto topic = std::make_shared<std::string>();
  verb->add_option("TOPIC", *topic, "As the relay at EP names it")->required();
  verb->callback([=, &options] { *run = [=, &options] { return Why(options, *topic); }; });
}

}  // namespace smt::cmd
