// smtlogger convert: a recording in another format.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <set>

#include "cmd/cli/csv_flags.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/tool.h"
#include "cmd/logger/log_verbs.h"
#include "cmd/recording/csv_folder_writer.h"
#include "cmd/recording/open_log.h"
#include "cmd/value/value.h"
#include "shm/printable.h"
#include "shm/status.h"

namespace smt::cmd {
namespace {

struct Copied {
  uint64_t samples = 0, initial = 0, left_out = 0;
};

// All samples of `from` that fit into `to`, which is not ended.
Status copy_samples(LogReader* from, LogWriter* to, Copied* copied) {
  for (const LogTopic* topic : from->topics()) {
    if (Status s = to->declare(topic); !s.ok()) return s;
  }
  std::set<const LogTopic*> told;
  for (LogSample sample; from->next(&sample);) {
    const Status s = to->write(sample);
    if (!s.ok() && s.code() != Code::kInvalid) return s;
    ++(!s.ok() ? copied->left_out : sample.initial ? copied->initial : copied->samples);
    if (!s.ok() && told.insert(sample.topic).second) {
      spdlog::warn("{}; left out, as all like it of this topic are", s.message());
    }
    if (!to->full()) continue;
    if (Status flushed = to->flush(); !flushed.ok()) return flushed;
  }
  return Status();
}

int print_conversion(const ToolOptions& tool, const std::string& path, const std::string& out,
                     const LogReader& from, const Copied& copied) {
  for (const std::string& problem : from.problems()) spdlog::warn("{}: {}", path, problem);
  if (from.records_beside() != 0) {
    spdlog::warn("{}: {} attachments and other records that are no samples are left out", path,
                 from.records_beside());
  }
  const uint64_t topics = from.topics_left_out();
  if (tool.format == Format::kTable) {
    print_note(fmt::format("{}: {} samples from {}, {}; {} left out{}; {} initial\n", printable(out),
                           copied.samples, recording_text(path, from), wholeness_text(from), copied.left_out,
                           topics == 0 ? "" : fmt::format(", and {} topics", topics), copied.initial));
  } else {
    print_note(dump({{"file", path},
                     {"parts", parts_of(path, from)},
                     {"parts_left_out", from.parts_left_out()},
                     {"out", out},
                     {"complete", from.complete()},
                     {"samples", copied.samples},
                     {"initial", copied.initial},
                     {"left_out", copied.left_out},
                     {"topics_left_out", topics},
                     {"records_left_out", from.records_beside()}}) +
               "\n");
  }
  const uint64_t lost =
      copied.left_out + topics + from.bytes_left_out() + from.parts_left_out() + from.records_beside();
  return lost == 0 ? kExitOk : kExitFailure;
}

}  // namespace

int convert_log(const ToolOptions& tool, const std::string& path, const std::string& out,
                const Conversion& how) {
  Result<std::unique_ptr<LogReader>> from = open_log(path, tool_log(), how.scope, how.csv);
  if (!from.ok()) return fail(from.status());
  if (!(*from)->complete()) {  // its topics are known when all of it was read
    for (LogSample sample; (*from)->next(&sample);) {
    }
    (*from)->rewind();
  }
  raise_file_limit();  // for a folder of CSV files
  const LogPart part = how.same_part ? (*from)->part() : LogPart();
  Result<std::unique_ptr<LogWriter>> to =
      out.ends_with('/') ? CsvFolderWriter::create(out) : create_log(out, part);
  if (!to.ok()) return fail(to.status());
  (*to)->set_next_part(part.next);
  Copied counts;
  const Status copied = copy_samples(from->get(), to->get(), &counts);
  const Status finished = (*to)->finish();  // on a full disk too: what was copied is a whole recording
  if (!copied.ok() || !finished.ok()) return fail(copied.ok() ? finished : copied);
  counts.left_out += (*from)->samples_left_out();
  return print_conversion(tool, path, out, **from, counts);
}

void add_log_convert(CLI::App* verb, const ToolOptions& tool, Run* run) {
  auto path = std::make_shared<std::string>(), out = std::make_shared<std::string>();
  auto csv = std::make_shared<CsvOptions>();
  verb->add_option("FILE", *path, "Recording, CSV file, or folder of them")->required();
  verb->add_option("OUT", *out, "New file, .mcap or .h5; or, with a '/' at its end, folder of CSV files")
      ->required();
  auto scope = add_part_flag(verb);
  add_csv_flags(*verb, csv.get());
  verb->callback([=, &tool] {
    *run = [=, &tool] { return convert_log(tool, *path, *out, {*scope, *csv}); };
  });
}

}  // namespace smt::cmd
