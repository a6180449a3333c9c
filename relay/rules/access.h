// Which peers may read, list and write which topics. All that a peer asks of a relay comes by here.
//
//   read    its values, live or asked for once; gives `list` too, as a sample names its topic
//   list    that there is such a topic, and what it is; who may not list a topic may not read it either
//   write   to set it
//
// A topic that a [[deny]] names is denied, whatever an [[allow]] says. As soon as one [[allow]] gives a
// right, a topic that none gives is denied. A right that no [[allow]] gives is denied by a [[deny]] only:
// without access rules, a peer may do whatever the rules to send and to write permit.
#ifndef SMT_RELAY_RULES_ACCESS_H_
#define SMT_RELAY_RULES_ACCESS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relay/names/pattern_set.h"
#include "relay/rules/rules.h"
#include "shm/status.h"

namespace smt::relay {

// "read" "list" "write"
std::string_view right_name(Right right);

// The rights that an allowing rule gives with those that it names, and that a denying rule takes with them.
constexpr Rights given_by(Rights rights) {
  return has(rights, Right::kRead) ? rights | Right::kList : rights;
}
constexpr Rights taken_by(Rights rights) {
  return has(rights, Right::kList) ? rights | Right::kRead : rights;
}

// One thread.
class Access {
 public:
  using Warn = std::function<void(const std::string& key, const std::string& text)>;

  // `warn`: takes what tell() says. None: nobody.
  explicit Access(Warn warn = nullptr) : warn_(std::move(warn)) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // kInvalid as RuleSet::parse, and nothing has changed.
  Status compile(const AccessRules& rules);

  struct Rule {
    AccessRule rule;
    bool allows = false;
    size_t index = 0;  // in its table
  };
  struct Decision {
    bool allowed = true;
    bool named = false;          // `rule` names the topic for this peer, and decides
    const Rule* rule = nullptr;  // else the first [[allow]] of this right. Valid until the next compile()
    Right right = Right::kRead;

    // "denied by [[deny]] at FILE:3:1", "no [[allow]] gives it read (the first is at FILE:3:1)"
    std::string text() const;
  };
  // `peer` may be anything: one that is no name (see check_name) has none of the rights that any rule is
  // about. REQUIRES: check_topic_name(topic) is OK.
  Decision decide(std::string_view peer, std::string_view topic, Right right) const;
  bool allows(std::string_view peer, std::string_view topic, Right right) const {
    return decide(peer, topic, right).allowed;
  }
  // No topic at all is hidden from the peer, as far as that is plain to see.
  bool may_list_all(std::string_view peer) const;

  // What is denied, for the log; messages of one peer and one rule have one key.
  static std::string words(std::string_view peer, std::string_view topic, const Decision& denied);
  static std::string key(std::string_view peer, const Decision& denied);
  void tell(std::string_view peer, std::string_view topic, const Decision& denied) const {
    if (warn_) warn_(key(peer, denied), words(peer, topic, denied));
  }

 private:
  // Of peers that the same rules are for: these rules.
  struct Class {
    bool nameless = false;
    std::vector<size_t> rules;  // rising
    PatternSets topics;         // by index there
  };
  // What an [[allow]] has to give for a right.
  struct Needed {
    Rights rights = 0;            // one of these; 0: nothing
    const Rule* first = nullptr;  // that gives it
  };
  const Class& class_of(std::string_view peer) const;
  const Needed& needed_for(Right right) const;

  Warn warn_;
  std::vector<Rule> rules_;                 // those that deny come first: the first one that names it decides
  std::vector<PatternSets::Lists> topics_;  // by rule
  PatternSets peers_;                       // by rule
  Rights about_ = 0;                        // some rule is about them
  Needed read_, list_, write_;
  mutable std::map<std::vector<size_t>, std::shared_ptr<const Class>> classes_;     // by their rules
  mutable std::map<std::string, std::shared_ptr<const Class>, std::less<>> known_;  // by name of peer
};

}  // namespace smt::relay

#endif  // SMT_RELAY_RULES_ACCESS_H_
