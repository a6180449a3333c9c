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
std::optional<Head> read_head(const TopicView& view, uint64_t position) {
  if (position < view.first_position)
    return std::nullopt;  // no sample yet; the empty slot would pass for one
  uint64_t bytes;
  const std::optional<SampleHead> sample = peek_sample(view, position, &bytes);
  if (!sample || bytes > view.max_bytes) return std::nullopt;
  return Head{*sample, bytes};
}

void merge_rate(const Rate& more, Rate* rate) {
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

Rate& RateMeter::of(const Writer& writer, Rates* rates) {
  Rate& rate = (*rates)[writer.view->name];
  rate.hops = writer.view->hops;
  rate.origin = writer.origin;
  return rate;
}

void RateMeter::resolve(Node* node) {
  std::map<uint32_t, Writer> replaced;  // by index
  while (std::optional<DirectoryCursor::Change> change = node->directory.next(*node->segment)) {
    if (node->writers.size() <= change->index) node->writers.resize(node->directory.limit());
    Writer& writer = node->writers[change->index];
    if (!change->topic) {
      std::swap(replaced[change->index], writer);
      continue;
    }
    if (!patterns_.matches(change->topic->name)) continue;
    // A topic that grew, or was advertised anew: its counter goes on.
    const auto before = replaced.find(change->index);
    const bool goes_on =
        before != replaced.end() && before->second.view && before->second.view->name == change->topic->name;
    if (goes_on) writer = std::move(before->second);
    writer.view = std::move(change->topic);
    writer.origin = std::make_shared<TopicOrigin>(node->segment->origin(*writer.view));
    of(writer, &interval_);
    if (goes_on) continue;
    writer.position = read_newest_head(*writer.view->counter);
    const std::optional<Head> head = read_head(*writer.view, writer.position);
    writer.last = head ? std::optional(head->sample) : std::nullopt;
    writer.last_position = writer.position;
  }
}

void RateMeter::take_in(Writer* writer) {
  const TopicView& view = *writer->view;
  const uint64_t newest = read_newest_head(*view.counter);
  if (newest <= writer->position) return;
  Rate rate;
  rate.published = newest - writer->position;
  for (uint64_t at = std::max(writer->position + 1, view.oldest(newest)); at <= newest; ++at) {
    const std::optional<Head> head = read_head(view, at);
    if (!head) continue;
    rate.min_bytes = rate.seen == 0 ? head->bytes : std::min(rate.min_bytes, head->bytes);
    rate.max_bytes = std::max(rate.max_bytes, head->bytes);
    rate.bytes += head->bytes;
    ++rate.seen;
    rate.ages.add(age_at(head->sample.written_ns, head->sample.born_ns));
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
  merge_rate(rate, &of(*writer, &interval_));
  merge_rate(rate, &of(*writer, &total_));
}

void RateMeter::look(const std::vector<std::shared_ptr<SegmentView>>& nodes) {
  std::erase_if(nodes_, [&](const auto& known) {
    return std::none_of(nodes.begin(), nodes.end(), [&](auto& node) { return node.get() == known.first; });
  });
  std::vector<uint32_t> changed;
  for (const auto& segment : nodes) {
    Node& node = nodes_[segment.get()];
    node.segment = segment;
    resolve(&node);
    changed.clear();
    segment->scan(&node.seen, &changed);
    for (uint32_t i : changed) {
      if (i < node.writers.size() && node.writers[i].view) take_in(&node.writers[i]);
    }
  }
}

std::map<std::string, Rate> RateMeter::take() {
  std::map<std::string, Rate> taken = std::exchange(interval_, {});
  for (const auto& [segment, node] : nodes_) {
    for (const Writer& writer : node.writers) {
      if (writer.view && writer.view->live()) of(writer, &interval_);
    }
  }
  return taken;
}

}  // namespace smt::cmd
