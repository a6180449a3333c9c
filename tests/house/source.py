"""What the checks of the sources share: the files of a tree, their text without comments, ctags, and the report."""
import functools
import json
import os
import re
import subprocess
import sys
import tempfile

PRODUCT = ("shm", "proto", "relay", "cmd")
ALL = PRODUCT + ("bench", "examples", "tests")


class Tree:
    """The sources of a tree. `planted` holds files by path that stand in place of those on disk, or beside them."""

    def __init__(self, root, planted=None):
        self.root = root
        self.planted = dict(planted or {})
        self._found = None
        self._texts = {}

    def with_planted(self, planted):
        tree = Tree(self.root, {**self.planted, **planted})
        tree._found = self._found
        tree._texts = {path: text for path, text in self._texts.items() if path not in planted}
        return tree

    def _on_disk(self):
        if self._found is None:
            self._found = []
            for top in ALL:
                for folder, folders, names in os.walk(os.path.join(self.root, top)):
                    folders.sort()
                    self._found += [os.path.relpath(os.path.join(folder, name), self.root) for name in sorted(names)]
        return self._found

    def files(self, pattern, tops=ALL):
        """The paths below `tops` that the pattern matches as a whole, sorted."""
        wanted = re.compile(pattern)
        every = set(self._on_disk()) | set(self.planted)
        return sorted(path for path in every if path.split("/")[0] in tops and wanted.fullmatch(path))

    def sources(self, tops=ALL):
        return self.files(r".*\.(h|cc|cc\.in)", tops)

    def text(self, path):
        if path in self.planted:
            return self.planted[path]
        if path not in self._texts:
            with open(os.path.join(self.root, path), encoding="utf-8") as file:
                self._texts[path] = file.read()
        return self._texts[path]


_COMMENT_OR_LITERAL = re.compile(
    r'//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"'
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'",
    re.S)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


@functools.lru_cache(maxsize=None)
def without_comments(text):
    """The text with comments blanked; lines and columns stay. Literals stay."""
    return _COMMENT_OR_LITERAL.sub(lambda m: _blank(m.group()) if m.group().startswith("/") else m.group(), text)


@functools.lru_cache(maxsize=None)
def code(text):
    """The text with comments and the insides of literals blanked; lines and columns stay."""
    def blank(m):
        found = m.group()
        return _blank(found) if found.startswith("/") else found[0] + _blank(found[1:-1]) + found[-1]
    return _COMMENT_OR_LITERAL.sub(blank, text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def ctags(root, paths, kinds):
    """The tags of the C++ files, as dictionaries of ctags' JSON."""
    command = ["ctags", "-f", "-", "--output-format=json", "--languages=C++", "--langmap=C++:.cc.h", "--sort=no",
               "--kinds-C++=" + kinds, "--fields=+neaKSst", "--extras=-q", "-L", "-"]
    try:
        run = subprocess.run(command, input="\n".join(paths), cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit("ctags is missing: apt-get install universal-ctags")
    if run.returncode != 0:
        sys.exit("ctags failed (is it universal-ctags?): " + run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]


def ctags_of_text(text, kinds, name="planted.cc"):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMP")) as folder:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        return ctags(folder, [name], kinds)


class Report:
    """Prints what holds and what does not; finish() is the exit code."""

    def __init__(self):
        self.failures = 0

    def check(self, what, problems, cure=""):
        """Fails when there are problems: texts `file:line: what is wrong`."""
        problems = list(problems)
        if not problems:
            print("ok   " + what)
            return
        print("FAIL " + what)
        for problem in problems:
            print("     " + problem)
        if cure:
            print("     -> " + cure)
        self.failures += 1

    def found(self, what, problems, expected):
        """Fails unless a problem has the text `expected`: the check itself is tried on what was planted."""
        if any(expected in problem for problem in problems):
            print("ok   finds " + what)
            return
        print(f"FAIL does not find {what}: expected '{expected}' among {len(problems)} problems:")
        for problem in list(problems)[:20]:
            print("     " + problem)
        self.failures += 1

    def finish(self):
        print(f"{self.failures} failed")
        return 1 if self.failures else 0
