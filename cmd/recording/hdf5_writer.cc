#include "cmd/recording/hdf5_writer.h"

#include <fcntl.h>
#include <hdf5_hl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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

constexpr size_t kMaxScaled = 1000;
// By how much a file grows at most, as measured with a margin: the end; making a group, a dataset of it, and
// the pairs in which its scale lists those.
constexpr uint64_t kFileEndBytes = 64 << 10, kGroupBytes = 8 << 10, kDatasetBytes = 4 << 10;
constexpr uint64_t kScalePairBytes = 32;
// The library's flush looks through all that it has to write once for each dataset whose index has changed;
// it is called for so many of them at once, as each call looks at all datasets.
constexpr size_t kMaxIndexed = 1000;

Hdf5Id latest_format() {
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return access;
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

// Behind the others.
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
  if (Status s = take_room(descriptor(), path_, 0, kFileEndBytes); !s.ok()) return s;
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
  for (auto& [log, topic] : topics_) {
    for (Hdf5Dataset& dataset : topic.datasets) dataset.release();
    topic.rows.release();
  }
  file_.release();
}

int Hdf5LogWriter::descriptor() const {
  void* handle = nullptr;
  return H5Fget_vfd_handle(file_.get(), H5P_DEFAULT, &handle) < 0 ? -1 : *static_cast<int*>(handle);
}

// Takes room for the next flush and for the end.
Status Hdf5LogWriter::reserve() {
  uint64_t bytes = kFileEndBytes;
  for (const auto& [log, topic] : topics_) {
    for (const Hdf5Dataset& dataset : topic.datasets) {
      bytes += dataset.max_growth(dataset.column().is_bytes() ? topic.open_data.size() : topic.open_count());
    }
    if (started_) continue;
    const auto groups = static_cast<uint64_t>(std::count(log->name.begin(), log->name.end(), '/')) + 1;
    const uint64_t count = topic.datasets.size(), scaled = count > kMaxScaled ? 0 : count;
    bytes += groups * kGroupBytes + 2 * log->schema.text().size() + count * kDatasetBytes +
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
  topics_.emplace(topic, Topic(topic->schema));
  return Status();
}

Hdf5LogWriter::Topic::Topic(const Schema& schema) {
  std::vector<Hdf5Column> columns = hdf5_columns_of(schema);
  columns.push_back(hdf5_initial_column(columns));
  const size_t body = schema.fields.empty() ? 8 : schema.size;
  row_bytes = 8 * kHdf5Heads + body;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::vector<Hdf5Column::Piece>& of_value = columns[i].pieces;
    if (of_value.size() == 1) {
      offsets.push_back(8 * kHdf5Heads + of_value[0].offset);
    } else if (i <= kHdf5Heads && of_value.empty()) {
      offsets.push_back(8 * i);  // of the heads, or `end`
    } else {
      offsets.push_back(row_bytes);
      if (!columns[i].is_bytes()) row_bytes += columns[i].row_bytes();
      pieces.insert(pieces.end(), of_value.begin(), of_value.end());
    }
    datasets.emplace_back(std::move(columns[i]));
  }
}

void Hdf5LogWriter::Topic::add(const LogSample& sample) {
  const uint64_t heads[kHdf5Heads] = {static_cast<uint64_t>(sample.stamp_ns),
                                      static_cast<uint64_t>(sample.receive_ns), sample.sequence,
                                      sample.missed};
  put(heads, sizeof heads, &open_rows);
  if (sample.topic->schema.fields.empty()) {
    put(sample.bytes.data(), sample.bytes.size(), &open_data);
    const uint64_t end = datasets[kHdf5Heads + 1].rows() + open_data.size();
    put(&end, sizeof end, &open_rows);
  } else {
    put(sample.bytes.data(), sample.bytes.size(), &open_rows);
    for (const Hdf5Column::Piece& piece : pieces) {
      put(sample.bytes.data() + piece.offset, piece.bytes, &open_rows);
    }
  }
  const uint8_t initial = sample.initial ? 1 : 0;
  put(&initial, sizeof initial, &open_rows);
}

Status Hdf5LogWriter::write(const LogSample& sample) {
  auto topic = topics_.find(sample.topic);
  if (topic == topics_.end()) {
    if (Status s = declare(sample.topic); !s.ok()) return s;
    topic = topics_.find(sample.topic);
  }
  topic->second.add(sample);
  open_bytes_ += 8 * kHdf5Heads + 1 + sample.bytes.size();
  return Status();
}

