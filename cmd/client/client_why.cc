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
#include "relay/explain/route.h"
#include "shm/domain.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// Of a topic that is there its way; of one that is nowhere, where it was looked for.
bool shown(const relay::Route& route, const relay::Route::Step& step) {
  const proto::Verdict verdict = step.finding.verdict();
  if (verdict == proto::VERDICT_NO_ANSWER || verdict == proto::VERDICT_OTHER_NAME) return true;
  const proto::Side side = step.finding.side();
  return route.found ? step.on_way : side == proto::SIDE_HERE || side == proto::SIDE_LINK;
}

std::string relay_words(const proto::Finding& f) { return fmt::format("{} ({})", f.relay(), f.role()); }

std::string route_table(const relay::Route& route) {
  std::vector<std::vector<std::string>> rows = {{"RELAY", "WHERE", "VERDICT", "TOPIC", "WHY"}};
  for (const relay::Route::Step& step : route.steps) {
    const proto::Finding& f = step.finding;
    if (!shown(route, step)) continue;
    rows.push_back({relay_words(f), relay::side_words(f), std::string(relay::verdict_name(f.verdict())),
                    f.topic(), f.text()});
  }
  return format_table(rows);
}

Json finding_json(const relay::Route& route, size_t i) {
  const proto::Finding& f = route.steps[i].finding;
  Json others = Json::array();
  for (const std::string& name : f.other_name()) others.push_back(name);
  return {{"relay", f.relay()},
          {"role", f.role()},
          {"place", route.steps[i].place ? Json(*route.steps[i].place) : Json(nullptr)},
          {"where", relay::side_words(f)},
          {"peer", f.peer()},
          {"verdict", relay::verdict_name(f.verdict())},
          {"stops", route.cause == i},
          {"topic", f.topic()},
          {"age_ns", f.age_ns() < 0 ? Json(nullptr) : Json(f.age_ns())},
          {"text", f.text()},
          {"other_names", std::move(others)}};
}

// The sentence at the end.
std::string verdict_text(const relay::Route& route, const std::string& topic) {
  const proto::Finding* f = route.stops();
  if (f == nullptr) {
    std::vector<std::string> notes;
    for (const relay::Route::Step& step : route.steps) {
      const proto::Verdict v = step.finding.verdict();
      if (v == proto::VERDICT_PASSES || (relay::stops(v) && v != proto::VERDICT_OTHER_NAME)) continue;
      notes.push_back(fmt::format("{} {}: {}", step.finding.relay(), relay::side_words(step.finding),
                                  step.finding.text()));
    }
    return fmt::format("{} passes everywhere{}{}", topic, notes.empty() ? "" : "; ", fmt::join(notes, "; "));
  }
  if (!route.found && f->side() == proto::SIDE_HERE && f->verdict() != proto::VERDICT_DENIED) {
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

int exit_code_for(const relay::Route& route, bool complete) {
  const proto::Finding* f = route.stops();
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

int run_why(const ClientOptions& options, const std::string& topic) {
  require_output();
  if (Status s = check_topic_name(topic); !s.ok()) return fail(s);
  Client client(options);
  if (Status s = client.dial(); !s.ok()) return fail(s);
  if (const std::optional<int> end = client.meet()) return *end;
  const std::optional<relay::Relay::TraceResult> trail = client.trace(topic);
  if (!trail) return kExitOk;
  if (trail->peers == 0) {
    return fail(kExitTimeout, fmt::format("{} has not answered within {}; --timeout gives it longer",
                                          options.connect, duration_text(options.timeout_ns)));
  }
  const relay::Route route = relay::find_route(trail->findings);
  if (options.format == Format::kTable) {
    print_text(route_table(route) + printable(verdict_text(route, topic)) + "\n");
  } else {
    std::vector<Json> objects;
    for (size_t i = 0; i < route.steps.size(); ++i) objects.push_back(finding_json(route, i));
    print_objects(objects, options.format);
  }
  const int code = exit_code_for(route, trail->complete);
  if (code == kExitTimeout)
    return fail(code, "not all relays have answered in time: there may be more to find");
  return code;
}

}  // namespace

void add_client_why(CLI::App* verb, const ClientOptions& options, Run* run) {
  auto topic = std::make_shared<std::string>();
  verb->add_option("TOPIC", *topic, "As the relay at EP names it")->required();
  verb->callback([=, &options] { *run = [=, &options] { return run_why(options, *topic); }; });
}

}  // namespace smt::cmd
