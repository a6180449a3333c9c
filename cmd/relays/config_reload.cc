#include "cmd/relays/config_reload.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "cmd/cli/stop.h"
#include "cmd/config/config_keys.h"

namespace smt::cmd {
namespace {

constexpr int64_t kFileLookNs = 10'000'000;

template <class T>
void refuse_change(const Key<T>& key, const T& before, const T& after, const Place& place,
                   ConfigErrors* errors) {
  const std::string was = key.print(before);
  if (key.print(after) == was) return;
  errors->add(place, fmt::format("{} cannot change while the relay runs: it is {}; restart it", key.name,
                                 was.empty() ? "not set" : was));
}

const Place& place_of(const Places& places, std::string_view key, const Place& otherwise) {
  const auto it = places.find(key);
  return it == places.end() ? otherwise : it->second;
}

bool has_terminal() { return Fd(open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)).ok(); }

// The kernel tells the terminal's own processes that it has gone. A shell that is told so tells its jobs, and
// then the terminal that was there cannot be opened any more.
bool tells_of_terminal(const signalfd_siginfo& info, bool had_terminal) {
  if (info.ssi_code == SI_KERNEL) return true;
  if (info.ssi_code != SI_USER || static_cast<pid_t>(info.ssi_pid) != getsid(0)) return false;
  return had_terminal && !has_terminal();
}

}  // namespace

std::optional<RelayConfig> read_again(const ConfigFlags& flags, const RelayConfig& present,
                                      ConfigErrors* errors) {
  RelayConfig config = load_config(flags, errors);
  if (!errors->empty()) return std::nullopt;
  const Place top{From::kFile, flags.file, 1, 1};
  for (const Key<RelayConfig>& key : keys_of<RelayConfig>()) {
    // A default may change by itself, as the host's name.
    const bool told = config.places.count(key.name) + present.places.count(key.name) != 0;
    if (told && !reloadable(key)) {
      refuse_change(key, present, config, place_of(config.places, key.name, top), errors);
    }
  }
  if (config.send.empty() != present.send.empty() || config.receive.empty() != present.receive.empty()) {
    errors->add(top,
                "the directions cannot change while the relay runs: whether there are rules to send and "
                "rules to receive; restart it");
  }
  // To let peers set nothing any more is always possible.
  if (present.write.empty() && !config.write.empty()) {
    errors->add(config.write.front().place,
                "the first [[write]] rule cannot come while the relay runs; restart it");
  }
  return errors->empty() ? std::optional(std::move(config)) : std::nullopt;
}

bool reloads_on_hangup(const ConfigFlags& flags, const RelayConfig& config) {
  return (!flags.file.empty() || !config.keys.empty()) && !hangup_ignored();
}

ConfigReload::ConfigReload(ConfigFlags flags, RelayConfig present, Apply apply,
                           std::function<void()> on_signal)
    : flags_(std::move(flags)),
      present_(std::move(present)),
      apply_(std::move(apply)),
      on_signal_(std::move(on_signal)),
      had_terminal_(has_terminal()) {
  if (!reloads_on_hangup(flags_, present_)) return;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_.ok()) throw std::system_error(errno, std::generic_category(), "signalfd");
}

bool ConfigReload::poll(int64_t now_ns) {
  if (!fd_.ok() || now_ns < next_look_ns_) return true;
  next_look_ns_ = now_ns + kFileLookNs;
  signalfd_siginfo info;
  if (read(fd_.get(), &info, sizeof info) != sizeof info) return true;
  if (tells_of_terminal(info, had_terminal_)) {
    spdlog::info("the terminal has gone: the relay ends");
    return false;
  }
  on_signal_();
  reload();
  return true;
}

void ConfigReload::reload() {
  const std::string& what = flags_.file.empty() ? present_.keys : flags_.file;
  ConfigErrors errors;
  std::optional<RelayConfig> config = read_again(flags_, present_, &errors);
  if (config) {
    if (Status s = apply_(*config); !s.ok()) errors.add({From::kFlag, flags_.file}, s.message());
  }
  failure_ = errors.empty() ? "" : errors.lines().front();
  if (!errors.empty()) {
    for (const std::string& line : errors.lines()) spdlog::error("{}", line);
    spdlog::error("{} is not taken: everything stays as it was", what);
    return;
  }
  present_ = std::move(*config);
  spdlog::set_level(spdlog::level::from_str(present_.log));
  spdlog::info("{} is taken", what);
}

}  // namespace smt::cmd
