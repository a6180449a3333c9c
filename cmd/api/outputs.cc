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

bool holds(const Output& output) {
  std::ifstream in(output.path, std::ios::binary);
  return in && std::string(std::istreambuf_iterator<char>(in), {}) == output.text;
}

Status write_all(const std::string& temporary, const Output& output) {
  const Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!file.ok()) return Status::from_errno("cannot write " + output.path, errno);
  for (size_t at = 0; at < output.text.size();) {
    const ssize_t n = write(file.get(), output.text.data() + at, output.text.size() - at);
    if (n < 0 && errno != EINTR) return Status::from_errno("cannot write " + output.path, errno);
    if (n > 0) at += n;
  }
  // So that no crash leaves an empty file in place of a good one.
  return fsync(file.get()) == 0 ? Status() : Status::from_errno("cannot write " + output.path, errno);
}

}  // namespace

Status write_outputs(const std::vector<Output>& outputs) {
  std::vector<std::pair<std::string, std::string>> moves;
  Status failed;
  for (const Output& output : outputs) {
    if (!failed.ok() || holds(output)) continue;
    moves.emplace_back(fmt::format("{}.{}", output.path, getpid()), output.path);
    failed = write_all(moves.back().first, output);
  }
  for (const auto& [temporary, path] : moves) {
    if (failed.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
      failed = Status::from_errno("cannot write " + path, errno);
    }
    if (!failed.ok()) unlink(temporary.c_str());
  }
  return failed;
}

Status compare_outputs(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    if (!holds(output)) {
      return {Code::kMismatch,
              output.path + " is not what the description gives; run the same without --check"};
    }
  }
  return Status();
}

}  // namespace smt::cmd::api
