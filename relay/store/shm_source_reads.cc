// How a ShmSource copies samples out of rings: one, those of many topics at once, large ones in pieces.
#include <algorithm>

#include "relay/store/shm_source.h"

namespace smt::relay {

// A byte tells of most topics that they were born here.
Provenance ShmSource::provenance(uint32_t id, uint64_t) const {
  if ((flags_[id] & kMirrored) == 0 || topics_[id].segment == nullptr) return {};
  asked_.record = topics_[id].record;
  return {topics_[id].segment->age_error_ns(asked_).value_or(Provenance::kUnknown), Provenance::kUnknown};
}

SampleRead ShmSource::read_newest(uint32_t id, SampleHead* head, std::byte* room, uint64_t* bytes) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = read_newest_head(*ring.counter);
    if (position < ring.first_position) return SampleRead::kEmpty;
    ++slot_reads_;
    switch (read_slot(ring, position, head, room, bytes)) {
      case SlotRead::kOk:
        return SampleRead::kOk;
      case SlotRead::kDamaged:
        return SampleRead::kEmpty;
      case SlotRead::kNotThere:
        break;
    }
  }
  return SampleRead::kBusy;
}

// The usual outcome of read_newest(); false: another one, which that tells.
[[gnu::always_inline]] inline bool ShmSource::read_at_once(const Ring& ring, SampleHead* head,
                                                           std::byte* room, uint64_t* bytes) {
  if (ring.counter == nullptr) return false;
  const uint64_t position = read_newest_head(*ring.counter);
  return position >= ring.first_position && read_slot(ring, position, head, room, bytes) == SlotRead::kOk;
}

size_t ShmSource::read_newest(std::span<const uint32_t> ids, std::span<const uint64_t> sent, int64_t now_ns,
                              std::byte* room, SampleRows* out, std::vector<uint32_t>* busy) {
  SampleRow* const begin = out->places(ids.size());
  SampleRow* end = begin;
  std::byte* value = room;
  size_t others = 0;
  int64_t errors_ns = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t id = ids[i];
    uint64_t bytes = 0;
    if (!read_at_once(rings_[id], &end->head, value, &bytes)) [[unlikely]] {
      ++others;
      const SampleRead read = read_newest(id, &end->head, value, &bytes);
      if (read == SampleRead::kBusy) busy->push_back(static_cast<uint32_t>(i));
      if (read != SampleRead::kOk) continue;
    }
    if (end->head.sequence == sent[i]) continue;
    value += bytes;
    const bool mirrored = (flags_[id] & kMirrored) != 0;
    const int64_t error_ns = mirrored ? provenance(id, end->head.sequence).age_error_ns : 0;
    errors_ns |= error_ns;
    (end++)->complete(id, sent[i], now_ns, error_ns, bytes);
  }
  slot_reads_ += ids.size() - others;
  out->grow(static_cast<size_t>(end - begin), errors_ns);
  return static_cast<size_t>(value - room);
}

uint64_t ShmSource::newest_sequence(uint32_t id) const {
  const Ring& ring = rings_[id];
  uint64_t sequence = 0;
  if (ring.counter == nullptr) return 0;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = read_newest_head(*ring.counter);
    if (position < ring.first_position) return 0;
    if (sequence_at(ring, position, &sequence)) return sequence;
  }
  return sequence;
}

void ShmSource::newest_sequences(std::span<const uint32_t> ids, uint64_t* sequences) const {
  for (const uint32_t id : ids) *sequences++ = newest_sequence(id);
}

// False: the slot holds another position by now.
bool ShmSource::sequence_at(const Ring& ring, uint64_t position, uint64_t* sequence) {
  const std::optional<SampleHead> head = peek_sample(ring, position);
  if (head) *sequence = head->sequence;
  return head.has_value();
}

// Of the oldest sample with a greater sequence; 0: there is none.
uint64_t ShmSource::position_after(const Ring& ring, uint64_t after) {
  const uint64_t newest = read_newest_head(*ring.counter);
  if (newest < ring.first_position) return 0;
  // Sequences rise with positions. What is overwritten while it is looked at is older than what is sought.
  uint64_t low = std::max(ring.first_position, newest - std::min(newest, ring.mask)), high = newest + 1;
  uint64_t sequence;
  if (sequence_at(ring, newest, &sequence)) {
    if (sequence <= after) return 0;
    // By one with each position at least, and mostly by just that.
    low = std::max(low, newest - std::min(newest, sequence - after - 1));
    if (sequence_at(ring, low, &sequence) && sequence > after) return low;
  }
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (!sequence_at(ring, middle, &sequence) || sequence <= after) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > newest ? 0 : low;
}

SampleRead ShmSource::read_after(uint32_t id, uint64_t after, SampleHead* head, std::byte* room,
                                 uint64_t* bytes) {
  uint64_t position;
  return find_after(id, after, &position, head, room, bytes);
}

