// Runs the tests, or one of the modes of this program's children.
#include <gtest/gtest.h>
#include <signal.h>

#include <exception>

#include "storm/storm.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1) {
    if (const auto mode = smt::storm::kModes.find(argv[1]); mode != smt::storm::kModes.end()) {
      try {
        return mode->second(smt::storm::Args(argv + 2, argv + argc));
      } catch (const std::exception& e) {
        fmt::print(stderr, "{}: {}\n", argv[1], e.what());
        return 1;
      }
    }
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
