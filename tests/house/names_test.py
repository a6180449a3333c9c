#!/usr/bin/env python3
"""Names follow one rule over the whole tree, whatever their access:

    functions, methods, parameters and locals  snake_case
    types                                      CamelCase
    constants and enumerators                  kCamelCase
    private and protected members              trailing_        public ones: without
    macros                                     SMT_X
    limits                                     max_x, kMaxX, min_x, kMinX: never most, least, longest or largest

    names_test.py TREE             checks the tree, and that one violation of each kind is found in a planted text
    names_test.py TREE --summary   prints how many violations of each kind there are, by folder
    names_test.py TREE --all       prints the violations alone

Exceptions, with their reasons, stand in names_exceptions.txt. ctags finds the names; no compiler is needed.
"""
import collections
import fnmatch
import re
import sys

sys.dont_write_bytecode = True
from source import Report, Tree, ctags, ctags_of_text

EXCEPTIONS = "tests/house/names_exceptions.txt"
KINDS = "cdefglmnpstuvxz"
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MEMBER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_")
CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*")
CONSTANT = re.compile(r"k[A-Z][A-Za-z0-9]*")
MACRO = re.compile(r"SMT_[A-Z0-9_]+")
LIMIT = re.compile(r"k?(Most|Least|Longest|Largest)([A-Z].*)?|(most|least|longest|largest)(_.*)?")
TYPES = ("class", "struct", "union", "enum", "typedef")


def snake(name):
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name))
    return name.lower().strip("_")


def camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def is_constant(line, name):
    """Whether the line declares `name` as one: constexpr, or const and no pointer to const."""
    before = re.split(r"\b" + re.escape(name) + r"\b", line)[0]
    if re.search(r"\bconstexpr\b", before):
        return True
    return re.search(r"\bconst\b[^*&]*$", before) is not None


def rule(tag, line):
    """None where the name is fine; else kind, what is wrong and a better name."""
    kind, name, scope = tag["kind"], tag["name"], tag.get("scope", "")
    if name.startswith(("__anon", "operator", "~", "&")):  # lambdas, unnamed types, structured bindings
        return None
    if kind in ("function", "prototype", "member") and MACRO.fullmatch(name):  # the use of a macro
        return None
    if LIMIT.fullmatch(name):
        better = re.sub("most|longest|largest", "max", name) if name.islower() or "_" in name else name
        better = re.sub("Most|Longest|Largest", "Max", better)
        better = better.replace("least", "min").replace("Least", "Min")
        return "limit", "call limits max or min", better
    if kind in ("function", "prototype"):
        owner = re.sub(r"<.*", "", scope.split("::")[-1])
        if name == owner or SNAKE.fullmatch(name):
            return None
        return "function", "functions are snake_case", snake(name)
    if kind in ("local", "parameter"):
        if SNAKE.fullmatch(name) or (kind == "local" and CONSTANT.fullmatch(name)):
            return None
        return kind, "locals and parameters are snake_case", snake(name)
    if kind in TYPES:
        # `struct stat file{}` is a variable.
        if CAMEL.fullmatch(name) or re.search(r"\b(struct|union|enum)\s+\w+\s+" + re.escape(name), line):
            return None
        return "type", "types are CamelCase", camel(name)
    if kind == "macro":
        return None if MACRO.fullmatch(name) else ("macro", "macros are SMT_X", "SMT_" + snake(name).upper())
    if kind == "enumerator":
        return None if CONSTANT.fullmatch(name) else ("constant", "enumerators are kCamelCase", "k" + camel(name))
    if kind in ("variable", "externvar"):
        if line.lstrip().startswith("template "):  # an explicit instantiation
            return None
        if is_constant(line, name):
            return None if CONSTANT.fullmatch(name) else ("constant", "constants are kCamelCase", "k" + camel(name))
        return None if SNAKE.fullmatch(name) else ("variable", "variables are snake_case", snake(name))
    if kind == "member":
        if re.search(r"\bstatic\b", line) and is_constant(line, name):
            return None if CONSTANT.fullmatch(name) else ("constant", "constants are kCamelCase", "k" + camel(name))
        if tag.get("access", "public") == "public":
            return None if SNAKE.fullmatch(name) else ("member", "public members are snake_case", snake(name))
        if CONSTANT.fullmatch(name) and "constexpr" in line:
            return None
        return None if MEMBER.fullmatch(name) else ("member", "private members end with _", snake(name) + "_")
    return None


class Exceptions:
    def __init__(self, text):
        self.lines, self.problems, self.used = [], [], set()
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            m = re.fullmatch(r"(\w+) (\S+) (\S+): (\S.*)", line)
            if m:
                self.lines.append((number, *m.groups()[:3]))
            else:
                self.problems.append(f"{EXCEPTIONS}:{number}: not `KIND NAME FOLDER: reason`")

    def has(self, kind, name, path):
        for number, of_kind, pattern, folder in self.lines:
            if kind == of_kind and fnmatch.fnmatchcase(name, pattern) and (path + "/").startswith(folder + "/"):
                self.used.add(number)
                return True
        return False

    def unused(self):
        return [f"{EXCEPTIONS}:{line[0]}: no {line[1]} {line[2]} in {line[3]}" for line in self.lines
                if line[0] not in self.used]