// read_after(); `*position`: where a sample was found.
SampleRead ShmSource::find_after(uint32_t id, uint64_t after, uint64_t* position, SampleHead* head,
                                 std::byte* room, uint64_t* bytes) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  uint64_t sequence;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t low = position_after(ring, after);
    if (low == 0) return SampleRead::kEmpty;
    ++slot_reads_;
    *position = low;
    switch (read_slot(ring, low, head, room, bytes)) {
      case SlotRead::kOk:
        return SampleRead::kOk;
      case SlotRead::kDamaged:
        if (sequence_at(ring, low, &sequence)) after = sequence;
        break;
      case SlotRead::kNotThere:
        break;
    }
  }
  return SampleRead::kBusy;
}

// The usual outcome of find_after(): no sequence is left out, and the sample lies at `*position` or, if that
// is 0, `samples` before the end. False: another one, which that tells.
[[gnu::always_inline]] inline bool ShmSource::find_next_at_once(const Ring& ring, uint64_t after,
                                                                uint32_t samples, uint64_t* position,
                                                                SampleHead* head, std::byte* room,
                                                                uint64_t* bytes) {
  if (ring.counter == nullptr) return false;
  const uint64_t newest = read_newest_head(*ring.counter);
  if (*position == 0) *position = newest - (samples - 1);
  return *position >= ring.first_position && *position <= newest &&
         read_slot(ring, *position, head, room, bytes) == SlotRead::kOk && head->sequence == after + 1;
}

size_t ShmSource::read_after(std::span<const uint32_t> ids, std::span<const uint64_t> after,
                             std::span<const uint32_t> max_samples, int64_t now_ns, std::byte* room,
                             SampleRows* out, std::vector<uint32_t>* busy) {
  size_t samples = 0;
  for (const uint32_t max : max_samples) samples += max;
  SampleRow* const begin = out->places(samples);
  SampleRow* end = begin;
  std::byte* value = room;
  size_t others = 0;
  int64_t errors_ns = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const uint32_t id = ids[i];
    const int64_t error_ns = (flags_[id] & kMirrored) != 0 ? provenance(id, 0).age_error_ns : 0;
    uint64_t last = after[i], position = 0, bytes = 0;
    for (uint32_t left = max_samples[i]; left > 0; --left) {
      if (!find_next_at_once(rings_[id], last, left, &position, &end->head, value, &bytes)) [[unlikely]] {
        const SampleRead read = find_after(id, last, &position, &end->head, value, &bytes);
        if (read == SampleRead::kBusy) busy->push_back(static_cast<uint32_t>(i));
        if (read != SampleRead::kOk) break;
        ++others;
      }
      ++position;
      value += bytes;
      errors_ns |= error_ns;
      (end++)->complete(id, last, now_ns, error_ns, bytes);
      last = end[-1].head.sequence;
    }
  }
  slot_reads_ += static_cast<size_t>(end - begin) - others;
  out->grow(static_cast<size_t>(end - begin), errors_ns);
  return static_cast<size_t>(value - room);
}

// The sample that is to be copied, and room for it.
SampleRead ShmSource::begin_whole(uint32_t id, std::optional<uint64_t> after, WholeSample* whole) {
  const Ring& ring = rings_[id];
  if (ring.counter == nullptr) return SampleRead::kEmpty;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t position = after ? position_after(ring, *after) : read_newest_head(*ring.counter);
    if (position < ring.first_position) return SampleRead::kEmpty;
    const std::optional<SampleHead> head = peek_sample(ring, position, &whole->bytes);
    if (!head) continue;
    ++slot_reads_;
    if (whole->bytes > ring.max_bytes) return SampleRead::kEmpty;  // damaged
    whole->head = *head;
    whole->position = position;
    whole->slot = ring.slot(position);
    whole->segment = topics_[id].segment->shared_from_this();
    whole->room = Frame::room(whole->bytes);
    return SampleRead::kMore;
  }
  return SampleRead::kBusy;
}

// Each piece is proved to be of the sample before the next one is copied.
SampleRead ShmSource::read_whole(uint32_t id, std::optional<uint64_t> after, uint64_t max_bytes,
                                 WholeSample* whole) {
  const Ring& ring = rings_[id];
  const auto give_up = [&](SampleRead why) {
    *whole = {};
    return why;
  };
  if (whole->room == nullptr) {
    if (const SampleRead begun = begin_whole(id, after, whole); begun != SampleRead::kMore)
      return give_up(begun);
  }
  if (ring.counter == nullptr || ring.slot(whole->position) != whole->slot) return give_up(SampleRead::kBusy);
  const layout::Slot* slot = ring.slot(whole->position);
  const uint64_t bytes = std::min(max_bytes, whole->bytes - whole->copied);
  load_words(whole->room.get() + whole->copied, payload_of(slot) + whole->copied / sizeof(layout::Word),
             bytes);
  if (!still_holds(slot, whole->position, ring.entry, ring.generation)) return give_up(SampleRead::kBusy);
  whole->copied += bytes;
  if (whole->copied < whole->bytes) return SampleRead::kMore;
  whole->value.bytes = {whole->room.get(), whole->bytes};
  whole->value.block = std::move(whole->room);
  return SampleRead::kOk;
}

std::optional<SampleHead> ShmSource::newest_head(uint32_t id) const {
  const Ring& ring = rings_[id];
  return ring.counter != nullptr ? peek_newest(ring, kTries) : std::nullopt;
}

}  // namespace smt::relay
