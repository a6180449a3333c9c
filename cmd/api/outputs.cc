#include "cmd/api/outputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "cmd/cli/write_whole.h"
#include "cmd/text/regular_file.h"
#include "shm/fd.h"

namespace smt::cmd::api {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel has it

bool holds(const std::string& file, std::string_view text) {
  const Result<std::string> held = read_regular_file(file, text.size());
  return held.ok() && *held == text;
}

Status cannot_write(const Output& output, int error = errno) {
  return Status::from_errno("cannot write " + output.path, error);
}

Status write_text(const Fd& to, const Output& output) {
  const int error = write_whole(to.get(), output.text);
  return error == 0 ? Status() : cannot_write(output, error);
}

// Gives a new file the owner and the mode of the one that it replaces.
bool take_over(const Fd& file, const std::string& from) {
  struct stat old, now;
  if (stat(from.c_str(), &old) != 0 || fstat(file.get(), &now) != 0) return true;
  const bool same = old.st_uid == now.st_uid && old.st_gid == now.st_gid;
  // Only root may give a file away, and only to users that its namespace knows.
  if (!same && fchown(file.get(), old.st_uid, old.st_gid) != 0 && errno != EPERM && errno != EINVAL)
    return false;
  return fchmod(file.get(), old.st_mode & 0777) == 0;
}

Status write_beside(const std::string& temporary, const std::string& file, const Output& output) {
  const Fd beside(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!beside.ok()) return cannot_write(output);
  if (Status s = write_text(beside, output); !s.ok()) return s;
  // fsync: no crash leaves an empty file in place of a good one.
  return take_over(beside, file) && fsync(beside.get()) == 0 ? Status() : cannot_write(output);
}

// Appends, as a descriptor such as /dev/stdout may be that of a file with text in it.
Status write_into(const Output& output) {
  if (output.path == kStandardOutput) {
    const int error = write_whole(STDOUT_FILENO, output.text);
    const bool unread = error == EPIPE;  // a reader that has what it needs, as head, is no error
    return error == 0 || unread ? Status() : Status::from_errno("cannot write standard output", error);
  }
  const Fd there(open(output.path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY));
  return there.ok() ? write_text(there, output) : cannot_write(output);
}

}  // namespace

std::string replaced_file(const std::string& path) {
  if (path == kStandardOutput) return "";
  struct stat proc = {};
  const bool has_proc = stat("/proc/self", &proc) == 0;
  std::filesystem::path file = path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    struct stat status;
    if (lstat(file.c_str(), &status) != 0) return errno == ENOENT ? file.string() : "";
    if (S_ISREG(status.st_mode)) return file.string();
    // A link of /proc is an open descriptor, whatever the file's name was when it was opened.
    if (!S_ISLNK(status.st_mode) || (has_proc && status.st_dev == proc.st_dev)) return "";
    std::error_code error;
    file = file.parent_path() / std::filesystem::read_symlink(file, error);
    if (error) return "";
  }
  return "";
}

Status write_outputs(const std::vector<Output>& outputs) {
  std::vector<std::pair<std::string, std::string>> moves;
  Status failed;
  std::vector<const Output*> no_files;
  for (const Output& output : outputs) {
    const std::string file = replaced_file(output.path);
    if (file.empty()) no_files.push_back(&output);
    if (!failed.ok() || file.empty() || holds(file, output.text)) continue;
    moves.emplace_back(fmt::format("{}.{}", file, getpid()), file);
    failed = write_beside(moves.back().first, file, output);
  }
  for (const Output* output : no_files) {
    if (failed.ok()) failed = write_into(*output);
  }
  for (const auto& [temporary, file] : moves) {
    if (failed.ok() && rename(temporary.c_str(), file.c_str()) != 0) {
      failed = Status::from_errno("cannot write " + file, errno);
    }
    if (!failed.ok()) unlink(temporary.c_str());
  }
  return failed;
}

Status compare_outputs(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    if (!holds(output.path, output.text)) {
      return {Code::kMismatch,
              output.path + " is not what the description gives; run the same without --check"};
    }
  }
  return Status();
}

}  // namespace smt::cmd::api
