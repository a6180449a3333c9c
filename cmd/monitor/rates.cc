#include "cmd/monitor/rates.h"

#include <algorithm>
#include <cmath>

namespace smt::cmd {
namespace {

// Head and size of the sample at `position`; its value is not touched.
struct Head {
  SampleHead sample;
  uint64_t bytes;
};
std::optional<Head> ReadHead(const TopicView& view, uint64_t position) {
  if (position < view.first_position)
    return std::nullopt;  // no sample yet; the empty slot would pass for one
  const layout::Slot* slot = view.slot(position);
  if (!SlotHolds(slot, position)) return std::nullopt;
  Head head;
  head.bytes = LoadSampleHead(slot, &head.sample);
  if (!StillHolds(slot, position, view.entry, view.generation) || head.bytes > view.max_bytes)
    return std::nullopt;
  return head;
}

void Merge(const Rate& more, Rate* rate) {
  if (more.seen != 0) {
    rate->min_bytes = rate->seen == 0 ? more.min_bytes : std::min(rate->min_bytes, more.min_bytes);
    rate->max_bytes = std::max(rate->max_bytes, more.max_bytes);
  }
  if (more.intervals != 0) {
    rate->min_ns = rate->intervals == 0 ? more.min_ns : std::min(rate->min_ns, more.min_ns);
    rate->max_ns = std::max(rate->max_ns, more.max_ns);
  }
  rate->published += more.published;
  rate->missed += more.missed;
  rate->seen += more.seen;
  rate->bytes += more.bytes;
  rate->intervals += more.intervals;
  rate->sum_ns += more.sum_ns;
  rate->sum_squares_ns += more.sum_squares_ns;
  rate->ages.add(more.ages);
}

}  // namespace

double Rate::jitter_ns() const {
  const double n = static_cast<double>(intervals);
  return std::sqrt(std::max(0.0, sum_squares_ns / n - mean_ns() * mean_ns()));
}

Rate& RateMeter::Of(const Writer& writer, Rates* rates) {
  Rate& rate = (*rates)[writer.view->name];
  rate.hops = writer.view->hops;
  rate.origin = writer.origin;
  return rate;
}

void RateMeter::Resolve(Node* node) {
  // The version first: what changes from here on is seen by the next look.
  node->directory_version = node->segment->directory_version();
  const uint32_t limit = node->segment->topic_limit();
  node->writers.resize(std::max<size_t>(node->writers.size(), limit));
  for (uint32_t i = 0; i < limit; ++i) {
    Writer& writer = node->writers[i];
    const uint64_t generation = node->segment->generation(i);
    if (writer.generation == generation) continue;
    std::optional<TopicView> view = node->segment->topic(i);
    const bool goes_on = view && writer.view && view->name == writer.view->name;
    writer.generation = generation;
    if (!view || !patterns_.matches(view->name)) {
      writer.view.reset();
      continue;
    }
    writer.view = std::move(view);
    writer.origin = std::make_shared<TopicOrigin>(node->segment->origin(*writer.view));
    Of(writer, &interval_);
    if (goes_on) continue;
    writer.position = LoadHead(*writer.view->counter);
    const std::optional<Head> head = ReadHead(*writer.view, writer.position);
    writer.last = head ? std::optional(head->sample) : std::nullopt;
    writer.last_position = writer.position;
  }
}

void RateMeter::TakeIn(Writer* writer) {
  const TopicView& view = *writer->view;
  const uint64_t newest = LoadHead(*view.counter);
  if (newest <= writer->position) return;
  Rate rate;
  rate.published = newest - writer->position;
  for (uint64_t at = std::max(writer->position + 1, view.oldest(newest)); at <= newest; ++at) {
    const std::optional<Head> head = ReadHead(view, at);
    if (!head) continue;
    rate.min_bytes = rate.seen == 0 ? head->bytes : std::min(rate.min_bytes, head->bytes);
    rate.max_bytes = std::max(rate.max_bytes, head->bytes);
    rate.bytes += head->bytes;
    ++rate.seen;
    rate.ages.add(AgeNs(head->sample.written_ns, head->sample.born_ns));
    if (writer->last && at == writer->last_position + 1) {
      const int64_t ns = head->sample.written_ns - writer->last->written_ns;
      rate.min_ns = rate.intervals == 0 ? ns : std::min(rate.min_ns, ns);
      rate.max_ns = std::max(rate.max_ns, ns);
      rate.sum_ns += static_cast<double>(ns);
      rate.sum_squares_ns += static_cast<double>(ns) * static_cast<double>(ns);
      ++rate.intervals;
    }
    if (writer->last && head->sample.sequence > writer->last->sequence) {
      const uint64_t sequences = head->sample.sequence - writer->last->sequence;
      const uint64_t positions = at - writer->last_position;
      if (sequences > positions) rate.missed += sequences - positions;
    }
    writer->last = head->sample;
    writer->last_position = at;
  }
  writer->position = newest;
  Merge(rate, &Of(*writer, &interval_));
  Merge(rate, &Of(*writer, &total_));
}

void RateMeter::look(const std::vector<std::shared_ptr<SegmentView>>& nodes) {
  std::erase_if(nodes_, [&](const auto& known) {
    return std::none_of(nodes.begin(), nodes.end(), [&](auto& node) { return node.get() == known.first; });
  });
  std::vector<uint32_t> changed;
  for (const auto& segment : nodes) {
    Node& node = nodes_[segment.get()];
    node.segment = segment;
    if (node.directory_version != segment->directory_version()) Resolve(&node);
    changed.clear();
    segment->scan(&node.seen, &changed);
    for (uint32_t i : changed) {
      if (i < node.writers.size() && node.writers[i].view) TakeIn(&node.writers[i]);
    }
  }
}

std::map<std::string, Rate> RateMeter::take() {
  std::map<std::string, Rate> taken = std::exchange(interval_, {});
  for (const auto& [segment, node] : nodes_) {
    for (const Writer& writer : node.writers) {
      if (writer.view && writer.view->live()) Of(writer, &interval_);
    }
  }
  return taken;
}

}  // namespace smt::cmd
