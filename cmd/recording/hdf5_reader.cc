#include "cmd/recording/hdf5_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "shm/domain.h"

namespace smt::cmd {
namespace {

constexpr uint64_t kBlockBytes = 1 << 20;
constexpr uint64_t kMaxAttributeBytes = 2 << 20;

// A text of fixed length; "" if it is none.
std::string text_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return "";
  const Hdf5Id attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Hdf5Id type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  if (!type.ok() || H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0 ||
      H5Sget_simple_extent_npoints(space.get()) != 1 || H5Tget_size(type.get()) > kMaxAttributeBytes) {
    return "";
  }
  std::string text(H5Tget_size(type.get()), '\0');
  if (H5Aread(attribute.get(), type.get(), text.data()) < 0) return "";
  return text.substr(0, text.find('\0'));
}

// A number that a part of a recording can have. Nothing: there is none.
std::optional<uint64_t> part_attribute(hid_t object, const char* name) {
  if (H5Aexists(object, name) <= 0) return std::nullopt;
  const Hdf5Id attribute(H5Aopen(object, name, H5P_DEFAULT));
  const Hdf5Id type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
  int64_t number = -1;
  if (H5Tget_class(type.get()) != H5T_INTEGER || H5Sget_simple_extent_npoints(space.get()) != 1 ||
      H5Aread(attribute.get(), H5T_NATIVE_INT64, &number) < 0 || number < 0 ||
      static_cast<uint64_t>(number) > kMaxLogParts) {
    return std::nullopt;
  }
  return static_cast<uint64_t>(number);
}

// Groups in groups: a topic's name has 255 bytes, which are no more segments than that.
constexpr int kMaxGroupDepth = 128;
constexpr herr_t kTooDeep = 1;  // ends the visit, whose stack and paths grow with each group in a group

herr_t collect_group(hid_t, const char* name, const H5O_info_t* info, void* groups) {
  if (info->type != H5O_TYPE_GROUP) return 0;
  const std::string_view path(name);
  if (std::count(path.begin(), path.end(), '/') >= kMaxGroupDepth) return kTooDeep;
  static_cast<std::vector<std::string>*>(groups)->emplace_back(path);
  return 0;
}

template <class T>
T at(const std::vector<std::byte>& block, uint64_t index) {
  T value;
  memcpy(&value, block.data() + index * sizeof value, sizeof value);
  return value;
}

}  // namespace

Result<std::unique_ptr<LogReader>> Hdf5LogReader::open(const std::string& path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  if (access(path.c_str(), R_OK) != 0) return Status::from_errno("cannot read " + path, errno);
  Hdf5Id file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
  // One whose writer has not come to its end is open to readers only in this way.
  if (!file.ok()) file = Hdf5Id(H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT));
  if (!file.ok() && H5Fis_hdf5(path.c_str()) > 0) {
    return hdf5_error(Code::kSystem,
                      path +
                          ": nothing in it can be read; its writer ended before its first samples were "
                          "on the disk, or it is damaged");
  }
  if (!file.ok()) return hdf5_error(Code::kInvalid, path + " is no HDF5 file that can be read");
  if (H5Aexists(file.get(), "smt_log_version") <= 0) {
    return {Code::kInvalid, path + " was not recorded by smtlogger"};
  }
  auto* reader = new Hdf5LogReader(std::move(file));
  std::unique_ptr<LogReader> owned(reader);
  reader->complete_ = H5Aexists(reader->file_.get(), kHdf5EndTime) > 0;
  if (const auto number = part_attribute(reader->file_.get(), kHdf5Part)) {
    reader->part_ = {text_attribute(reader->file_.get(), kHdf5Recording), *number,
                     part_attribute(reader->file_.get(), kHdf5NextPart)};
  }
  std::vector<std::string> groups;
  const herr_t visited = H5Ovisit_by_name2(reader->file_.get(), "topics", H5_INDEX_NAME, H5_ITER_INC,
                                           collect_group, &groups, H5O_INFO_BASIC, H5P_DEFAULT);
  if (visited < 0) return hdf5_error(Code::kInvalid, path + ": its topics cannot be read");
  if (visited == kTooDeep) {
    return {Code::kInvalid, fmt::format("{}: its groups nest more than {} deep", path, kMaxGroupDepth)};
  }
  for (const std::string& group : groups) reader->learn("topics/" + group);
  reader->rewind();
  return owned;
}

void Hdf5LogReader::problem(const std::string& what) {
  if (problems_.size() < kToldProblems) problems_.push_back(what);
}