// Makes the times the scale of what has a row for each sample: xarray and others find them so. The library
// writes the list of all those anew with each, so a topic of very many fields goes without.
bool Hdf5LogWriter::scale_rows(const Topic& topic) {
  const hid_t times = topic.datasets[0].id();
  if (topic.datasets.size() > kMaxScaled) return true;
  bool good = H5DSset_scale(times, "t") >= 0;
  for (size_t i = 1; i < topic.datasets.size(); ++i) {
    const Hdf5Dataset& dataset = topic.datasets[i];
    good = good && (dataset.column().is_bytes() || H5DSattach_scale(dataset.id(), times, 0) >= 0);
  }
  return good;
}

Status Hdf5LogWriter::make_topic(const LogTopic& log, Topic* topic) {
  const Hdf5Id topics(H5Gopen2(file_.get(), "topics", H5P_DEFAULT));
  const Hdf5Id group = make_group(topics.get(), log.name);
  const bool told = group.ok() && put_attribute(group.get(), "topic", log.name) &&
                    put_attribute(group.get(), "schema", log.schema.text()) &&
                    put_attribute(group.get(), "type", log.schema.type_name) &&
                    put_attribute(group.get(), "host", log.host) &&
                    put_attribute(group.get(), "domain", log.domain) &&
                    put_attribute(group.get(), "node", log.node);
  if (!told) return broken("make a group in");
  for (Hdf5Dataset& dataset : topic->datasets) {
    if (!dataset.create(group.get())) return broken("make a dataset in");
  }
  if (!scale_rows(*topic)) return broken("write");
  const Hdf5Id space(H5Screate(H5S_SCALAR)), create(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_alloc_time(create.get(), H5D_ALLOC_TIME_EARLY);  // a full disk still takes it
  topic->rows = Hdf5Id(H5Dcreate2(group.get(), kHdf5Rows, H5T_NATIVE_UINT64, space.get(), H5P_DEFAULT,
                                  create.get(), H5P_DEFAULT));
  return topic->rows.ok() ? Status() : broken("make a dataset in");
}

// When the samples are on the disk, their number follows.
Status Hdf5LogWriter::write_rows(const std::vector<const Topic*>& written) {
  for (const Topic* topic : written) {
    const uint64_t count = topic->datasets[0].rows();
    if (H5Dwrite(topic->rows.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &count) < 0) {
      return broken("write");
    }
  }
  return sync();
}

// Makes all groups and datasets, and lets readers in.
Status Hdf5LogWriter::start() {
  std::vector<std::pair<const LogTopic*, Topic*>> by_name;
  for (auto& [log, topic] : topics_) by_name.emplace_back(log, &topic);
  std::stable_sort(by_name.begin(), by_name.end(),
                   [](const auto& a, const auto& b) { return a.first->name < b.first->name; });
  for (const auto& [log, topic] : by_name) {
    if (Status s = make_topic(*log, topic); !s.ok()) return s;
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

Status Hdf5LogWriter::write_topic(Topic* topic) {
  for (size_t i = 0; i < topic->datasets.size(); ++i) {
    Hdf5Dataset& dataset = topic->datasets[i];
    const bool written = dataset.column().is_bytes()
                             ? dataset.append(topic->open_data.data(), topic->open_data.size(), 1, &packer_)
                             : dataset.append(topic->open_rows.data() + topic->offsets[i],
                                              topic->open_count(), topic->row_bytes, &packer_);
    if (!written) return broken("write");
    if (dataset.take_indexed() && ++indexed_ == kMaxIndexed) {
      indexed_ = 0;
      if (H5Fflush(file_.get(), H5F_SCOPE_LOCAL) < 0) return broken("write");
    }
  }
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
  std::vector<const Topic*> written;
  for (auto& [log, topic] : topics_) {
    if (topic.open_rows.empty()) continue;
    if (Status s = write_topic(&topic); !s.ok()) return s;
    written.push_back(&topic);
  }
  if (Status s = sync(); !s.ok()) return s;
  return write_rows(written);
}

void Hdf5LogWriter::drop_open() {
  open_bytes_ = 0;
  for (auto& [log, topic] : topics_) {
    topic.open_rows.clear();
    topic.open_data.clear();
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
