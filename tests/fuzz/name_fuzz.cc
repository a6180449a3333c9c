// Topic and node names (libFuzzer), against rules written a second time in the plainest way.
#include <string>

#include "shm/domain.h"
#include "tests/fuzz/fuzzer.h"

namespace {

// Decodes one character of well-formed UTF-8 at `at` and moves behind it; -1 if it is not.
long character(const std::string& s, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(*at);
  const int more = lead < 0x80                   ? 0
                   : lead >= 0xc2 && lead < 0xe0 ? 1
                   : lead >= 0xe0 && lead < 0xf0 ? 2
                   : lead >= 0xf0 && lead < 0xf5 ? 3
                                                 : -1;
  if (more < 0 || *at + static_cast<size_t>(more) >= s.size()) return -1;
  long c = more == 0 ? lead : lead & (0x3f >> more);
  for (int i = 1; i <= more; ++i) {
    const unsigned char next = byte(*at + static_cast<size_t>(i));
    if ((next & 0xc0) != 0x80) return -1;
    c = c << 6 | (next & 0x3f);
  }
  static const long kMin[] = {0, 0x80, 0x800, 0x10000};
  if (c < kMin[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return -1;
  *at += static_cast<size_t>(more) + 1;
  return c;
}

bool topic_name(const std::string& s) {
  if (s.empty() || s.size() > 255 || s.front() == '/' || s.back() == '/') return false;
  if (s.find("//") != std::string::npos) return false;
  for (size_t at = 0; at < s.size();) {
    const long c = character(s, &at);
    if (c < 0x20 || c == 0x7f || c == '*') return false;
  }
  return true;
}

bool node_name(const std::string& s) {
  if (s.empty() || s.size() > 64 || s[0] == '.' || s.ends_with(".bell")) return false;
  return s.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
         std::string::npos;
}

void compare(const char* what, const std::string& name, bool expected, const smt::Status& found) {
  smt::fuzz::expect(found.ok() == expected && (expected || !found.message().empty()),
                    std::string(what) + " name '" + name + "' is " + (expected ? "" : "not ") + "one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  smt::fuzz::executed();
  const std::string name(reinterpret_cast<const char*>(data), size);
  compare("topic", name, topic_name(name), smt::check_topic_name(name));
  compare("node", name, node_name(name), smt::check_name("node", name));
  return 0;
}
