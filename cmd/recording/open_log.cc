#include "cmd/recording/open_log.h"

#include <filesystem>

#include "cmd/recording/csv_folder.h"
#include "cmd/recording/hdf5_reader.h"
#include "cmd/recording/hdf5_writer.h"
#include "cmd/recording/log_parts.h"
#include "cmd/recording/mcap_log.h"
#include "cmd/text/text.h"
#include "cmd/value/csv.h"

namespace smt::cmd {

namespace {

Result<std::unique_ptr<LogReader>> open_file(const std::string& path) {
  if (has_extension(path, ".mcap")) return McapLogReader::open(path);
  if (has_extension(path, ".h5")) return Hdf5LogReader::open(path);
  return {Code::kInvalid, path +
                              " is not a CSV directory, and its name does not end in .csv, .tsv, .txt, "
                              ".dat, .mcap or .h5"};
}

}  // namespace

Result<std::unique_ptr<LogWriter>> create_log(const std::string& path, const LogPart& part) {
  if (has_extension(path, ".mcap")) return McapLogWriter::create(path, part);
  if (has_extension(path, ".h5")) return Hdf5LogWriter::create(path, part);
  return {Code::kInvalid, path + ": the name of a recording ends in .mcap or .h5"};
}

Result<std::unique_ptr<LogReader>> open_log(const std::string& path, const LogSink& log, LogScope scope,
                                            const CsvOptions& csv) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::none) {
    return Status::from_errno("cannot read " + path, error.value());
  }
  if (!std::filesystem::exists(status)) {
    return {Code::kInvalid,
            "no folder " + path + ", nor a file; a recording is a folder of CSV files, .csv, .mcap or .h5"};
  }
  if (std::filesystem::is_directory(status)) return CsvFolder::open(path, csv, log);
  if (!std::filesystem::is_regular_file(status)) {
    return {Code::kInvalid,
            path + " is no regular file; a recording is a folder of CSV files, .csv, .mcap or .h5"};
  }
  if (is_csv_name(path)) return CsvFolder::open_file(path, csv, log);
  Result<std::unique_ptr<LogReader>> file = open_file(path);
  if (!file.ok() || scope == LogScope::kFile) return file;
  return LogParts::open(path, std::move(*file), open_file, log);
}

std::string log_part_path(const std::string& path, uint64_t part) {
  if (part == 0) return path;
  const std::filesystem::path name(path);
  return (name.parent_path() / name.stem()).string() + "." + std::to_string(part) + name.extension().string();
}

}  // namespace smt::cmd
