#include "cmd/text/other_root.h"

#include <fmt/format.h>

#include <utility>

#include "shm/fd.h"
#include "shm/segment_view.h"

namespace smt::cmd {

std::string other_root(const std::string& root) {
  constexpr const char *kMounted = "/run/smt", *kOtherwise = "/dev/shm/smt";
  return root == kMounted ? kOtherwise : root == kOtherwise ? kMounted : "";
}

std::vector<std::string> nodes_elsewhere(const DomainOptions& options) {
  DomainOptions there = options;
  there.root = other_root(options.root);
  there.create = false;
  if (there.root.empty()) return {};
  const Result<Domain> domain = Domain::open(there);
  if (!domain.ok()) return {};
  Result<std::vector<std::string>> listed = domain->nodes();
  if (!listed.ok()) return {};
  std::vector<std::string> nodes = std::move(*listed);
  std::erase_if(nodes, [&](const std::string& node) {
    const Fd segment(
        ::open((domain->path() + "/" + node).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return !segment.ok() || !has_owner(segment.get());
  });
  return nodes;
}

std::string elsewhere_text(const DomainOptions& options) {
  std::vector<std::string> nodes = nodes_elsewhere(options);
  if (nodes.empty()) return "";
  const std::string there = other_root(options.root);
  return fmt::format(
      "this domain is {}/{}, and {} of it {} in {}/{}: neither sees the other; start those programs anew, or "
      "this "
      "one with --root {}",
      options.root, options.domain,
      nodes.size() == 1 ? "node " + nodes[0] : fmt::format("{} nodes", nodes.size()),
      nodes.size() == 1 ? "lives" : "live", there, options.domain, there);
}

}  // namespace smt::cmd
