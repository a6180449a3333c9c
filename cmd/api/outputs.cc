#include "cmd/api/outputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "shm/fd.h"

namespace smt::cmd::api {
namespace {

bool Holds(const Output& output) {
  std::ifstream in(output.path, std::ios::binary);
  return in && std::string(std::istreambuf_iterator<char>(in), {}) == output.text;
}

Status WriteAll(const std::string& temporary, const Output& output) {
  const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file.ok()) return Status::FromErrno("cannot write " + output.path, errno);
  for (size_t at = 0; at < output.text.size();) {
    const ssize_t n = write(file.get(), output.text.data() + at, output.text.size() - at);
    if (n < 0 && errno != EINTR) return Status::FromErrno("cannot write " + output.path, errno);
    if (n > 0) at += n;
  }
  // So that no crash leaves an empty file in place of a good one.
  return fsync(file.get()) == 0 ? Status() : Status::FromErrno("cannot write " + output.path, errno);
}

}  // namespace

Status WriteOutputs(const std::vector<Output>& outputs) {
  std::vector<std::pair<std::string, std::string>> moves;
  Status failed;
  for (const Output& output : outputs) {
    if (!failed.ok() || Holds(output)) continue;
    moves.emplace_back(fmt::format("{}.{}", output.path, getpid()), output.path);
    failed = WriteAll(moves.back().first, output);
  }
  for (const auto& [temporary, path] : moves) {
    if (failed.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
      failed = Status::FromErrno("cannot write " + path, errno);
    }
    if (!failed.ok()) unlink(temporary.c_str());
  }
  return failed;
}

Status CompareOutputs(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    if (!Holds(output)) {
      return {Code::kMismatch,
              output.path + " is not what the description gives; run the same without --check"};
    }
  }
  return Status();
}

}  // namespace smt::cmd::api
