#include "cmd/cli/topic_tree.h"

#include <algorithm>
#include <map>

namespace smt::cmd {
namespace {

std::vector<std::string> split_segments(const std::string& name) {
  std::vector<std::string> segments;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    segments.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return segments;
}

struct Branch {
  const TopicInfo* topic = nullptr;
  std::map<std::string, Branch> below;
};

void add_lines(const Branch& branch, size_t depth, std::vector<TopicLine>* lines) {
  for (const auto& [segment, below] : branch.below) {
    const std::string label = std::string(2 * depth, ' ') + segment;
    if (below.topic != nullptr) lines->push_back({label, below.topic});
    if (below.below.empty()) continue;
    lines->push_back({label + "/", nullptr});
    add_lines(below, depth + 1, lines);
  }
}

}  // namespace

std::vector<TopicLine> tree_lines(const std::vector<TopicInfo>& topics) {
  Branch root;
  for (const TopicInfo& topic : topics) {
    Branch* branch = &root;
    for (const std::string& segment : split_segments(topic.name)) branch = &branch->below[segment];
    branch->topic = &topic;
  }
  std::vector<TopicLine> lines;
  add_lines(root, 0, &lines);
  return lines;
}

}  // namespace smt::cmd
