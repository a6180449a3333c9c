#include "tests/fuzz/script.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/wire.h"

namespace smt::fuzz {

namespace {

constexpr size_t kHeadBytes = 6, kMaxPart = 0xffff;

std::string written(const Script& script) {
  std::string out;
  for (const Step& s : script) {
    out += static_cast<char>(s.what);
    out += static_cast<char>(s.how);
    for (const std::string* part : {&s.body, &s.payload}) {
      out += static_cast<char>(part->size());
      out += static_cast<char>(part->size() >> 8);
    }
    out += s.body + s.payload;
  }
  return out;
}

void mutate_step(Step* s, size_t max, Random& random) {
  max = std::min(max, kMaxPart);
  switch (random.below(8)) {
    case 0:
      s->what = static_cast<uint8_t>(random.next());
      break;
    case 1:
      s->how = static_cast<uint8_t>(random.next());
      break;
    case 2:
      s->payload = mutate_bytes(s->payload, max);
      break;
    default:
      s->body = mutate_message(s->body, max, random);
  }
}

}  // namespace

Script read_script(std::span<const uint8_t> bytes, size_t max) {
  Script out;
  while (bytes.size() >= kHeadBytes && out.size() < max) {
    Step& s = out.emplace_back();
    s.what = bytes[0];
    s.how = bytes[1];
    size_t sizes[] = {bytes[2] | size_t{bytes[3]} << 8, bytes[4] | size_t{bytes[5]} << 8};
    bytes = bytes.subspan(kHeadBytes);
    for (const auto& [part, size] : {std::pair(&s.body, sizes[0]), std::pair(&s.payload, sizes[1])}) {
      const auto here = bytes.first(std::min(size, bytes.size()));
      part->assign(here.begin(), here.end());
      bytes = bytes.subspan(here.size());
    }
  }
  return out;
}

size_t mutate_script(uint8_t* data, size_t size, size_t max_size, unsigned int seed, const Script& good,
                     size_t max, bool each) {
  Random random(seed);
  Script script = read_script({data, size}, max);
  if (script.empty() || random.below(128) == 0) {
    script = good;
  } else {
    const size_t at = random.below(script.size());
    const auto here = script.begin() + static_cast<ptrdiff_t>(at);
    switch (random.below(12)) {
      case 0:
        script.erase(here);
        break;
      case 1:
        script.insert(here, Step(*here));
        break;
      case 2:
        std::swap(*here, script[random.below(script.size())]);
        break;
      case 3:
        script.insert(here, good[random.below(good.size())]);
        break;
      default:
        mutate_step(&*here, max_size, random);
    }
  }
  for (Step& s : script) {
    if (each && random.below(8) != 0) mutate_step(&s, 256, random);
  }
  // A run costs more than its steps do.
  while (each && script.size() < max / 2)
    script.insert(script.begin() + static_cast<ptrdiff_t>(random.below(script.size() + 1)),
                  good[random.below(good.size())]);
  while (script.size() > max)
    script.erase(script.begin() + static_cast<ptrdiff_t>(random.below(script.size())));
  // What does not fit makes way, the last first.
  std::string out = written(script);
  for (; out.size() > max_size; out = written(script)) script.pop_back();
  memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace smt::fuzz