void Hdf5LogReader::learn(const std::string& name) {
  const Hdf5Id group(H5Gopen2(file_.get(), name.c_str(), H5P_DEFAULT));
  if (!group.ok() || H5Aexists(group.get(), "topic") <= 0) return;  // only on the way to others
  auto topic = std::make_unique<Topic>();
  const Status opened = open_group(group.get(), topic.get());
  if (!opened.ok()) {
    ++topics_left_out_;
    return problem("group " + name + ": " + opened.message() + "; left out");
  }
  topics_.push_back(std::move(topic));
}

Status Hdf5LogReader::open_group(hid_t group, Topic* topic) {
  topic->log.name = text_attribute(group, "topic");
  topic->log.host = text_attribute(group, "host");
  topic->log.domain = text_attribute(group, "domain");
  topic->log.node = text_attribute(group, "node");
  if (Status s = check_topic_name(topic->log.name); !s.ok()) return s;
  Result<Schema> schema = Schema::from_text(text_attribute(group, "schema"));
  if (!schema.ok()) return schema.status();
  if (schema->size > kMaxValueBytes) return {Code::kInvalid, "values of more than 64 MiB"};
  topic->log.schema = std::move(*schema);
  const Hdf5Id rows(H5Dopen2(group, kHdf5Rows, H5P_DEFAULT)), scalar(H5Dget_space(rows.get()));
  if (H5Sget_simple_extent_npoints(scalar.get()) != 1 ||
      H5Dread(rows.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &topic->samples) < 0) {
    return {Code::kInvalid, "no dataset rows of one number"};
  }
  for (Hdf5Column& column : hdf5_columns_of(topic->log.schema)) {
    Dataset& dataset = topic->datasets.emplace_back();
    dataset.element = column.element();
    dataset.column = std::move(column);
    const std::string& name = dataset.column.name;
    dataset.id = Hdf5Id(H5Dopen2(group, name.c_str(), H5P_DEFAULT));
    if (!dataset.id.ok()) return {Code::kInvalid, "no dataset " + name};
    const Hdf5Id type(H5Dget_type(dataset.id.get())), space(H5Dget_space(dataset.id.get()));
    const int rank = dataset.column.is_array() ? 2 : 1;
    hsize_t dimensions[2] = {0, dataset.column.count};
    if (H5Tequal(type.get(), dataset.element.get()) <= 0 || H5Sget_simple_extent_ndims(space.get()) != rank ||
        H5Sget_simple_extent_dims(space.get(), dimensions, nullptr) < 0 ||
        dimensions[1] != dataset.column.count) {
      return {Code::kInvalid, "the dataset " + name + " is not what the schema says"};
    }
    dataset.rows = dimensions[0];
    const bool bytes = topic->log.schema.fields.empty() && name == "data";
    if (!bytes) topic->samples = std::min(topic->samples, dataset.rows);
  }
  topic->begins_initial = begins_initial(group, *topic);
  return Status();
}

// What the file tells of the first sample; no other can be an initial value.
bool Hdf5LogReader::begins_initial(hid_t group, const Topic& topic) {
  std::vector<Hdf5Column> columns = hdf5_columns_of(topic.log.schema);
  const Hdf5Column column = hdf5_initial_column(columns);
  if (topic.samples == 0 || H5Lexists(group, column.name.c_str(), H5P_DEFAULT) <= 0) return false;
  Dataset flags;
  flags.column = column;
  flags.element = column.element();
  flags.id = Hdf5Id(H5Dopen2(group, column.name.c_str(), H5P_DEFAULT));
  const Hdf5Id type(H5Dget_type(flags.id.get())), space(H5Dget_space(flags.id.get()));
  hsize_t rows = 0;
  return H5Tequal(type.get(), flags.element.get()) > 0 && H5Sget_simple_extent_ndims(space.get()) == 1 &&
         H5Sget_simple_extent_dims(space.get(), &rows, nullptr) == 1 && rows > 0 && read(&flags, 0, 1) &&
         flags.block[0] == std::byte{1};
}

std::vector<const LogTopic*> Hdf5LogReader::topics() const {
  std::vector<const LogTopic*> topics;
  for (const auto& topic : topics_) topics.push_back(&topic->log);
  return topics;
}

double Hdf5LogReader::progress() const {
  uint64_t at = 0, samples = 0;
  for (const auto& topic : topics_) {
    at += topic->at;
    samples += topic->samples;
  }
  return samples == 0 ? 1 : static_cast<double>(at) / static_cast<double>(samples);
}

bool Hdf5LogReader::read(Dataset* dataset, uint64_t begin, uint64_t count) {
  const hsize_t start[2] = {begin, 0}, size[2] = {count, dataset->column.count};
  const int rank = dataset->column.is_array() ? 2 : 1;
  dataset->block.resize(count * dataset->column.row_bytes());
  if (count == 0) return true;
  const Hdf5Id memory(H5Screate_simple(rank, size, nullptr)), space(H5Dget_space(dataset->id.get()));
  return H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, size, nullptr) >= 0 &&
         H5Dread(dataset->id.get(), dataset->element.get(), memory.get(), space.get(), H5P_DEFAULT,
                 dataset->block.data()) >= 0;
}

