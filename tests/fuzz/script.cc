#include "tests/fuzz/script.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/wire.h"

namespace smt::fuzz {

namespace {

constexpr size_t kHeadBytes = 6, kMostPart = 0xffff;

std::string Written(const Script& script) {
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

void MutateStep(Step* s, size_t most, Random& random) {
  most = std::min(most, kMostPart);
  switch (random.below(8)) {
    case 0:
      s->what = static_cast<uint8_t>(random.next());
      break;
    case 1:
      s->how = static_cast<uint8_t>(random.next());
      break;
    case 2:
      s->payload = MutateBytes(s->payload, most);
      break;
    default:
      s->body = MutateMessage(s->body, most, random);
  }
}

}  // namespace

Script ReadScript(std::span<const uint8_t> bytes, size_t most) {
  Script out;
  while (bytes.size() >= kHeadBytes && out.size() < most) {
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

size_t MutateScript(uint8_t* data, size_t size, size_t max_size, unsigned int seed, const Script& good,
                    size_t most, bool each) {
  Random random(seed);
  Script script = ReadScript({data, size}, most);
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
        MutateStep(&*here, max_size, random);
    }
  }
  for (Step& s : script) {
    if (each && random.below(8) != 0) MutateStep(&s, 256, random);
  }
  // A run costs more than its steps do.
  while (each && script.size() < most / 2)
    script.insert(script.begin() + static_cast<ptrdiff_t>(random.below(script.size() + 1)),
                  good[random.below(good.size())]);
  while (script.size() > most)
    script.erase(script.begin() + static_cast<ptrdiff_t>(random.below(script.size())));
  // What does not fit makes way, the last first.
  std::string out = Written(script);
  for (; out.size() > max_size; out = Written(script)) script.pop_back();
  memcpy(data, out.data(), out.size());
  return out.size();
}

}  // namespace smt::fuzz
