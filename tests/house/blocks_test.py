#!/usr/bin/env python3
"""The code blocks of the pages do what the pages say.

    blocks_test.py TREE BUILD [PAGE...]    runs the blocks of README.md, CONTRIBUTING.md, SECURITY.md and docs/*.md

```sh runs, ```cpp and ```c compile (and run where they have a main), ```python runs, ```toml is a configuration that a
relay takes where it says `version`, ```json and ```xml parse. Blocks of a page run in order in one shell, in a folder
and a domain of their own, with the tree's programs first in PATH. A comment right before a fence says more:

    <!-- elsewhere: NAME, WHY --> not run here, but by the test NAME, by .ci/run, or by the lane NAME of ./run deploy, which
                                  reads the page
    <!-- file: NAME -->           the block is also that file of the page's folder
    <!-- continues -->            goes on from the block of that language before it
    <!-- from: examples/x.cc -->  is a part of that file, which has a test of its own
    <!-- output -->               before a ```text fence: what the block above prints; numbers may differ, `...` is any
                                  number of lines
    <!-- test: COMMANDS -->       runs there, and is not shown
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

sys.dont_write_bytecode = True
from source import Report

PAGES = re.compile(r"README\.md|CONTRIBUTING\.md|SECURITY\.md|docs/[^/]+\.md|examples/[^/]+\.md")
RUN, DATA = ("sh", "cpp", "c", "python"), ("toml", "json", "xml", "text", "csv", "proto", "svg", "hex", "cmake")
SECONDS = 60  # for a block: far more than any needs, on a machine that is busy too
TIME = r"(?:ns|us|ms|s|min|h|d)"
BYTES = r"(?:B|KiB|MiB|GiB|TiB)"


class Block:
    def __init__(self, page, line, language, text, marks):
        self.page, self.line, self.language, self.text, self.marks = page, line, language, text, marks
        self.place = f"{page}:{line}"
        self.expected = None  # a Block of text


def blocks_of(page, text):
    """The blocks of a page, and problems of the page itself."""
    out, problems, marks = [], [], {}
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        number = at + 1
        at += 1
        comment = re.match(r"\s*<!--\s*(elsewhere|file|continues|from|output|test)\b:?(.*)", line)
        fence = re.match(r"(\s*)(```+)\s*(\S*)\s*$", line)
        if comment:
            said = comment.group(2)
            while "-->" not in said and at < len(lines):
                said += "\n" + lines[at]
                at += 1
            said = said.split("-->")[0].strip()
            if comment.group(1) == "test":
                out.append(Block(page, number, "sh", said, {"hidden": True}))
                continue
            marks[comment.group(1)] = said
            if comment.group(1) == "elsewhere" and not re.fullmatch(r"[a-z_./]+, \S.*", said, re.S):
                problems.append(f"{page}:{number}: elsewhere without a name and a reason")
            if at >= len(lines) or not re.match(r"\s*(```|<!--)", lines[at]):
                problems.append(f"{page}:{number}: {comment.group(1)} stands before no fence")
                marks = {}
        elif fence:
            indent, ticks, language = fence.groups()
            body = []
            while at < len(lines) and lines[at].strip() != ticks:
                body.append(lines[at][len(indent):] if lines[at].startswith(indent) else lines[at].lstrip())
                at += 1
            at += 1
            block = Block(page, number, language, "\n".join(body) + "\n", marks)
            marks = {}
            if not language:
                problems.append(f"{block.place}: a fence without a language; say sh, cpp, python, ..., or text")
            elif language not in RUN + DATA:
                problems.append(f"{block.place}: `{language}` is none of {', '.join(RUN + DATA)}")
            elif language == "cmake" and page != "README.md" and "elsewhere" not in block.marks:
                problems.append(f"{block.place}: cmake is tried by consumer_test from README.md alone; say elsewhere: consumer_test, why")
            if "output" in block.marks:
                if out and out[-1].language in RUN and out[-1].expected is None and "elsewhere" not in out[-1].marks:
                    out[-1].expected = block
                else:
                    problems.append(f"{block.place}: output of no block that runs")
            out.append(block)
    return out, problems


def pattern_of(line):
    """What a line of output has to look like: numbers and times vary, and with them the blanks."""
    out = ""
    token = re.compile(r"(?P<hex>\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b)|(?P<time>-?\d[\d.]*\s+" + TIME + r"\b)|(?P<size>\d[\d.]*\s+" + BYTES +
                       r"\b)|(?P<number>-?\d[\d.]*(?:e[-+]?\d+)?)|(?P<blank>\s+)|(?P<other>.)")
    for m in token.finditer(line.rstrip()):
        out += {"hex": "[0-9a-f]+", "time": r"-?\d[\d.]*\s+" + TIME, "size": r"\d[\d.]*\s+" + BYTES,
                "number": r"-?\d[\d.]*(?:e[-+]?\d+)?", "blank": r"\s+"}.get(m.lastgroup, re.escape(m.group()))
    return re.compile(out + r"\s*")


def compare(expected, printed):
    """Where the output is not what the page shows; "" if it is."""
    wanted, got = expected.text.rstrip("\n").split("\n"), printed.rstrip("\n").split("\n")
    at, anywhere = 0, False
    for n, line in enumerate(wanted):
        if line.strip() == "...":
            anywhere = True
            continue
        pattern = pattern_of(line)
        found = next((i for i in range(at, len(got) if anywhere else min(at + 1, len(got))) if pattern.fullmatch(got[i])), None)
        if found is None:
            return f"{expected.page}:{expected.line + 1 + n}: the page shows `{line.strip()}`, printed is `" + \
                (got[at].strip() if at < len(got) else "the end") + "`"
        at, anywhere = found + 1, False
    if not anywhere and at < len(got):
        return f"{expected.page}:{expected.line + len(wanted)}: printed is more: `{got[at].strip()}`"
    return ""


def parse_problems(block):
    try:
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "xml":
            xml.etree.ElementTree.fromstring(block.text)
    except (ValueError, xml.etree.ElementTree.ParseError) as error:
        return [f"{block.place}: {block.language} does not parse: {error}"]
    return []


@lru_cache
def tests_of(build):
    """The names of all tests. (`ctest -N` would take the log from the ctest that runs this one.)"""
    names = set()
    for folder, _, files in os.walk(build):
        if "CTestTestfile.cmake" in files:
            with open(os.path.join(folder, "CTestTestfile.cmake"), encoding="utf-8") as file:
                names |= set(re.findall(r"^add_test\(\[*=*\[*([A-Za-z0-9_]+)", file.read(), re.M))
    return names


class Page:
    """Runs the blocks of one page, as one script."""

    def __init__(self, tree, build, page, text):
        self.tree, self.build, self.page = tree, build, page
        self.blocks, self.problems = blocks_of(page, text)
        self.ran = 0

    def step(self, n, block, folder):
        """The lines of the script that run block number n; None where there is nothing to run."""
        name = f"block{n}"
        language = block.language
        if language == "sh":
            return block.text
        if language == "toml" and re.search(r"^version\s*=", block.text, re.M):
            self.write(folder, name + ".toml", block.text)
            return f"blocks_toml {name}.toml\n"
        if language == "python":
            self.write(folder, name + ".py", block.text)
            return f"python3 {name}.py\n"
        if language in ("cpp", "c"):
            source = name + (".cc" if language == "cpp" else ".c")
            self.write(folder, source, block.text)
            main = re.search(r"\bint main\b", block.text)
            compile_it = f"blocks_{language} {'-c ' if not main else ''}{source} {name}\n"
            return compile_it + (f"./{name}\n" if main else "")
        return None

    @staticmethod
    def write(folder, name, text):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def runner_problems(self, block):
        """There is no such test or lane, or the lane does not read the page."""
        name = block.marks["elsewhere"].split(",")[0]
        lane = os.path.join(self.tree, "tests/deploy", name + ".sh")
        if os.path.exists(lane):
            with open(lane, encoding="utf-8") as file:
                reads = self.page in file.read()
            return [] if reads else [f"{block.place}: the lane {name} does not read {self.page}"]
        if name == ".ci/run" or name in tests_of(self.build):
            return []
        return [f"{block.place}: {name} is no test and no lane"]

    def script(self, folder, notes):
        flags = "-O0 -Wall -Wextra -Wshadow -Werror -I . -I '" + self.tree + "'"
        library = next((os.path.join(where, "libsmt.a") for where, _, names in os.walk(self.build) if "libsmt.a" in names), "")
        launcher = "ccache" if shutil.which("ccache") else ""
        out = f"""set -eu
