#!/usr/bin/env python3
"""What the data path executes, in instructions, stays below the ceilings of ceilings.txt.

    instructions_test.py BUILD            counts all cases; fails where one is more than 5 % above its ceiling, and unless
                                          that finds a loop that is planted into publications
    instructions_test.py BUILD CASE...    counts these, of which "pub_*" names several, and leaves BUILD/callgrind.out.CASE
                                          of each for callgrind_annotate

callgrind counts what count_instructions executes inside measured(), so that a busy machine changes nothing. The cases set the
clocks themselves.
"""
import concurrent.futures
import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SLACK = 0.05
SKIPPED = 77  # as tests/CMakeLists.txt says
# A loop too many, in the part of a publication that is inline: it writes the size word by word up to what it is.
PLANTED_IN, PLANTED_FROM, PLANTED_TO = (
    "shm/seqlock.h", "  write_word(&slot->bytes, bytes);\n",
    "  for (uint64_t i = 0; i <= bytes; ++i) write_word(&slot->bytes, i);\n")
PLANTED_CASE, PLANTED_SOURCE = "publish", "shm_cases.cc"


def read_ceilings():
    """The compiler they are of, and by case the ceiling and what it is for."""
    compiler, ceilings = "", {}
    with open(os.path.join(HERE, "ceilings.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("compiler: "):
                compiler = line.removeprefix("compiler: ").strip()
            elif line.strip() and not line.startswith("#"):
                name, ceiling, what = line.split(None, 2)
                ceilings[name] = (float(ceiling), what.strip())
    return compiler, ceilings


def count(program, case, profile="/dev/null"):
    """Instructions for each time that the case did its thing."""
    run = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=*smt::instructions::measured*",
                          "--callgrind-out-file=" + profile, program, case], capture_output=True, text=True, check=False)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode != 0 or not collected or int(collected[1]) == 0:
        sys.exit(f"FAIL {case}: {run.stderr}")
    return int(collected[1]) / int(run.stdout)


def verdict(case, figure, ceiling, what):
    """"" or the problem."""
    if figure <= ceiling * (1 + SLACK):
        return ""
    return f"{case}: {figure:.1f} instructions for {what}, {figure / ceiling - 1:.1%} above the ceiling of {ceiling:g}"


def count_all(program, cases, ceilings, profiles="/dev/null"):
    """Prints a table; returns the problems. `profiles` may hold a {} for the name of the case."""
    problems = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        figures = {case: pool.submit(count, program, case, profiles.format(case)) for case in cases}
    print(f"{'case':24} {'counted':>9} {'ceiling':>9}")
    for case, figure in figures.items():
        if case not in ceilings:
            problems.append(f"{case}: {figure.result():.1f} instructions, and no ceiling in ceilings.txt")
            continue
        ceiling, what = ceilings[case]
        change = figure.result() / ceiling - 1
        note = "TOO MANY" if change > SLACK else "the ceiling can be lowered" if change < -SLACK else ""
        print(f"{case:24} {figure.result():9.1f} {ceiling:9g}  {change:+7.1%}  {note}".rstrip())
        problems.append(verdict(case, figure.result(), ceiling, what))
    return [problem for problem in problems if problem]


def planted(build, folder):
    """count_instructions with the loop, made in `folder` with the commands of the build tree."""
    os.makedirs(os.path.join(folder, os.path.dirname(PLANTED_IN)))
    with open(os.path.join(SOURCE, PLANTED_IN), encoding="utf-8") as file:
        text = file.read()
    if text.count(PLANTED_FROM) != 1:
        raise RuntimeError(f"{PLANTED_IN} has no line to plant a loop in")
    with open(os.path.join(folder, PLANTED_IN), "w", encoding="utf-8") as file:
        file.write(text.replace(PLANTED_FROM, PLANTED_TO))
    commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "count_instructions"], capture_output=True, text=True,
                              check=True).stdout.splitlines()
    program, made = os.path.join(folder, "count_instructions"), os.path.join(folder, "planted.o")
    compile_it = next(line for line in commands if line.endswith(f"/{PLANTED_SOURCE}") and " -c " in line)
    link = next(line for line in commands if " -o bin/count_instructions " in line)
    planted_object = re.search(r" -o (\S+) -c ", compile_it)[1]
    compile_it = re.sub(r" -MD -MT \S+ -MF \S+", "", compile_it)
    compile_it = compile_it.replace(f" -o {planted_object} ", f" -iquote {shlex.quote(folder)} -o {shlex.quote(made)} ")
    link = link.replace(f" {planted_object} ", f" {shlex.quote(made)} ")
    link = link.replace(" -o bin/count_instructions ", f" -o {shlex.quote(program)} ")
    for command in compile_it, link:
        subprocess.run(command, shell=True, cwd=build, check=True)
    return program


def main():
    build, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    program = os.path.join(build, "bin", "count_instructions")
    compiler, *cases = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    made_with, ceilings = read_ceilings()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    if compiler != made_with:
        print(f"skipped: the ceilings are of {made_with}, and this is {compiler}")
        return SKIPPED
    if wanted:
        chosen = [case for case in cases if any(fnmatch.fnmatch(case, pattern) for pattern in wanted)]
        problems = count_all(program, chosen, ceilings, os.path.join(build, "callgrind.out.{}"))
        problems += [] if chosen else ["there is no such case"]
    else:
        problems = count_all(program, cases, ceilings)
        problems += [f"ceilings.txt has {case}, which is no case" for case in ceilings if case not in cases]
        with tempfile.TemporaryDirectory() as folder:
            found = verdict(PLANTED_CASE, count(planted(build, folder), PLANTED_CASE), *ceilings[PLANTED_CASE])
        print("found what was planted: " + found if found else "did not find what was planted")
        problems += [] if found else [f"a loop in {PLANTED_IN} went unnoticed"]
    for problem in problems:
        print("FAIL " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
