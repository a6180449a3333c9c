#include "cmd/text/commands.h"

#include <fmt/format.h>

#include "cmd/text/text.h"

namespace smt::cmd {

std::string domain_flags(const DomainOptions& domain) {
  std::string flags =
      fmt::format("--root {} --domain {}", shell_word(domain.root), shell_word(domain.domain));
  if (!domain.group.empty()) flags += " --group " + shell_word(domain.group);
  if (domain.shared_root) flags += " --shared-root";
  return flags;
}

std::string removal_command(const DomainOptions& domain, const std::vector<std::string>& nodes) {
  return fmt::format("smtcore --once --remove-after 0 {} --only {}", domain_flags(domain),
                     fmt::join(nodes, " "));
}

}  // namespace smt::cmd
