// smtlogger recover: a complete file of what can be read of one that was cut off or damaged.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/log_file.h"
#include "cmd/recording/mcap_reader.h"
#include "cmd/recording/mcap_writer.h"
#include "cmd/text/text.h"
#include "cmd/value/value.h"

namespace smt::cmd {
namespace {

// Copies messages as they are, so that recordings of other programs are recovered too.
class MessageCopy {
 public:
  MessageCopy(McapReader* from, McapWriter* to) : from_(from), to_(to) {}

  Status add(McapMessage message) {
    const Result<uint16_t> channel = channel_of(message.channel_id);
    if (!channel.ok()) return channel.status();
    message.channel_id = *channel;
    if (Status s = to_->write(message); !s.ok()) return s;
    return to_->open_bytes() < kFlushBytes ? Status() : to_->flush();
  }

 private:
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

  McapReader* from_;
  McapWriter* to_;
  std::map<uint16_t, uint16_t> schemas_, channels_;  // by the id there
};

int recover(const ToolOptions& tool, const std::string& path, const std::string& out) {
  if (path.ends_with(".h5")) return convert_log(tool, path, out);  // smtlogger alone makes such files
  if (!out.ends_with(".mcap")) {
    return fail(kExitUsage,
                out + ": of an .mcap file another is made: messages as they are, of whatever program");
  }
  Result<McapReader> from = McapReader::open(path);
  if (!from.ok()) return fail(from.status());
  McapMessage message;
  const bool any = from->next(&message);
  if (any || from->summary()) {
    Result<McapWriter> to = McapWriter::create(out);
    if (!to.ok()) return fail(to.status());
    MessageCopy copy(&*from, &*to);
    Status copied;
    for (bool more = any; more && copied.ok(); more = from->next(&message)) copied = copy.add(message);
    const Status finished = to->finish();  // on a full disk too: what was copied is a whole recording
    if (!copied.ok() || !finished.ok()) return fail(copied.ok() ? finished : copied);
    if (tool.format == Format::kTable) {
      print_note(fmt::format("{}: {} messages of {} channels from {}, which {}; {} bytes of it left out\n",
                             printable(out), to->messages(), from->channels().size(), printable(path),
                             from->summary() ? "is complete" : "has no end", from->bytes_left_out()));
    } else {
      print_note(dump({{"file", path},
                       {"out", out},
                       {"complete", from->summary().has_value()},
                       {"messages", to->messages()},
                       {"channels", from->channels().size()},
                       {"bytes_left_out", from->bytes_left_out()}}) +
                 "\n");
    }
  }
  for (const std::string& problem : from->problems()) spdlog::warn("{}: {}", path, problem);
  if (!any && !from->summary())
    return fail(kExitFailure, path + ": nothing in it can be read; " + out + " is not made");
  if (from->bytes_left_out() == 0) return kExitOk;
  return fail(kExitFailure,
              fmt::format("{}: {} bytes could not be read and are left out", path, from->bytes_left_out()));
}

}  // namespace

void add_log_recover(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto path = std::make_shared<std::string>(), out = std::make_shared<std::string>();
  verb->add_option("FILE", *path, "Recording")->required();
  verb->add_option("OUT", *out, "New file, .mcap or .h5")->required();
  verb->callback([=, &tool] { *run = [=, &tool] { return recover(tool, *path, *out); }; });
}

}  // namespace smt::cmd
