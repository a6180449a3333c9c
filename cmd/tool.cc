#include "cmd/tool.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <string>
#include <string_view>

#include "cmd/complete.h"
#include "cmd/exit_code.h"
#include "cmd/output.h"

namespace smt::cmd {

int RunTool(CLI::App& app, int argc, char** argv, const ToolOptions& tool, const std::function<int()>& run) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto colour = ColourOn(STDERR_FILENO) ? spdlog::color_mode::automatic : spdlog::color_mode::never;
  spdlog::set_default_logger(spdlog::stderr_color_mt(app.get_name(), colour));
  spdlog::set_pattern("%n: %^%l%$: %v");
  try {
    if (argc > 1 && argv[1] == std::string_view("--complete")) {
      for (const std::string& word : Completions(app, tool, {argv + 2, argv + argc})) Print(word + "\n");
      return OutputExit(kExitOk);
    }
    app.parse(argc, argv);
    spdlog::set_level(spdlog::level::from_str(tool.log));
    return OutputExit(run());
  } catch (const CLI::Success& e) {  // --help, --version
    Print(e.get_name() == "CallForHelp" ? app.help() : std::string(e.what()) + "\n");
    return OutputExit(kExitOk);
  } catch (const CLI::ParseError& e) {
    return Fail(kExitUsage, std::string(e.what()) + "; see " + app.get_name() + " --help");
  } catch (const std::exception& e) {
    return Fail(kExitFailure, e.what());
  }
}

int Fail(int code, const std::string& message) {
  spdlog::error("{}", message);
  return code;
}

int Fail(const Status& status) { return Fail(ExitCodeOf(status), status.message()); }

}  // namespace smt::cmd
