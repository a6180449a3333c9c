// A sample kept with its bytes; and the newest one of each topic: what is current at a point of a recording.
#ifndef SMT_CMD_RECORDING_CURRENT_SAMPLES_H_
#define SMT_CMD_RECORDING_CURRENT_SAMPLES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cmd/recording/log_file.h"

namespace smt::cmd {

// Its LogTopic outlives it.
class KeptSample {
 public:
  KeptSample() = default;
  KeptSample(KeptSample&&) noexcept = default;  // the bytes stay where they are
  KeptSample& operator=(KeptSample&&) noexcept = default;

  // Takes the place of the one that was kept; nothing was missed before it.
  void keep(const LogSample& sample);
  // It lives until the next keep(). Without a topic: none was kept.
  const LogSample& sample() const { return sample_; }

 private:
  LogSample sample_;
  std::vector<std::byte> bytes_;
};

class CurrentSamples {
 public:
  // Takes the place of the sample that the topic name has, of whatever schema.
  void keep(const LogSample& sample) { samples_[sample.topic->name].keep(sample); }
  void clear() { samples_.clear(); }
  // By topic.
  const std::map<std::string, KeptSample>& all() const { return samples_; }

 private:
  std::map<std::string, KeptSample> samples_;
};

}  // namespace smt::cmd

#endif  // SMT_CMD_RECORDING_CURRENT_SAMPLES_H_