// The next block of samples. False: there is none, or it cannot be read.
bool Hdf5LogReader::load(Topic* topic) {
  uint64_t row_bytes = 0;
  for (const Dataset& dataset : topic->datasets) row_bytes += dataset.column.row_bytes();
  const uint64_t count =
      std::min(topic->samples - topic->at, std::clamp<uint64_t>(kBlockBytes / row_bytes, 1, 4096));
  if (count == 0) return false;
  topic->begin = topic->at;
  topic->end = topic->at + count;
  const bool raw = topic->log.schema.fields.empty();
  const size_t tables = topic->datasets.size() - (raw ? 1 : 0);
  for (size_t i = 0; i < tables; ++i) {
    if (!read(&topic->datasets[i], topic->begin, count)) return false;
  }
  return !raw || load_data(topic);
}

// The bytes of the samples of the block, or of as many of them as a block may have.
bool Hdf5LogReader::load_data(Topic* topic) {
  const std::vector<std::byte>& ends = topic->datasets[kHdf5Heads].block;
  Dataset& data = topic->datasets[kHdf5Heads + 1];
  uint64_t end = topic->last_end, samples = 0;
  for (; samples < topic->end - topic->begin; ++samples) {
    const uint64_t next = at<uint64_t>(ends, samples);
    if (next < end || next > data.rows || next - end > kMaxValueBytes) break;
    if (samples != 0 && next - topic->last_end > kMaxValueBytes) break;
    end = next;
  }
  if (samples == 0 || !read(&data, topic->last_end, end - topic->last_end)) return false;
  topic->data_begin = topic->last_end;
  topic->last_end = end;
  topic->end = topic->begin + samples;
  return true;
}

void Hdf5LogReader::enqueue(size_t index) {
  Topic& topic = *topics_[index];
  if (topic.at == topic.end && !load(&topic)) {
    if (topic.at == topic.samples) return;
    samples_left_out_ += topic.samples - topic.at;
    return problem(topic.log.name + ": cannot be read from sample " + std::to_string(topic.at) + " on");
  }
  due_.emplace(at<int64_t>(topic.datasets[1].block, topic.at - topic.begin), index);
}

void Hdf5LogReader::read_value(const Topic& topic, LogSample* sample) {
  const uint64_t row = topic.at - topic.begin;
  if (topic.log.schema.fields.empty()) {
    const std::vector<std::byte>& ends = topic.datasets[kHdf5Heads].block;
    const uint64_t begin = row == 0 ? topic.data_begin : at<uint64_t>(ends, row - 1);
    const std::byte* bytes = topic.datasets[kHdf5Heads + 1].block.data() + (begin - topic.data_begin);
    value_.assign(bytes, bytes + (at<uint64_t>(ends, row) - begin));
  } else {
    value_.assign(topic.log.schema.size, std::byte{});
    for (size_t i = kHdf5Heads; i < topic.datasets.size(); ++i) {
      const Dataset& dataset = topic.datasets[i];
      const std::byte* from = dataset.block.data() + row * dataset.column.row_bytes();
      for (const Hdf5Column::Piece& piece : dataset.column.pieces) {
        memcpy(value_.data() + piece.offset, from, piece.bytes);
        from += piece.bytes;
      }
    }
  }
  sample->bytes = value_;
}

bool Hdf5LogReader::next(LogSample* sample) {
  if (due_.empty()) return false;
  const size_t index = due_.top().second;
  due_.pop();
  Topic& topic = *topics_[index];
  const uint64_t row = topic.at - topic.begin;
  sample->topic = &topic.log;
  sample->stamp_ns = at<int64_t>(topic.datasets[0].block, row);
  sample->receive_ns = at<int64_t>(topic.datasets[1].block, row);
  sample->sequence = at<uint64_t>(topic.datasets[2].block, row);
  sample->missed = at<uint64_t>(topic.datasets[3].block, row);
  sample->initial = topic.begins_initial && topic.at == 0;
  read_value(topic, sample);
  ++topic.at;
  enqueue(index);
  return true;
}

void Hdf5LogReader::rewind() {
  due_ = {};
  samples_left_out_ = 0;
  for (size_t i = 0; i < topics_.size(); ++i) {
    Topic& topic = *topics_[i];
    topic.at = topic.begin = topic.end = topic.data_begin = topic.last_end = 0;
    enqueue(i);
  }
}

}  // namespace smt::cmd
