// Records the topics that match the patterns given, for two seconds: record FILE.mcap PATTERN...
#include <cstdio>
#include <string>
#include <vector>

#include "cmd/recording/recorder.h"

int main(int argc, char** argv) {
  if (argc < 3) return std::puts("usage: record FILE.mcap|FILE.h5 PATTERN..."), 2;
  const auto domain = smt::Domain::open(smt::DomainOptions::from_environment());
  if (!domain.ok()) return std::puts(domain.status().message().c_str()), 1;
  const auto patterns = smt::relay::PatternSet::parse(std::vector<std::string>(argv + 2, argv + argc));
  if (!patterns.ok()) return std::puts(patterns.status().message().c_str()), 1;
  auto recorder = smt::cmd::Recorder::open({.output = argv[1], .duration_ns = 2'000'000'000});
  if (!recorder.ok()) return std::puts(recorder.status().message().c_str()), 1;
  if (const smt::Status s = recorder->run(*domain, *patterns, -1); !s.ok()) return std::puts(s.message().c_str()), 1;
  for (const auto& [name, topic] : recorder->summary().topics) {
    std::printf("%s: %lu samples, %lu missed\n", name.c_str(), topic.samples, topic.missed);
  }
}
