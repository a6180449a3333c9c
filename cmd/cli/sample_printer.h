// Samples as `smttopic echo` and `smtrelay_client` print them.
#ifndef SMT_CMD_CLI_SAMPLE_PRINTER_H_
#define SMT_CMD_CLI_SAMPLE_PRINTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/cli/output.h"
#include "cmd/value/topic_json.h"

namespace smt::cmd {

// Writes samples in one format. CSV gets a header row whenever the columns are others than those before.
class SamplePrinter {
 public:
  explicit SamplePrinter(Format format);

  // False: stdout failed.
  bool print(const ShownSample& shown);
  // The end of the array.
  void finish();
  uint64_t printed() const { return printed_; }

 private:
  std::string text_of(const ShownSample& shown) const;
  std::string csv(const ShownSample& shown);

  Format format_;
  bool colour_;
  uint64_t printed_ = 0;
  std::vector<std::string> header_;  // of the CSV row before
};

}  // namespace smt::cmd

#endif  // SMT_CMD_CLI_SAMPLE_PRINTER_H_
