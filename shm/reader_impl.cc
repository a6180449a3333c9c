#include "shm/reader_impl.h"

#include <algorithm>
#include <cstring>

#include "shm/ordering.h"

namespace smt {

void ReaderImpl::resolve() {
  std::vector<TopicView> found = view_of(domain).find(topic);
  std::vector<Writer> fresh;
  mismatch = Status();
  for (TopicView& v : found) {
    if (options.schema && v.schema_hash != options.schema->hash()) {
      Result<Schema> schema = v.segment->schema(v);
      if (schema.ok()) {
        mismatch =
            Status(Code::kMismatch, "topic " + topic + " of node " + v.segment->node() +
                                        " has another type\n  " + schema_diff(*options.schema, *schema));
      } else {
        mismatch = schema.status();
      }
      continue;
    }
    Writer w;
    w.view = std::move(v);
    w.pin = internal::Pin(w.view.segment);
    w.next = w.view.first_position;
    w.last_sequence = w.view.origin_offset != 0 ? kNoSequence : w.view.first_sequence - 1;
    for (const Writer& old : writers) {
      if (old.view.segment->node() != w.view.segment->node()) continue;
      const bool same = old.view.segment->id() == w.view.segment->id();
      if (!same) ++reopened;
      const bool goes_on = same || w.view.segment->predecessor() == old.view.segment->id();
      if (goes_on && old.view.index == w.view.index && w.view.first_position <= old.next) {
        // Perhaps under a later generation.
        w.next = old.next;
        if (w.view.first_sequence <= old.last_sequence) w.last_sequence = old.last_sequence;
      }
    }
    fresh.push_back(std::move(w));
  }
  // A replaced segment whose successor has not the topic yet: the last value stays.
  for (Writer& old : writers) {
    const bool again = std::any_of(found.begin(), found.end(), [&](const TopicView& v) {
      return v.segment != nullptr && v.segment->node() == old.view.segment->node();
    });
    const bool replaced = std::any_of(fresh.begin(), fresh.end(), [&](const Writer& w) {
      return w.view.segment->node() == old.view.segment->node();
    });
    if (!again && !replaced && old.view.segment->retired() && old.view.live())
      fresh.push_back(std::move(old));
  }
  writers = std::move(fresh);
  last_segment = nullptr;
  views.clear();
  for (const Writer& w : writers) views.push_back(w.view);
  if (!writers.empty()) was_there = true;
  compare =
      writers.size() > 1 || (has_sample && !writers.empty() && writers[0].view.segment->node() != last_node);
  make_room();
  set_quick();
}

void ReaderImpl::begin() {
  opened_ns = domain.clock().boottime_ns();
  if (options.begin == Begin::kFirst) return;
  const size_t best = best_of();
  for (size_t i = 0; i < writers.size(); ++i) {
    Writer& w = writers[i];
    const uint64_t first = w.next;
    pass_over(&w);
    if (options.begin == Begin::kOldest) {
      w.next = first;
    } else if (i == best) {
      w.next = std::max(first, w.next - 1);  // the newest itself
    }
  }
}

void ReaderImpl::probe() {
  probed_ns = domain.clock().boottime_ns();
  for (Writer& w : writers) {
    const uint64_t epoch = w.view.segment->epoch();
    w.dead_epoch = w.view.segment->owner_alive() ? 0 : epoch;
  }
}

bool ReaderImpl::follow(Writer* w) {
  if (w->view.segment->retired()) return false;
  std::optional<TopicView> v = w->view.segment->topic(w->view.index);
  if (!v || v->name != topic || v->schema_hash != w->view.schema_hash ||
      v->first_position != w->view.first_position) {
    return false;
  }
  w->view = std::move(*v);
  views[static_cast<size_t>(w - writers.data())] = w->view;
  make_room();
  set_quick();
  return true;
}

void ReaderImpl::make_room() {
  uint64_t need = 8;
  for (const Writer& w : writers) need = std::max(need, layout::align_up(w.view.max_bytes, 8));
  if (need <= room) return;
  auto bigger = std::make_unique<uint64_t[]>(need / 8);
  if (has_sample) {
    memcpy(bigger.get(), sample.bytes.data(), sample.bytes.size());
    sample.bytes = {reinterpret_cast<const std::byte*>(bigger.get()), sample.bytes.size()};
  }
  buffer = std::move(bigger);
  spare = std::make_unique<uint64_t[]>(need / 8);
  room = need;
}

void ReaderImpl::set_quick() {
  quick = {};
  if (writers.size() != 1 || compare) return;
  const TopicView& v = writers[0].view;
  quick = {v.max_bytes,
           v.variable ? 0 : v.max_bytes,
           v.counter,
           v.entry,
           v.segment->retired_flag(),
           v.ring,
           v.slot_count - 1,
           v.slot_stride,
           v.first_position,
           v.generation,
           &writers[0].next,
           &writers[0].last_sequence,
           &writers[0].pin,
           last_segment == v.segment.get() ? &sample : nullptr};
}

void ReaderImpl::adopt(size_t writer, uint64_t position, const SampleHead& head, uint64_t bytes,
                       bool in_order) {
  Writer& w = writers[writer];
  const uint64_t before = w.last_sequence;
  const uint64_t gap = keep(head, bytes, before);
  if (in_order) missed += gap;
  w.last_sequence = head.sequence;
  w.next = position + 1;
  if (last_segment != w.view.segment.get()) change_writer(w, before, position, in_order);
  if (compare && writers.size() == 1) {
    compare = false;
    set_quick();
  }
}

void ReaderImpl::change_writer(const Writer& w, uint64_t before, uint64_t position, bool in_order) {
  if (before == kNoSequence) {
    const uint64_t first = w.view.first_sequence;
    const bool since_first =
        options.begin == Begin::kOldest && sample.born_ns >= opened_ns && sample.sequence >= first;
    sample.missed = since_first ? sample.sequence - first : position - w.view.first_position;
    if (in_order) missed += sample.missed;
  }
  last_segment = w.view.segment.get();
  last_node = last_segment->node();
  if (quick.max_bytes != 0) quick.sample = &sample;
}

void ReaderImpl::pass_over(Writer* w) {
  for (int attempt = 0; attempt < kAttempts && w->view.live() && has_new(*w); ++attempt) {
    const uint64_t position = read_newest_head(*w->view.counter);
    const std::optional<SampleHead> head = peek_sample(w->view, position);
    if (!head) continue;
    w->next = position + 1;
    w->last_sequence = head->sequence;
    return;
  }
}

bool ReaderImpl::read_newest(Writer* w, SampleHead* head, uint64_t* bytes, uint64_t* position) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t at = read_newest_head(*w->view.counter);
    if (at < w->view.first_position) return false;
    const SlotRead read = read_slot(w->view, at, head, spare.get(), bytes);
    if (read == SlotRead::kOk) {
      *position = at;
      return true;
    }
    if (read == SlotRead::kDamaged) return false;
    if (!w->view.live()) {
      if (!follow(w)) return false;
      continue;
    }
    ++retries;
  }
  return false;
}

