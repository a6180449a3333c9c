#include "cmd/cli/tool.h"

#include <malloc.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "cmd/cli/complete.h"
#include "cmd/cli/exit_code.h"
#include "cmd/cli/journal.h"
#include "cmd/cli/output.h"
#include "cmd/text/other_root.h"
#include "shm/printable.h"

namespace smt::cmd {
namespace {

// A flag is told with the name of its value and no more: the texts have the bounds and the variables, the
// usage what is required.
class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional()) return "";
    const std::string all = option->get_type_name(), type = all.substr(0, all.find(':'));
    const bool repeats = option->get_expected_max() == CLI::detail::expected_max_vector_size;
    return " " + (type == "UINT" ? "N" : type) + (repeats ? " ..." : "");
  }
};

// The text of a log line: whatever stands in it, it cannot drive a terminal or look like another line.
class PrintableText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const tm&, spdlog::memory_buf_t& out) override {
    const std::string text =
        printable({message.payload.data(), message.payload.size()}, LineBreaks::kIndented);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<PrintableText>();
  }
};

// spdlog writes a line with colours in pieces, to a stream. This one gives each line to print_to_stderr() as
// a whole, when it is flushed. It lives as long as the process, as the log does.
FILE* log_stream() {
  cookie_io_functions_t functions = {};
  functions.write = [](void*, const char* text, size_t bytes) {
    print_to_stderr({text, bytes});
    return static_cast<ssize_t>(bytes);
  };
  FILE* stream = fopencookie(nullptr, "w", functions);
  if (stream == nullptr) throw std::bad_alloc();
  setvbuf(stream, nullptr, _IOFBF, 64 << 10);
  return stream;
}

void open_log(const std::string& name) {
  using Sink = spdlog::sinks::ansicolor_sink<spdlog::details::console_mutex>;
  const auto colour = colour_on(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never;
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>(name, std::make_shared<Sink>(log_stream(), colour)));
  auto line = std::make_unique<spdlog::pattern_formatter>();
  line->add_flag<PrintableText>('*').set_pattern("%n: %^%l%$: %*");
  if (is_journal(STDERR_FILENO)) {
    spdlog::set_formatter(with_journal_prefix(std::move(line)));
  } else {
    spdlog::set_formatter(std::move(line));
  }
}

int parse_and_run(CLI::App& app, int argc, char** argv, const ToolOptions& tool,
                  const std::function<int()>& run) {
  try {
    if (argc > 1 && argv[1] == std::string_view("--complete")) {
      for (const std::string& word : completions(app, tool, {argv + 2, argv + argc})) print_text(word + "\n");
      return output_exit(kExitOk);
    }
    app.parse(argc, argv);
    spdlog::set_level(spdlog::level::from_str(tool.log));
    return output_exit(run());
  } catch (const CLI::Success& e) {  // --help, --version
    print_text(e.get_name() == "CallForHelp" ? app.help() : std::string(e.what()) + "\n");
    return output_exit(kExitOk);
  } catch (const CLI::ParseError& e) {
    return fail(kExitUsage, std::string(e.what()) + "; see " + app.get_name() + " --help");
  } catch (const std::exception& e) {
    return fail(kExitFailure, e.what());
  }
}

}  // namespace

int run_tool(CLI::App& app, int argc, char** argv, const ToolOptions& tool, const std::function<int()>& run) {
  open_standard_descriptors();
  // What is written beyond the reader of a pipe, or beyond a limit of the sizes of files, is an error like
  // others.
  for (const int signal : kIgnoredSignals) std::signal(signal, SIG_IGN);
  open_log(app.get_name());
  const auto formatter = std::make_shared<HelpFormatter>();
  app.formatter(formatter);
  for (CLI::App* verb : app.get_subcommands({})) verb->formatter(formatter);
  const int code = parse_and_run(app, argc, argv, tool, run);
  drain_output();
  return code;
}

void raise_file_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) spdlog::debug("the limit of open files stays as it is");
}

void keep_large_blocks() {
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

LogSink tool_log() {
  return LogSink([](LogLevel level, const std::string& line) {
    const spdlog::level::level_enum to = level == LogLevel::kDebug     ? spdlog::level::debug
                                         : level == LogLevel::kInfo    ? spdlog::level::info
                                         : level == LogLevel::kWarning ? spdlog::level::warn
                                                                       : spdlog::level::err;
    spdlog::log(to, "{}", line);
  });
}

Result<Domain> open_to_publish(const DomainOptions& options) {
  Result<Domain> domain = Domain::open(options);
  if (!domain.ok()) return domain;
  if (const std::string text = elsewhere_text(options); !text.empty()) spdlog::warn("{}", text);
  return domain;
}

int fail(int code, const std::string& message) {
  spdlog::error("{}", message);
  return code;
}

int fail(const Status& status) { return fail(exit_code_of(status), status.message()); }

int exit_code_after(const Status& status) { return status.ok() ? kExitOk : fail(status); }

int fail_topic(const Status& status) {
  return status.code() == Code::kNotFound ? fail(kExitNoTopic, status.message()) : fail(status);
}

}  // namespace smt::cmd
