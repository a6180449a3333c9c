#include "cmd/recording/csv_folder_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>

#include "cmd/recording/csv_initial.h"
#include "cmd/text/file_status.h"
#include "cmd/text/text.h"
#include "cmd/value/csv.h"
#include "cmd/value/value.h"

namespace smt::cmd {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTimestamp = "timestamp";

// Microseconds of the stamp; those before 1970 are rounded down too, as far as they can be read back.
int64_t stamp_us_of(const LogSample& sample) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min() / 1000;
  return std::max(kMin, sample.stamp_ns / 1000 - (sample.stamp_ns % 1000 < 0 ? 1 : 0));
}

// The topic has a field that is what the column `timestamp` is to be.
bool has_timestamp(const Json& value, int64_t stamp_us) {
  const auto own = value.find(kTimestamp);
  return own != value.end() && own->is_number_integer() && *own == stamp_us;
}

// Row 1 and row 2.
std::string header_text(const Schema& schema, bool own_timestamp) {
  std::vector<std::string> names, types;
  if (!own_timestamp) {
    names.emplace_back(kTimestamp);
    types.emplace_back(c_type_name(Type::kI64));
  }
  for (const Field& field : schema.fields) {
    const std::string name = field.name == kTimestamp && !own_timestamp ? field.name + "~" : field.name;
    const std::string type(c_type_name(field.type));
    if (field.type == Type::kChar || field.count == 1) {
      names.push_back(name);
      types.push_back(field.type == Type::kChar ? fmt::format("{}[{}]", type, field.count) : type);
      continue;
    }
    for (uint32_t i = 0; i < field.count; ++i) {
      names.push_back(fmt::format("{}[{}]", name, i));
      types.push_back(type);
    }
  }
  return csv_line(names) + csv_line(types);
}

// Whether the texts of a value are all that is in their fields.
Status check_texts(const LogSample& sample, const Json& value) {
  for (const Field& field : sample.topic->schema.fields) {
    if (field.type != Type::kChar) continue;
    const auto& text = value.at(field.name).get_ref<const std::string&>();
    const auto all = sample.bytes.subspan(field.offset, field.count);
    const bool goes_on =
        std::any_of(all.begin() + text.size(), all.end(), [](std::byte b) { return b != std::byte{0}; });
    if (goes_on || text.find_first_of("\r\n") != text.npos) {
      return Status(Code::kInvalid,
                    fmt::format("sample {} of {}: the text `{}` holds a line end, or goes on behind its NUL",
                                sample.sequence, sample.topic->name, field.name));
    }
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<LogWriter>> CsvFolderWriter::create(const std::string& folder) {
  std::error_code error;
  const bool made = fs::create_directory(fs::path(folder).parent_path(), error);
  if (error) return file_status("cannot make the folder " + folder, error.value());
  if (!made) return {Code::kInvalid, folder + " is there already; take another name, or remove it first"};
  return std::unique_ptr<LogWriter>(new CsvFolderWriter(folder));
}

// Which columns there are shows with the first sample.
Status CsvFolderWriter::begin_table(const LogSample& sample, Table* table) {
  const LogTopic& topic = *sample.topic;
  Result<std::string> name = file_from_name(topic.name);
  if (!name.ok()) return name.status();
  if (topic.schema.fields.empty()) {
    return Status(Code::kInvalid, "topic " + topic.name + " of type " + topic.schema.type_name +
                                      " has no fields, which would be columns");
  }
  for (const Field& field : topic.schema.fields) {
    if (field.name.find('"') == field.name.npos) continue;
    return Status(Code::kInvalid, "topic " + topic.name + ": the name of field " + field.name +
                                      " holds a quote, which no column's may");
  }
  table->own_timestamp = has_timestamp(value_to_json(topic.schema, sample.bytes), stamp_us_of(sample));
  table->open = header_text(topic.schema, table->own_timestamp);
  const size_t first = table->open.find('\n');
  const Status readable =
      parse_header(table->open.substr(0, first),
                   table->open.substr(first + 1, table->open.size() - first - 2), topic.schema.type_name)
          .status();
  if (!readable.ok()) return Status(Code::kInvalid, "topic " + topic.name + ": " + readable.message());
  const fs::path path = fs::path(folder_) / *name;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    return Status(Code::kInvalid, "cannot make a folder for " + path.string() + ": " + error.message());
  Result<AppendFile> file = AppendFile::create(path);
  if (!file.ok()) return file.status();
  table->file.emplace(std::move(*file));
  return Status();
}

Status CsvFolderWriter::write(const LogSample& sample) {
  const auto [at, first] = tables_.try_emplace(sample.topic);
  Table& table = at->second;
  if (first) table.refused = begin_table(sample, &table);
  if (!table.refused.ok()) return table.refused;
  const Json value = value_to_json(sample.topic->schema, sample.bytes);
  if (Status s = check_texts(sample, value); !s.ok()) return s;
  std::vector<std::string> cells;
  if (!table.own_timestamp) cells.push_back(std::to_string(stamp_us_of(sample)));
  for (auto& [name, text] : value_cells(value)) cells.push_back(std::move(text));
  const size_t before = table.open.size();
  table.open += csv_line(cells);
  open_bytes_ += table.open.size() - before;
  if (sample.initial) initial_ += csv_initial_line(sample);
  return Status();
}

Status CsvFolderWriter::flush_initial() {
  if (initial_.empty()) return Status();
  if (!initial_file_) {
    Result<AppendFile> file = AppendFile::create(fs::path(folder_) / kCsvInitialFile);
    if (!file.ok()) return file.status();
    initial_file_.emplace(std::move(*file));
  }
  if (Status s = initial_file_->append(initial_); !s.ok()) return s;
  bytes_ += initial_.size();
  initial_.clear();
  return initial_file_->sync();
}

Status CsvFolderWriter::flush() {
  for (auto& [topic, table] : tables_) {
    if (!table.file || table.open.empty()) continue;
    if (Status s = table.file->append(table.open); !s.ok()) return s;
    if (Status s = table.file->sync(); !s.ok()) return s;
    bytes_ += table.open.size();
    table.open.clear();
  }
  open_bytes_ = 0;
  return flush_initial();
}

}  // namespace smt::cmd
