#include "cmd/log_file.h"

#include <filesystem>

#include "cmd/hdf5_reader.h"
#include "cmd/hdf5_writer.h"
#include "cmd/mcap_log.h"

namespace smt::cmd {
namespace {

Status UnknownFormat(const std::string& path) {
  return {Code::kInvalid, path + ": the name of a recording ends in .mcap or .h5"};
}

}  // namespace

Result<std::unique_ptr<LogWriter>> CreateLog(const std::string& path) {
  if (path.ends_with(".mcap")) return McapLogWriter::create(path);
  if (path.ends_with(".h5")) return Hdf5LogWriter::create(path);
  return UnknownFormat(path);
}

Result<std::unique_ptr<LogReader>> OpenLog(const std::string& path) {
  if (path.ends_with(".mcap")) return McapLogReader::open(path);
  if (path.ends_with(".h5")) return Hdf5LogReader::open(path);
  return UnknownFormat(path);
}

std::string LogPartPath(const std::string& path, uint64_t part) {
  if (part == 0) return path;
  const std::filesystem::path name(path);
  return (name.parent_path() / name.stem()).string() + "." + std::to_string(part) + name.extension().string();
}

}  // namespace smt::cmd
