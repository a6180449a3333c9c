#include "cmd/recording/current_samples.h"

namespace smt::cmd {

void KeptSample::keep(const LogSample& sample) {
  bytes_.assign(sample.bytes.begin(), sample.bytes.end());
  sample_ = sample;
  sample_.missed = 0;
  sample_.bytes = bytes_;
}

}  // namespace smt::cmd
