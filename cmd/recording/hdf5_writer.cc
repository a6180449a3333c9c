#include "cmd/recording/hdf5_writer.h"

#include <fcntl.h>
#include <hdf5_hl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "cmd/recording/append_file.h"
#include "cmd/recording/file_room.h"
#include "cmd/recording/log_events.h"
#include "cmd/text/file_status.h"
#include "cmd/text/version.h"
#include "shm/clock.h"

namespace smt::cmd {
namespace {

// Small: the last chunk of a dataset is packed anew with each flush.
constexpr uint64_t kChunkBytes = 16 << 10;
constexpr uint64_t kMaxChunkRows = 256;
constexpr unsigned kDeflateLevel = 1;
constexpr size_t kMaxScaled = 1000;
// By how much a file grows at most, as measured with a margin: the end; making a group, a dataset of it, and
// the pairs in which its scale lists those; what the index of a dataset takes beside what follows from its
// number of chunks.
constexpr uint64_t kEndBytes = 64 << 10, kGroupBytes = 8 << 10, kDatasetBytes = 4 << 10;
constexpr uint64_t kScalePairBytes = 32, kIndexBytes = 8 << 10;

Hdf5Id latest_format() {
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return access;
}

bool put_attribute(hid_t object, const char* name, hid_t type, const void* value) {
  const Hdf5Id space(H5Screate(H5S_SCALAR));
  const Hdf5Id attribute(H5Acreate2(object, name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT));
  return attribute.ok() && H5Awrite(attribute.get(), type, value) >= 0;
}
bool put_attribute(hid_t object, const char* name, const std::string& text) {
  const Hdf5Id type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type.get(), text.size() + 1);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return put_attribute(object, name, type.get(), text.c_str());
}
bool put_attribute(hid_t object, const char* name, int64_t value) {
  return put_attribute(object, name, H5T_NATIVE_INT64, &value);
}

enum class Link { kNone, kGroup, kOther };

Link link_at(hid_t group, const std::string& name) {
  if (H5Lexists(group, name.c_str(), H5P_DEFAULT) <= 0) return Link::kNone;
  H5O_info_t info;
  if (H5Oget_info_by_name2(group, name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return Link::kOther;
  return info.type == H5O_TYPE_GROUP ? Link::kGroup : Link::kOther;
}

// The topic's own group, with one on the way for each part of its name. A part that is taken by a dataset, or
// at the end by another topic, gets a '~' more; topics come in the order of their names.
Hdf5Id make_group(hid_t topics, const std::string& name) {
  Hdf5Id group(H5Gopen2(topics, ".", H5P_DEFAULT));
  for (size_t begin = 0; begin <= name.size() && group.ok();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    std::string part = name.substr(begin, end - begin);
    if (part == ".") part = ".~";
    const bool last = end == name.size();
    for (;; part += '~') {
      const Link link = link_at(group.get(), part);
      Hdf5Id next;
      if (link == Link::kNone) {
        next = Hdf5Id(H5Gcreate2(group.get(), part.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      } else if (link == Link::kGroup) {
        next = Hdf5Id(H5Gopen2(group.get(), part.c_str(), H5P_DEFAULT));
        if (next.ok() && last && H5Aexists(next.get(), "topic") > 0) continue;
      } else {
        continue;
      }
      group = std::move(next);
      break;
    }
    begin = end + 1;
  }
  return group;
}

void put(const void* bytes, size_t count, std::vector<std::byte>* out) {
  const auto* from = static_cast<const std::byte*>(bytes);
  out->insert(out->end(), from, from + count);
}

}  // namespace

Result<std::unique_ptr<LogWriter>> Hdf5LogWriter::create(const std::string& path, const LogPart& part) {
  H5dont_atexit();  // a file that cannot be closed, as on a full disk, must not end the process in the
                    // library
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  if (access(path.c_str(), F_OK) == 0) {
    return {Code::kInvalid, path + " is there already; take another name, or remove it first"};
  }
  std::error_code none;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder, none))
    return {Code::kInvalid, "cannot make " + path + ": there is no such folder"};
  errno = 0;  // the library leaves what the system said
  Hdf5Id file(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, latest_format().get()));
  const int error = errno;
  if (!file.ok() && error != 0) return file_status("cannot make " + path, error);
  if (!file.ok()) return hdf5_error(Code::kSystem, "cannot make " + path);
  std::unique_ptr<Hdf5LogWriter> writer(new Hdf5LogWriter(path, std::move(file)));
  if (Status s = writer->begin(part); !s.ok()) {
    writer.reset();
    std::filesystem::remove(path, none);
    return s;
  }
  return std::unique_ptr<LogWriter>(std::move(writer));
}

// It is such a file, though an empty one, from the beginning, and has room for its end.
Status Hdf5LogWriter::begin(const LogPart& part) {
  if (Status s = take_room(descriptor(), path_, 0, kEndBytes); !s.ok()) return s;
  bool told = put_attribute(file_.get(), "smt_log_version", int64_t{1}) &&
              put_attribute(file_.get(), "start_time_ns", realtime_ns()) &&
              put_attribute(file_.get(), "tool", version());
  if (!part.recording.empty()) {
    told = told && put_attribute(file_.get(), kHdf5Recording, part.recording) &&
           put_attribute(file_.get(), kHdf5Part, static_cast<int64_t>(part.number));
  }
  const Hdf5Id topics(H5Gcreate2(file_.get(), "topics", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  const bool written = told && topics.ok() && H5Fflush(file_.get(), H5F_SCOPE_LOCAL) >= 0;
  return written ? Status() : hdf5_error(Code::kSystem, "cannot write " + path_);
}

Hdf5LogWriter::~Hdf5LogWriter() {
  if (!broken_) return;
  for (auto& [log, datasets] : topics_) {
    for (Dataset& dataset : datasets) dataset.id.release();
  }
  for (auto& [log, rows] : rows_) rows.release();
  file_.release();
}

uint64_t Hdf5LogWriter::Dataset::chunk_rows() const {
  const uint64_t max_rows = column.is_bytes() ? kChunkBytes : kMaxChunkRows;
  return std::clamp<uint64_t>(kChunkBytes / column.row_bytes(), 1, max_rows);
}

// With the next flush: the rows, and the last chunk and its successor packed anew, which deflate may
// lengthen; and the index of the chunks, which grows by blocks that hold about as many entries as the square
// root of their number.
uint64_t Hdf5LogWriter::Dataset::max_growth() const {
  if (open.empty()) return 0;
  const uint64_t chunk_bytes = chunk_rows() * column.row_bytes();
  const uint64_t chunks = (rows * column.row_bytes() + open.size()) / chunk_bytes + 1;
  const uint64_t raw = open.size() + 2 * chunk_bytes;
  return raw + raw / 64 + 128 * static_cast<uint64_t>(std::sqrt(static_cast<double>(chunks))) + kIndexBytes;
}

int Hdf5LogWriter::descriptor() const {
  void* handle = nullptr;
  return H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &handle) < 0 ? -1 : *static_cast<int*>(handle);
}

// Takes room for the next flush and for the end.
Status Hdf5LogWriter::reserve() {
  uint64_t bytes = kEndBytes;
  for (const auto& [log, datasets] : topics_) {
    for (const Dataset& dataset : datasets) bytes += dataset.max_growth();
    if (started_) continue;
    const auto groups = static_cast<uint64_t>(std::count(log->name.begin(), log->name.end(), '/')) + 1;
    const uint64_t scaled = datasets.size() > kMaxScaled ? 0 : datasets.size();
    bytes += groups * kGroupBytes + 2 * log->schema.text().size() + datasets.size() * kDatasetBytes +
             scaled * scaled * kScalePairBytes;
  }
  hsize_t end = 0;
  H5Fget_filesize(file_.get(), &end);
  struct stat written = {};
  if (started_) (void)fstat(descriptor(), &written);  // what is before it had its room taken
  return take_room(descriptor(), path_, static_cast<uint64_t>(written.st_size), end + bytes);
}

Status Hdf5LogWriter::broken(const std::string& what) {
  broken_ = true;
  return hdf5_error(Code::kNoSpace, "cannot " + what + " " + path_ + " (" + std::to_string(bytes_) +
                                        " bytes up to the last flush)");
}

Status Hdf5LogWriter::declare(const LogTopic* topic) {
  if (topics_.count(topic) != 0) return Status();
  if (started_) return {Code::kNotFound, path_ + ": takes no new topic any more"};
  Topic& datasets = topics_[topic];
  std::vector<Hdf5Column> columns = hdf5_columns_of(topic->schema);
  columns.push_back(hdf5_initial_column(columns));
  for (Hdf5Column& column : columns) {
    Dataset& dataset = datasets.emplace_back();
    dataset.column = std::move(column);
    dataset.element = dataset.column.element();
  }
  return Status();
}

Status Hdf5LogWriter::write(const LogSample& sample) {
  if (Status s = declare(sample.topic); !s.ok()) return s;
  Topic& datasets = topics_.at(sample.topic);
  put(&sample.stamp_ns, 8, &datasets[0].open);
  put(&sample.receive_ns, 8, &datasets[1].open);
  put(&sample.sequence, 8, &datasets[2].open);
  put(&sample.missed, 8, &datasets[3].open);
  if (sample.topic->schema.fields.empty()) {
    Dataset &ends = datasets[kHdf5Heads], &data = datasets[kHdf5Heads + 1];
    put(sample.bytes.data(), sample.bytes.size(), &data.open);
    const uint64_t end = data.rows + data.open.size();
    put(&end, 8, &ends.open);
  } else {
    for (size_t i = kHdf5Heads; i < datasets.size(); ++i) {
      for (const Hdf5Column::Piece& piece : datasets[i].column.pieces) {
        put(sample.bytes.data() + piece.offset, piece.bytes, &datasets[i].open);
      }
    }
  }
  const uint8_t initial = sample.initial ? 1 : 0;
  put(&initial, 1, &datasets.back().open);
  open_bytes_ += 8 * kHdf5Heads + 1 + sample.bytes.size();
  return Status();
}

Status Hdf5LogWriter::make_dataset(hid_t group, Dataset* dataset) {
  const Hdf5Column& column = dataset->column;
  const int rank = column.is_array() ? 2 : 1;
  const hsize_t none[2] = {0, column.count}, max[2] = {H5S_UNLIMITED, column.count};
  const hsize_t chunk[2] = {dataset->chunk_rows(), column.count};
  const Hdf5Id space(H5Screate_simple(rank, none, max)), create(H5Pcreate(H5P_DATASET_CREATE));
  const Hdf5Id access(H5Pcreate(H5P_DATASET_ACCESS));
  H5Pset_chunk(create.get(), rank, chunk);
  H5Pset_shuffle(create.get());
  H5Pset_deflate(create.get(), kDeflateLevel);
  H5Pset_chunk_cache(access.get(), 11, 2 * chunk[0] * column.row_bytes(), H5D_CHUNK_CACHE_W0_DEFAULT);
  dataset->id = Hdf5Id(H5Dcreate2(group, column.name.c_str(), dataset->element.get(), space.get(),
                                  H5P_DEFAULT, create.get(), access.get()));
  const bool made =
      dataset->id.ok() && (column.unit.empty() || put_attribute(dataset->id.get(), "units", column.unit));
  return made ? Status() : broken("make a dataset in");
}

// Makes the times the scale of what has a row for each sample: xarray and others find them so. The library
// writes the list of all those anew with each, so a topic of very many fields goes without.
bool Hdf5LogWriter::scale_rows(const Topic& datasets) {
  const hid_t times = datasets[0].id.get();
  if (datasets.size() > kMaxScaled) return true;
  bool good = H5DSset_scale(times, "t") >= 0;
  for (size_t i = 1; i < datasets.size(); ++i) {
    good = good && (datasets[i].column.is_bytes() || H5DSattach_scale(datasets[i].id.get(), times, 0) >= 0);
  }
  return good;
}

Status Hdf5LogWriter::make_topic(const LogTopic& topic, Topic* datasets) {
  const Hdf5Id topics(H5Gopen2(file_.get(), "topics", H5P_DEFAULT));
  const Hdf5Id group = make_group(topics.get(), topic.name);
  const bool told = group.ok() && put_attribute(group.get(), "topic", topic.name) &&
                    put_attribute(group.get(), "schema", topic.schema.text()) &&
                    put_attribute(group.get(), "type", topic.schema.type_name) &&
                    put_attribute(group.get(), "host", topic.host) &&
                    put_attribute(group.get(), "domain", topic.domain) &&
                    put_attribute(group.get(), "node", topic.node);
  if (!told) return broken("make a group in");
  for (Dataset& dataset : *datasets) {
    if (Status s = make_dataset(group.get(), &dataset); !s.ok()) return s;
  }
  if (!scale_rows(*datasets)) return broken("write");
  const Hdf5Id space(H5Screate(H5S_SCALAR)), create(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_alloc_time(create.get(), H5D_ALLOC_TIME_EARLY);  // a full disk still takes it
  Hdf5Id rows(H5Dcreate2(group.get(), kHdf5Rows, H5T_NATIVE_UINT64, space.get(), H5P_DEFAULT, create.get(),
                         H5P_DEFAULT));
  if (!rows.ok()) return broken("make a dataset in");
  rows_[&topic] = std::move(rows);
  return Status();
}

// When the samples are on the disk, their number follows.
Status Hdf5LogWriter::write_rows() {
  for (const auto& [log, rows] : rows_) {
    const uint64_t count = topics_.at(log)[0].rows;
    if (H5Dwrite(rows.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &count) < 0) {
      return broken("write");
    }
  }
  return sync();
}

// Makes all groups and datasets, and lets readers in.
Status Hdf5LogWriter::start() {
  std::vector<std::pair<const LogTopic*, Topic*>> by_name;
  for (auto& [log, datasets] : topics_) by_name.emplace_back(log, &datasets);
  std::stable_sort(by_name.begin(), by_name.end(),
                   [](const auto& a, const auto& b) { return a.first->name < b.first->name; });
  for (const auto& [log, datasets] : by_name) {
    if (Status s = make_topic(*log, datasets); !s.ok()) return s;
  }
  const std::string events = std::string("/topics/") + kLogEventsTopic;
  const bool has_events = std::any_of(by_name.begin(), by_name.end(),
                                      [](const auto& topic) { return topic.first->name == kLogEventsTopic; });
  if (has_events && H5Lcreate_soft(events.c_str(), file_.get(), "events", H5P_DEFAULT, H5P_DEFAULT) < 0) {
    return broken("make a link in");
  }
  if (H5Fflush(file_.get(), H5F_SCOPE_LOCAL) < 0 || H5Fstart_swmr_write(file_.get()) < 0) {
    return broken("let readers into");
  }
  started_ = true;
  return Status();
}

Status Hdf5LogWriter::extend(Dataset* dataset) {
  const Hdf5Column& column = dataset->column;
  const uint64_t rows = dataset->open.size() / column.row_bytes();
  if (rows == 0) return Status();
  const int rank = column.is_array() ? 2 : 1;
  const hsize_t begin[2] = {dataset->rows, 0}, count[2] = {rows, column.count};
  const hsize_t size[2] = {dataset->rows + rows, column.count};
  if (H5Dset_extent(dataset->id.get(), size) < 0) return broken("extend");
  const Hdf5Id memory(H5Screate_simple(rank, count, nullptr)), space(H5Dget_space(dataset->id.get()));
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, begin, nullptr, count, nullptr) < 0 ||
      H5Dwrite(dataset->id.get(), dataset->element.get(), memory.get(), space.get(), H5P_DEFAULT,
               dataset->open.data()) < 0) {
    return broken("write");
  }
  dataset->rows += rows;
  dataset->open.clear();
  return Status();
}

Status Hdf5LogWriter::check() const { return check_file(descriptor(), path_); }

Status Hdf5LogWriter::sync() {
  if (H5Fflush(file_.get(), H5F_SCOPE_LOCAL) < 0) return broken("write");
  if (Status s = sync_file(descriptor(), path_); !s.ok()) {
    broken_ = true;
    return s;
  }
  hsize_t bytes = 0;
  H5Fget_filesize(file_.get(), &bytes);
  bytes_ = bytes;
  return Status();
}

Status Hdf5LogWriter::flush() {
  if (broken_) return {Code::kNoSpace, path_ + ": nothing more can be written"};
  if (open_bytes_ == 0) return Status();
  const Status written = write_open();
  drop_open();
  return written;
}

Status Hdf5LogWriter::write_open() {
  if (Status s = reserve(); !s.ok()) return s;
  if (!started_) {
    if (Status s = start(); !s.ok()) return s;
  }
  for (auto& [log, datasets] : topics_) {
    for (Dataset& dataset : datasets) {
      if (Status s = extend(&dataset); !s.ok()) return s;
    }
  }
  if (Status s = sync(); !s.ok()) return s;
  return write_rows();
}

void Hdf5LogWriter::drop_open() {
  open_bytes_ = 0;
  for (auto& [log, datasets] : topics_) {
    for (Dataset& dataset : datasets) dataset.open.clear();
  }
}

Status Hdf5LogWriter::finish() {
  if (finished_) return Status();
  Status flushed = flush();
  if (!broken_ && !started_) {  // topics without a sample are in the file too, if there is room for them
    Status s = reserve();
    if (s.ok()) s = start();
    if (flushed.ok()) flushed = std::move(s);
  }
  if (broken_) return flushed;
  if (Status s = check(); !s.ok()) return s;
  const Status completed = complete();
  finished_ = completed.ok();
  return flushed.ok() ? completed : flushed;
}

// While readers may come no attribute can be written, so the file is opened again for the last ones.
Status Hdf5LogWriter::complete() {
  topics_.clear();
  rows_.clear();
  file_ = Hdf5Id();
  file_ = Hdf5Id(H5Fopen(path_.c_str(), H5F_ACC_RDWR, latest_format().get()));
  const bool told =
      file_.ok() && put_attribute(file_.get(), kHdf5EndTime, realtime_ns()) &&
      (!next_part_ || put_attribute(file_.get(), kHdf5NextPart, static_cast<int64_t>(*next_part_)));
  const Status completed = told ? sync() : broken("complete");
  file_ = Hdf5Id();  // in any case: nobody can open a file that was not closed
  if (!completed.ok()) return completed;
  std::error_code error;
  bytes_ = std::filesystem::file_size(path_, error);
  if (!error) (void)!truncate(path_.c_str(), static_cast<off_t>(bytes_));  // gives back the room that is left
  return Status();
}

}  // namespace smt::cmd
