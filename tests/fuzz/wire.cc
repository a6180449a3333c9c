#include "tests/fuzz/wire.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace smt::fuzz {

namespace {

enum Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  Type type = kVarint;
  uint64_t value = 0;
  std::string bytes;
};

bool take_varint(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in->front());
    in->remove_prefix(1);
    *value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}
void put_varint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

// Nothing: it is no message.
std::optional<std::vector<Field>> parse(std::string_view in) {
  std::vector<Field> out;
  while (!in.empty()) {
    uint64_t tag;
    if (!take_varint(&in, &tag) || tag >> 3 == 0 || tag >> 3 > 1000) return std::nullopt;
    Field f{static_cast<uint32_t>(tag >> 3), static_cast<Type>(tag & 7), 0, ""};
    switch (f.type) {
      case kVarint:
        if (!take_varint(&in, &f.value)) return std::nullopt;
        break;
      case kFixed64:
      case kFixed32: {
        const size_t size = f.type == kFixed64 ? 8 : 4;
        if (in.size() < size) return std::nullopt;
        memcpy(&f.value, in.data(), size);
        in.remove_prefix(size);
        break;
      }
      case kBytes: {
        uint64_t size;
        if (!take_varint(&in, &size) || size > in.size()) return std::nullopt;
        f.bytes = in.substr(0, size);
        in.remove_prefix(size);
        break;
      }
      default:
        return std::nullopt;
    }
    out.push_back(std::move(f));
  }
  return out;
}

std::string written(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& f : fields) {
    put_varint(uint64_t{f.number} << 3 | f.type, &out);
    if (f.type == kVarint) {
      put_varint(f.value, &out);
    } else if (f.type == kBytes) {
      put_varint(f.bytes.size(), &out);
      out += f.bytes;
    } else {
      out.append(reinterpret_cast<const char*>(&f.value), f.type == kFixed64 ? 8 : 4);
    }
  }
  return out;
}

// The numbers of a packed column, one of them another one, gone, or twice.
std::string mutate_packed(std::string_view packed, Random& random) {
  std::vector<uint64_t> numbers;
  for (uint64_t n; !packed.empty() && take_varint(&packed, &n);) numbers.push_back(n);
  if (numbers.empty()) numbers.push_back(0);
  const auto at = numbers.begin() + static_cast<ptrdiff_t>(random.below(numbers.size()));
  switch (random.below(4)) {
    case 0:
      numbers.erase(at);
      break;
    case 1:
      numbers.insert(at, *at);
      break;
    case 2:
      *at += random.below(5) - 2;
      break;
    default:
      *at = random.interesting();
  }
  std::string out;
  for (const uint64_t n : numbers) put_varint(n, &out);
  return out;
}

std::string mutate(std::string_view message, size_t max, int depth, Random& random) {
  std::optional<std::vector<Field>> fields = parse(message);
  if (!fields || fields->empty()) return mutate_bytes(message, max);
  const size_t at = random.below(fields->size());
  Field& f = (*fields)[at];
  switch (random.below(16)) {
    case 0:
      fields->erase(fields->begin() + static_cast<ptrdiff_t>(at));
      break;
    case 1:
      fields->insert(fields->begin() + static_cast<ptrdiff_t>(at), Field(f));
      break;
    case 2:
      std::swap(f, (*fields)[random.below(fields->size())]);
      break;
    case 3:
      f.number = static_cast<uint32_t>(1 + random.below(19));
      break;
    case 4: {
      static constexpr Type kTypes[] = {kVarint, kFixed64, kBytes};
      fields->push_back({static_cast<uint32_t>(1 + random.below(19)), kTypes[random.below(3)],
                         random.interesting(), std::string(random.below(3), '\1')});
      break;
    }
    default:
      if (f.type != kBytes) {
        f.value = random.below(3) == 0 ? f.value + random.below(5) - 2 : random.interesting();
      } else if (depth < 4 && random.below(8) != 0 && parse(f.bytes)) {
        f.bytes = mutate(f.bytes, max, depth + 1, random);
      } else if (random.below(2) == 0) {
        f.bytes = mutate_packed(f.bytes, random);
      } else {
        f.bytes = mutate_bytes(f.bytes, max);
      }
  }
  std::string out = written(*fields);
  return out.size() <= max ? out : std::string(message);
}

}  // namespace

std::string mutate_message(std::string_view message, size_t max, Random& random) {
  return message.size() > max ? std::string(message.substr(0, max)) : mutate(message, max, 0, random);
}

std::string mutate_bytes(std::string_view bytes, size_t max) {
  std::string out(bytes.substr(0, max));
  const size_t size = out.size();
  out.resize(std::max(max, size_t{1}));
  out.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(out.data()), size, out.size()));
  return out;
}

}  // namespace smt::fuzz
