// smtlogger recover: a complete file of what can be read of one that was cut off or damaged.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/log_file.h"
#include "cmd/recording/mcap_log.h"
#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/mcap_writer.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// Copies records as they are, so that recordings of other programs are recovered too.
class RecordCopy {
 public:
  RecordCopy(McapReader* from, McapWriter* to) : from_(from), to_(to) {}

  // All that `from` can read. An error: nothing more can be written.
  Status run() {
    McapMessage message;
    for (bool more = true; more;) {
      more = from_->next(&message);
      for (const McapBeside& beside : from_->take_beside()) {
        if (Status s = add_beside(beside); !s.ok()) return s;
      }
      if (!more) break;
      const Status s = add(message);
      if (!s.ok() && s.code() != Code::kInvalid) return s;
      if (!s.ok()) leave_out(s.message());
    }
    return to_->finish();
  }
  uint64_t attachments() const { return attachments_; }
  uint64_t metadata() const { return metadata_; }
  // Whole records that are not in the copy.
  uint64_t left_out() const { return left_out_ + from_->unknown_records(); }

 private:
  Status add(McapMessage message) {
    const Result<uint16_t> channel = channel_of(message.channel_id);
    if (!channel.ok()) return channel.status();
    message.channel_id = *channel;
    if (Status s = to_->write(message); !s.ok()) return s;
    return to_->open_bytes() < kFlushBytes ? Status() : to_->flush();
  }

  Status add_beside(const McapBeside& beside) {
    std::string body;
    McapAttachment attachment;
    McapMetadata metadata;
    const bool is_attachment = beside.op == McapOp::kAttachment;
    if (!from_->read_beside(beside, &body) ||
        (is_attachment ? !parse(body, &attachment) : !parse(body, &metadata))) {
      leave_out(beside.name + " can no longer be read");
      return Status();
    }
    const Status s = is_attachment ? to_->add(attachment) : to_->add(metadata);
    if (s.ok()) ++(is_attachment ? attachments_ : metadata_);
    return s;
  }

  Result<uint16_t> channel_of(uint16_t id) {
    if (const auto found = channels_.find(id); found != channels_.end()) return found->second;
    McapChannel channel = from_->channels().at(id);
    const auto schema = from_->schemas().find(channel.schema_id);
    channel.schema_id = 0;
    if (schema != from_->schemas().end()) {
      if (schemas_.count(schema->first) == 0) {
        const Result<uint16_t> added = to_->add_schema(schema->second);
        if (!added.ok()) return added.status();
        schemas_[schema->first] = *added;
      }
      channel.schema_id = schemas_[schema->first];
    }
    const Result<uint16_t> added = to_->add_channel(std::move(channel));
    if (added.ok()) channels_[id] = *added;
    return added;
  }

  void leave_out(const std::string& why) {
    if (left_out_++ < kToldProblems) spdlog::warn("{}: {}; left out", from_->path(), why);
  }

  McapReader* from_;
  McapWriter* to_;
  std::map<uint16_t, uint16_t> schemas_, channels_;  // by the id there
  uint64_t attachments_ = 0, metadata_ = 0, left_out_ = 0;
};

void print_recovery(const ToolOptions& tool, const std::string& path, const std::string& out,
                    const McapReader& from, const McapWriter& to, const RecordCopy& copy) {
  if (tool.format == Format::kTable) {
    print_note(fmt::format(
        "{}: {} messages, {} attachments, {} metadata from {}, {}; {} bytes, {} records left out\n",
        printable(out), to.messages(), copy.attachments(), copy.metadata(), printable(path),
        from.summary() ? "complete" : "without its end", from.bytes_left_out(), copy.left_out()));
  } else {
    print_note(dump({{"file", path},
                     {"out", out},
                     {"complete", from.summary().has_value()},
                     {"messages", to.messages()},
                     {"channels", from.channels().size()},
                     {"attachments", copy.attachments()},
                     {"metadata", copy.metadata()},
                     {"bytes_left_out", from.bytes_left_out()},
                     {"records_left_out", copy.left_out()}}) +
               "\n");
  }
}

// Whether a file can be made of it: it has a summary, or something that is copied besides our own metadata.
bool holds_anything(McapReader* from) {
  McapMessage message;
  bool any = from->next(&message) || from->summary();
  for (const McapBeside& beside : from->take_beside()) {
    any = any || beside.op == McapOp::kAttachment || !beside.name.starts_with(kOwnMetadata);
  }
  if (any) from->seek(0);
  return any;
}

int recover(const ToolOptions& tool, const std::string& path, const std::string& out) {
  // smtlogger alone makes such files.
  if (has_extension(path, ".h5")) {
    return convert_log(tool, path, out, {LogScope::kFile, CsvOptions(), /*same_part=*/true});
  }
  if (!has_extension(out, ".mcap")) {
    return fail(kExitUsage,
                out + ": of an .mcap file another is made: messages as they are, of whatever program");
  }
  Result<McapReader> from = McapReader::open(path);
  if (!from.ok()) return fail(from.status());
  if (!holds_anything(&*from)) {
    for (const std::string& problem : from->problems()) spdlog::warn("{}: {}", path, problem);
    return fail(kExitFailure, path + ": nothing in it can be read; " + out + " is not made");
  }
  Result<McapWriter> to = McapWriter::create(out, from->header().profile);
  if (!to.ok()) return fail(to.status());
  RecordCopy copy(&*from, &*to);
  if (Status s = copy.run(); !s.ok()) return (void)to->finish(), fail(s);
  print_recovery(tool, path, out, *from, *to, copy);
  for (const std::string& problem : from->problems()) spdlog::warn("{}: {}", path, problem);
  if (from->unknown_records() != 0) {
    spdlog::warn("{}: {} records of kinds that only the program which wrote it knows; left out", path,
                 from->unknown_records());
  }
  if (from->bytes_left_out() + copy.left_out() == 0) return kExitOk;
  return fail(
      kExitFailure,
      fmt::format("{}: {} bytes could not be read and {} records could not be copied; they are left out",
                  path, from->bytes_left_out(), copy.left_out()));
}

}  // namespace

void add_log_recover(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto path = std::make_shared<std::string>(), out = std::make_shared<std::string>();
  verb->add_option("FILE", *path, "Recording")->required();
  verb->add_option("OUT", *out, "New file, .mcap or .h5")->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return recover(tool, *path, *out); }; });
}

}  // namespace smt::cmd