def violations(tags, line_at, exceptions=None):
    """(path, line, kind, text) of each name that breaks the rule; a declaration and its definition count apart."""
    for tag in tags:
        broken = rule(tag, line_at(tag["path"], tag["line"]))
        if broken is None:
            continue
        kind, why, better = broken
        if exceptions and exceptions.has(kind, tag["name"], tag["path"]):
            continue
        where = tag.get("scope", "")
        where = " of " + re.sub(r"(::)?__anon\w+", "", where) if where else ""
        yield tag["path"], tag["line"], kind, f"{tag['name']}{where}: {why}: {better}"


PLANTED = """
#include <string>
#define PLANTED_MACRO 1
namespace smt {
constexpr int LIMIT_A = 1;
const char* const names[] = {"a"};
int Counter = 0;
enum class Colour { RED, kBlue };
struct bad_type { int Value = 0; int value_ = 0; };
using other_type = int;
class Planted {
 public:
  int ReadValue() const;
  static bool isOpen(int BadParameter);
  int shown_ = 0;
 private:
  void Flush();
  static constexpr int most = 3;
  static constexpr int bad_constant = 3;
  int count = 0;
  int size;
};
void Planted::Flush() { int BadLocal = 1; (void)BadLocal; }
inline constexpr int kMostPeers = 3, kLongestLine = 4;
int run(int least_bytes);
template <class T> [[nodiscard]] inline T DoIt(T value) { return value; }
}
"""
EXPECTED = {
    3: "macro", 5: "constant", 6: "constant", 7: "variable", 8: "constant", 10: "type", 13: "function",
    14: "function", 15: "member", 17: "function", 18: "limit", 19: "constant", 20: "member", 21: "member",
    23: "local", 24: "limit", 25: "limit", 26: "function"}
FINE = """
#define SMT_FINE(x) x
namespace smt {
constexpr int kLimit = 1;
const char* const kNames[] = {"a"};
static const std::string kText = "kMost in a text, Bad() too";  // and kMost in a comment
int counter = 0;
struct Fine { int value = 0; static constexpr int kMax = 1; Fine() {} ~Fine(); bool operator==(const Fine&) const; };
class Planted : public Fine {
 public:
  explicit Planted(int max_bytes);
  int read_value() const { const auto check = [&](int x) { return x; }; auto& [a, b] = pair_; return check(a + b); }
 private:
  static constexpr int kMin = 3;
  std::pair<int, int> pair_;
  const std::string* mostly_ = nullptr;
};
Planted::Planted(int max_bytes) : Fine() { struct stat file{}; constexpr int kLocal = 1; SMT_FINE(max_bytes); }
}
"""


def planted(report):
    def of(text):
        lines = text.splitlines()
        found = violations(ctags_of_text(text, KINDS), lambda path, line: lines[line - 1])
        return [(line, kind, what) for _, line, kind, what in found]
    found = of(PLANTED)
    missing = [f"planted line {line}: {PLANTED.splitlines()[line - 1].strip()}: not found as {kind}"
               for line, kind in EXPECTED.items() if not any(f[0] == line and f[1] == kind for f in found)]
    report.check(f"finds what is planted: {len(EXPECTED)} names of {len(set(EXPECTED.values()))} kinds", missing)
    report.check("lets good names be", [f"line {line}: {what}" for line, _, what in of(FINE)])


def main():
    tree = Tree(sys.argv[1])
    paths = [path for path in tree.sources() if not path.endswith(".in")]
    lines = {path: tree.text(path).splitlines() for path in paths}
    try:
        exceptions = Exceptions(tree.text(EXCEPTIONS))
    except OSError:
        exceptions = Exceptions("")
    tags = ctags(tree.root, paths, KINDS)
    found = sorted(violations(tags, lambda path, line: lines[path][line - 1], exceptions))
    if "--summary" in sys.argv:
        for (top, kind), n in sorted(collections.Counter((f[0].split("/")[0], f[2]) for f in found).items()):
            print(f"{n:5} {top} {kind}")
        return 0
    texts = [f"{path}:{line}: {kind} {what}" for path, line, kind, what in found]
    if "--all" in sys.argv:
        print("\n".join(texts))
        return 0
    report = Report()
    report.check("the exceptions are whole", exceptions.problems + exceptions.unused(), "take out what nobody needs")
    most = 100
    more = [f"and {len(texts) - most} more: names_test.py TREE --all"] if len(texts) > most else []
    report.check(f"{len(tags)} names in {len(paths)} files follow the rule", texts[:most] + more,
                 f"rename it; a name that others prescribe gets a line with its reason in {EXCEPTIONS}")
    planted(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