blocks_cpp() {{
  if [ "$1" = -c ]; then {launcher} g++ -std=c++20 {flags} -c "$2" -o "$3.o"
  else {launcher} g++ -std=c++20 {flags} -c "$1" -o "$2.o" && g++ -o "$2" "$2.o" '{library}' -pthread; fi
}}
blocks_c() {{ if [ "$1" = -c ]; then gcc -std=c11 {flags} -c "$2" -o "$3.o"; else gcc -std=c11 {flags} "$1" -o "$2" -lm; fi; }}
blocks_toml() {{
  for blocks_tool in smtrelay_pub smtrelay_sub smtrelay_proxy smtrelay_client; do
    if "$blocks_tool" --config "$1" --check-config >blocks.toml.out 2>&1; then return; fi
    cat blocks.toml.out
  done
  return 1
}}
"""
        before = {}
        for n, block in enumerate(self.blocks):
            if "elsewhere" in block.marks:
                self.problems += self.runner_problems(block)
                continue
            self.problems += parse_problems(block)
            if "from" in block.marks:
                self.ran += 1
                try:
                    with open(os.path.join(self.tree, block.marks["from"]), encoding="utf-8") as file:
                        if block.text.strip("\n") not in file.read():
                            self.problems.append(f"{block.place}: is no part of {block.marks['from']}")
                except OSError:
                    self.problems.append(f"{block.place}: there is no {block.marks['from']}")
                continue
            if "continues" in block.marks:
                if block.language not in before:
                    self.problems.append(f"{block.place}: continues no {block.language} before it")
                block.text = before.get(block.language, "") + block.text
            before[block.language] = block.text
            if "file" in block.marks:
                self.write(folder, block.marks["file"], block.text)
            step = self.step(n, block, folder)
            if step is None:
                continue
            if "hidden" not in block.marks:
                self.ran += 1
            out += f"echo {n} >'{notes}/at'\nexec >'{notes}/{n}.out' 2>&1\n{step}\n"
        return out + f"echo end >'{notes}/at'\n"

    def run(self, temp):
        folder, notes = os.path.join(temp, "page"), os.path.join(temp, "notes")
        os.makedirs(os.path.join(folder, "build"))
        os.makedirs(notes)
        for name in ("run", "docs", "deploy", "examples", "shm", "proto", "relay", "README.md"):
            os.symlink(os.path.join(self.tree, name), os.path.join(folder, name))
        os.symlink(self.build, os.path.join(folder, "build/release"))
        self.write(notes, "script", self.script(folder, notes))
        if self.problems or self.ran == 0:
            return
        environment = dict(os.environ, SMT_ROOT=os.path.join(temp, "smt"), TMPDIR=temp, HOME=temp,
                           PATH=os.path.join(self.build, "bin") + ":" + os.environ["PATH"])
        if shutil.which("ccache"):  # of this user, whatever HOME says; the folder's name is of no matter
            kept = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True, check=False)
            environment.update(CCACHE_DIR=kept.stdout.strip(), CCACHE_NOHASHDIR="1")
        command = ["sh", os.path.join(notes, "script")]
        # A network of its own, where the kernel lets us: then its ports are nobody else's.
        own = ["unshare", "--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]
        if subprocess.run(own + ["true"], capture_output=True, check=False).returncode == 0:
            command = own + command
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        at, since, late = "", time.monotonic(), False
        while process.poll() is None:
            time.sleep(0.02)
            now = self.read(notes, "at").strip()
            if now != at:
                at, since = now, time.monotonic()
            elif time.monotonic() - since > SECONDS:
                late = True
                break
        try:  # and what it has left in the background
            os.killpg(process.pid, signal.SIGTERM)
            time.sleep(0.2)
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        at = self.read(notes, "at").strip()
        if at != "end":
            block = self.blocks[int(at)] if at.isdigit() else self.blocks[0]
            why = f"not done after {SECONDS} s" if late else "fails"
            printed = self.read(notes, f"{at}.out").strip().split("\n")[-15:]
            self.problems.append(f"{block.place}: the {block.language} block {why}:" + "".join("\n         " + p for p in printed))
        for n, block in enumerate(self.blocks):
            if block.expected and (at == "end" or (at.isdigit() and n < int(at))):
                wrong = compare(block.expected, self.read(notes, f"{n}.out"))
                if wrong:
                    self.problems.append(wrong)

    @staticmethod
    def read(folder, name):
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""


def problems_of(tree, build, page, text):
    made = Page(tree, build, page, text)
    temp = tempfile.mkdtemp(dir=os.environ.get("TMP"))
    try:
        made.run(temp)
    finally:
        shutil.rmtree(temp, ignore_errors=True)
    return made


def fence(language, body, mark=""):
    return f"{mark}\n```{language}\n{body}\n```\n"


PLANTED = [
    ("a command that fails", fence("sh", "true\nfalse"), "x.md:2: the sh block fails"),
    ("a command that there is not", fence("sh", "smttopic dance"), "x.md:2: the sh block fails"),
    ("a fence without a language", fence("", "ls"), "x.md:2: a fence without a language"),
    ("a block that nothing runs", fence("sh", "false", "<!-- elsewhere -->"), "x.md:1: elsewhere without a name and a reason"),
    ("a block without a reason", fence("sh", "false", "<!-- elsewhere: demo_test -->"), "x.md:1: elsewhere without a name"),
    ("a test that there is not", fence("sh", "false", "<!-- elsewhere: no_test, long -->"), "x.md:2: no_test is no test and no lane"),
    ("a lane that does not read the page", fence("sh", "false", "<!-- elsewhere: units, x -->"), "x.md:2: the lane units does not read"),
    ("other output", fence("sh", "echo a 1 ms\necho b") + fence("text", "a 20 us\nc", "<!-- output -->"), "the page shows `c`"),
    ("output that is left out", fence("sh", "echo a\necho b") + fence("text", "a", "<!-- output -->"), "printed is more: `b`"),
    ("a program that is none", fence("cpp", "int main() { return x; }"), "x.md:2: the cpp block fails"),
    ("a program that fails", fence("cpp", "int main() { return 1; }"), "x.md:2: the cpp block fails"),
    ("a wrong configuration", fence("toml", "version = 1\nnonsense = 1"), "x.md:2: the toml block fails"),
    ("JSON that does not parse", fence("json", "{,}"), "x.md:2: json does not parse"),
    ("a part of no example", fence("cpp", "int nothing_like_it;", "<!-- from: run -->"), "x.md:2: is no part of run"),
]
FINE = (fence("sh", "x=1\nsleep 100 &\ncd docs/..") + "<!-- test:\necho \"$x\" >kept\n-->\n" + fence("sh", "cat kept\nfalse || echo 0x12345678ab") +
        fence("text", "...\n5\n0x87654321ab", "<!-- output -->") + fence("cpp", "int main() {}", "<!-- file: a.cc -->") +
        fence("sh", "grep -q main a.cc") + fence("python", "print(1)") + fence("sh", "rm -rf /no/such", "<!-- elsewhere: demo_test, not here -->"))


def main():
    tree, build = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    pages = sys.argv[3:]
    report = Report()
    if not pages:
        names = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
        for folder in ("docs", "examples"):
            if os.path.isdir(os.path.join(tree, folder)):
                names += [f"{folder}/{name}" for name in sorted(os.listdir(os.path.join(tree, folder)))]
        pages = [name for name in names if PAGES.fullmatch(name) and os.path.exists(os.path.join(tree, name))]
    texts = []
    for page in pages:
        with open(os.path.join(tree, page), encoding="utf-8") as file:
            texts.append((page, file.read()))
    planted = [("x.md", text) for text in [text for _, text, _ in PLANTED] + [FINE]] if not sys.argv[3:] else []
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda page: problems_of(tree, build, *page), texts + planted))
    for page in made[:len(texts)]:
        kept = sum("elsewhere" in block.marks for block in page.blocks)
        report.check(f"{page.page}: {page.ran} blocks hold, {kept} are run elsewhere", page.problems,
                     "mend the page; what another test or a lane runs says which and why: <!-- elsewhere: NAME, WHY --> before the fence")
    if planted:
        for page, (what, _, expected) in zip(made[len(texts):], PLANTED):
            report.found(what, page.problems, expected)
        report.check("lets good blocks be", made[-1].problems)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