bool ReaderImpl::has_new() const {
  return std::any_of(writers.begin(), writers.end(), [](const Writer& w) { return has_new(w); });
}

size_t ReaderImpl::best_of() const {
  if (writers.size() < 2) return 0;
  size_t best = 0;
  std::optional<SampleHead> best_head;
  for (size_t i = 0; i < writers.size(); ++i) {
    const std::optional<SampleHead> head = peek_newest(writers[i].view);
    if (!head) continue;
    if (!best_head || is_later(head->born_ns, writers[i].view.segment->node(), best_head->born_ns,
                               writers[best].view.segment->node())) {
      best = i;
      best_head = head;
    }
  }
  return best;
}

State ReaderImpl::now() const {
  if (writers.empty()) return was_there ? State::kRemoved : State::kEmpty;
  const Writer& w = writers[best_of()];
  return w.view.segment->state(w.view, w.dead(), domain.clock().boottime_ns(),
                               options.max_age_ns.value_or(-1));
}

Freshness ReaderImpl::freshness(std::optional<int64_t> born_ns) const {
  Freshness f;
  f.missed = missed;
  if (writers.empty()) {
    f.state = now();
    return f;
  }
  const Writer& w = writers[best_of()];
  const TopicView& v = w.view;
  const int64_t max_age_ns = options.max_age_ns.value_or(-1);
  if (!born_ns) {
    if (const std::optional<SampleHead> head = peek_newest(v)) born_ns = head->born_ns;
  }
  // State and age are of one moment, so that they fit.
  const int64_t now_ns = domain.clock().boottime_ns();
  if (born_ns) {
    f.state = v.segment->sample_state(v, *born_ns, w.dead(), now_ns, max_age_ns);
    if (v.segment->same_time()) f.age_ns = age_at(now_ns, *born_ns);
  } else {
    f.state = v.segment->state(v, w.dead(), now_ns, max_age_ns);
  }
  f.max_age_ns = max_age_ns >= 0 ? max_age_ns : v.segment->max_age_ns(v);
  f.hops = v.hops;
  f.age_error_ns = v.segment->age_error_ns(v);
  f.delay_ns = v.segment->delay_ns(v);
  f.origin = v.segment->origin(v);
  if (f.origin.domain.empty() && v.origin_offset == 0) f.origin.domain = domain.name();
  return f;
}

const Sample* ReaderImpl::next_of(size_t writer) {
  Writer& w = writers[writer];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const uint64_t head = read_newest_head(*w.view.counter);
    if (head < w.view.first_position) return nullptr;
    const uint64_t oldest = w.view.oldest(head);
    if (w.next < oldest) w.next = oldest;
    if (w.next > head) return nullptr;
    SampleHead sample_head;
    uint64_t bytes;
    const SlotRead read = read_slot(w.view, w.next, &sample_head, spare.get(), &bytes);
    if (read == SlotRead::kOk) {
      adopt(writer, w.next, sample_head, bytes, true);
      return &sample;
    }
    if (!w.view.live()) {
      if (!follow(&w)) return nullptr;
      continue;
    }
    ++retries;
    ++w.next;  // overwritten, or left half-written by a writer that died
  }
  return nullptr;
}

}  // namespace smt
