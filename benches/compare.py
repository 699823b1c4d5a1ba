#!/usr/bin/env python3
"""Times whole processes on the workloads of workloads.py: the floor, entrace, DuckDB, plain Python.

    compare.py [--data DIR] [--make] [--scale X] [--only WORK...] [--runs N] [--skip-duckdb] [--skip-python] [--save FILE]

First every tool must give the same answer; a tool that does not is not timed. Then they run by turns, N times, in the
other order every second time, with the page cache warm. CPU seconds are user and system time of the whole process
(`wait4`), peak is its largest resident set (`ru_maxrss`). Ratios are of the minima. Prints Markdown.

Needs `cargo build --release`; DuckDB needs `pip install duckdb==2.0.0` into the Python that runs this.
The memory limit of the rows that have one is RLIMIT_DATA, as `prlimit --data=N` sets it: it counts all writable private
memory that a process asks for, touched or not, and needs no privilege.
"""
import argparse
import csv
import json
import multiprocessing
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, namedtuple
from datetime import datetime, timezone
from pathlib import Path

import naive
import workloads

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benches"
THREADS = 2                         # of every program, whatever the machine has
LIMIT_BYTES = 600_000_000           # of the rows with a memory limit
PEAK_ABOVE_INDEX = 300              # MB
INDEX_BYTES_PER_OBJECT = 0          # what the index may hold for each object; 0 is stricter than the goal
BOTH_CORES = 1.4                    # CPU seconds for each second of wall time, at least

Run = namedtuple("Run", "cpu wall peak code")


class Wrong(Exception):
    """A tool gave another answer than it must, or none."""


# ------------------------------------------------------------------------------------------------------------ goals

# Figure: what is computed from the runs of one or more (work, tool); `at` is "<=" or ">="; `unit` of the figure.
Goal = namedtuple("Goal", "work text figure at bound unit", defaults=("x",))


def ratio(kind, above, below):
    """Minimum of one (work, tool) over that of another."""
    return lambda runs: least(runs, above, kind) / least(runs, below, kind)


def least(runs, of, kind):
    return min(getattr(run, kind) for run in runs[of])


def floor_ratio(work):
    return ratio("cpu", (work, "entrace"), (work, "floor"))


def peak(work, tool="entrace"):
    return lambda runs: max(run.peak for run in runs[work, tool])


def peak_above_index(work):
    return lambda runs: peak(work)(runs) - INDEX_BYTES_PER_OBJECT * objects_of(work) / 1e6


def cores(work):
    return lambda runs: least(runs, (work, "entrace"), "cpu") / least(runs, (work, "entrace"), "wall")


GOALS = [
    Goal("u100k", "CPU over the floor", floor_ratio("u100k"), "<=", 1.6),
    Goal("u100k", "CPU over the floor (stretch)", floor_ratio("u100k"), "<=", 1.2),
    Goal("u100k", "CPU of DuckDB over it", ratio("cpu", ("u100k", "duckdb"), ("u100k", "entrace")), ">=", 7),
    Goal("u100k", "CPU of Python over it", ratio("cpu", ("u100k", "python"), ("u100k", "entrace")), ">=", 7),
    Goal("u100k", "wall over CPU", lambda runs: 1 / cores("u100k")(runs), "<=", 0.6),
    Goal("u100k", "peak", peak("u100k"), "<=", 150, "MB"),
    Goal("u1m", "CPU over the floor", floor_ratio("u1m"), "<=", 1.6),
    Goal("u1m", "CPU of DuckDB over it", ratio("cpu", ("u1m", "duckdb"), ("u1m", "entrace")), ">=", 8),
    Goal("u1m", "wall of DuckDB over it", ratio("wall", ("u1m", "duckdb"), ("u1m", "entrace")), ">=", 8),
    Goal("u1m", "peak", peak("u1m"), "<=", 700, "MB"),
    Goal("adverse", "CPU over the floor", floor_ratio("adverse"), "<=", 4),
    Goal("half", "CPU over the floor", floor_ratio("half"), "<=", 4),
    Goal("s200", "CPU over s100", ratio("cpu", ("s200", "entrace"), ("s100", "entrace")), "<=", 2.2),
    Goal("zip", "CPU over the floor", floor_ratio("zip"), "<=", 3),
    Goal("utf16", "CPU over the floor", floor_ratio("utf16"), "<=", 3),
    Goal("case", "second run, another pair and scope: CPU over the first",
         ratio("cpu", ("case", "second"), ("case", "first")), "<=", 0.08),
    Goal("case", "a snapshot added to five: CPU over the first",
         ratio("cpu", ("case", "added"), ("case", "first")), "<=", 0.25),
    *(Goal(work, *goal) for work in ("ndjson2g", "line2g", "giant") for goal in (
        ("cores used", cores(work), ">=", BOTH_CORES), ("peak above the index", peak_above_index(work), "<=",
                                                        PEAK_ABOVE_INDEX, "MB"))),
    Goal("files40k", "CPU over the floor", floor_ratio("files40k"), "<=", 2),
    Goal("group1m", "CPU over group500k", ratio("cpu", ("group1m", "entrace"), ("group500k", "entrace")), "<=", 2.2),
    Goal("show", "wall", lambda runs: least(runs, ("show", "entrace"), "wall") * 1000, "<=", 100, "ms"),
]

# Work: the workload it runs on, the tools beside floor and entrace, whether entrace runs under the memory limit.
Work = namedtuple("Work", "workload others limited", defaults=((), False))
WORK = {
    "u100k": Work("u100k", ("duckdb", "duckdb, hashed", "python")),
    "u1m": Work("u1m", ("duckdb", "duckdb, hashed")),
    "adverse": Work("adverse"),
    "half": Work("half", ("duckdb", "duckdb, hashed", "python")),
    "s100": Work("s100"),
    "s200": Work("s200"),
    "zip": Work("zip"),
    "utf16": Work("utf16"),
    "case": Work("u100k6"),
    "ndjson2g": Work("ndjson2g", (), True),
    "line2g": Work("line2g", (), True),
    "giant": Work("giant", (), True),
    "files40k": Work("files40k"),
    "group500k": Work("group500k"),
    "group1m": Work("group1m"),
    "show": Work("u1m"),
}


# ------------------------------------------------------------------------------------------------------- measuring

def measure(command, out, limited=False):
    """Runs a command to its end; its output goes to the files `out` and `out`.err."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))) if limited else None
    with open(out, "wb") as stdout, open(f"{out}.err", "wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, preexec_fn=limit)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024 / 1e6, process.returncode)


def by_turns(jobs, count):
    """Runs each job `count` times, in the other order every second time."""
    runs = {name: [] for name in jobs}
    for turn in range(count):
        for name in list(jobs)[::-1 if turn % 2 else 1]:
            runs[name].append(jobs[name]())
    return runs


def elsewhere(function, *arguments):
    """Calls a function in a process of its own: this one stays small, as children start with its resident set."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(guarded, (function, *arguments))


def guarded(function, *arguments):
    csv.field_size_limit(2**31 - 1)
    try:
        return function(*arguments)
    except Wrong as wrong:
        return wrong


def agreed(outcome):
    if isinstance(outcome, Wrong):
        raise outcome
    return outcome


# ------------------------------------------------------------------------------------------------------- answers

INSTANT = re.compile(r'"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00(?::00)?)?"')


def meaning(text):
    """One spelling for a value, whoever printed it."""
    value = json.loads(text) if text else None
    return INSTANT.sub(r'"\1T\2Z"', naive.canonical(value))


def listed(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def users_of_entrace(path):
    return Counter((row["object_id"], row["attribute"], meaning(row["before"]), meaning(row["after"]))
                   for row in listed(path) if row["object_type"] == "user" and row["change"] == "modified")


def users_of_others(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(id, name, meaning(old), meaning(new)) for id, name, old, new in csv.reader(file)]
    return Counter(row for row in rows if row[2] != row[3])


def check_rows(path, expected):
    """The rows of `timeline` are those that the workload was made to have."""
    def columns(row):
        return tuple(row[name] for name in workloads.COLUMNS)
    few = "changes" in expected
    rows = [columns(row) if few else None for row in listed(path)]
    if len(rows) != expected["rows"]:
        raise Wrong(f"{len(rows)} rows instead of {expected['rows']}")
    missing = set(map(columns, expected["changes"])) - set(rows) if few else None
    if missing:
        raise Wrong(f"{len(missing)} rows are missing, among them {min(missing)}")


def check_users(mine, theirs, expected):
    """Both know the same changed attributes of users."""
    mine, theirs = users_of_entrace(mine), users_of_others(theirs)
    if mine != theirs:
        only = [sorted((a - b).elements()) for a, b in ((mine, theirs), (theirs, mine))]
        raise Wrong(f"{len(only[0])} changed attributes of users are entrace's alone, {len(only[1])} the other's: "
                    f"{(only[0] or only[1])[0]}")
    if sum(mine.values()) != expected["users"]:
        raise Wrong(f"{sum(mine.values())} changed attributes of users instead of {expected['users']}")


def objects_of(work):
    expected = json.loads(Path(f"{Bench.data / WORK[work].workload}.expect.json").read_text("utf-8"))
    return sum(expected.get("objects", {}).values())


def check_objects(path, expected):
    last = json.loads(Path(path).read_text("utf-8"))[-1]["objects"]
    if last != expected:
        raise Wrong(f"objects {last} instead of {expected}")


def check_quarantine(path, talk, expected):
    """As many records are quarantined as must be, and what was is named by file and byte."""
    found = sum(exhibit["quarantined"] for exhibit in json.loads(Path(path).read_text("utf-8"))["exhibits"])
    if found != expected:
        raise Wrong(f"{found} records in quarantine instead of {expected}")
    if not re.search(r"\.json at byte \d+: ", Path(talk).read_text("utf-8")):
        raise Wrong("what is in quarantine is not named by file and byte")


# ------------------------------------------------------------------------------------------------------- the bench

class Bench:
    """The programs, where the workloads lie, and what was measured."""
    data = ROOT / "target/workloads"

    def __init__(self, arguments):
        Bench.data = Path(arguments.data).absolute()
        self.arguments = arguments
        self.scratch = Path(tempfile.mkdtemp(prefix="entrace-bench-"))
        self.program = os.environ.get("ENTRACE") or str(ROOT / "target/release/entrace")
        self.floor = os.environ.get("FLOOR") or built_floor()
        self.runs, self.wrong = {}, {}

    def command(self, tool, folder):
        script = {"duckdb": ["duckdb_users.py", folder], "duckdb, hashed": ["duckdb_users.py", folder, "--hashed"],
                  "python": ["naive.py", folder]}.get(tool)
        if script:
            return [sys.executable, str(HERE / script[0]), *map(str, script[1:])]
        if tool == "floor":
            return [self.floor, "--threads", str(THREADS), str(folder)]
        return self.entrace("timeline", folder, "--format", "csv")

    def entrace(self, verb, *rest):
        return [self.program, verb, *map(str, rest), "--threads", str(THREADS)]

    def out(self, name):
        return str(self.scratch / re.sub(r"\W+", "-", name))

    def workload(self, name):
        folder = Bench.data / name
        if not folder.exists() and self.arguments.make:
            say(f"writing {name}")
            subprocess.run([sys.executable, HERE / "workloads.py", name, folder, "--scale", str(self.arguments.scale)],
                           check=True)
        if not folder.exists():
            raise Wrong(f"{folder.name} is not written; --make writes it")
        return folder, json.loads(Path(f"{folder}.expect.json").read_text("utf-8"))

    def must(self, command, out, limited=False, codes=(0,)):
        """Runs once, untimed; the exit code must be one of `codes`."""
        run = measure(command, out, limited)
        if run.code not in codes:
            talk = Path(f"{out}.err").read_text("utf-8", "replace").strip().splitlines()
            raise Wrong(f"exit code {run.code}: {talk[-1] if talk else 'no word'}"[:300])

    def work(self, name):
        """Checks and times one row."""
        folder, expected = self.workload(WORK[name].workload)
        self.must(self.command("floor", folder), self.out("floor"))     # also warms the page cache
        if name in ("case", "show"):
            runs = getattr(self, name)(folder, expected)
        else:
            runs = self.ordinary(name, folder, expected)
        self.runs.update({(name, tool): measured for tool, measured in runs.items()})

    def ordinary(self, name, folder, expected):
        limited, codes = WORK[name].limited, (3,) if expected.get("quarantined") else (0,)
        tools = {"floor": False, "entrace": limited}
        mine = self.out("entrace")
        try:
            self.must(self.command("entrace", folder), mine, limited, codes)
            agreed(elsewhere(check_rows, mine, expected))
            self.check_lists(folder, expected, limited, codes)
        except Wrong as wrong:
            self.note(name, "entrace", wrong)
            del tools["entrace"]
        for tool in WORK[name].others if "entrace" in tools else ():
            if getattr(self.arguments, f"skip_{tool.split(',')[0]}"):
                continue
            try:
                self.must(self.command(tool, folder), self.out(tool))
                agreed(elsewhere(check_users, mine, self.out(tool), expected))
                tools[tool] = False
            except Wrong as wrong:
                self.note(name, tool, wrong)
        jobs = {tool: lambda tool=tool, limited=limited:
                measure(self.command(tool, folder), self.out(tool), limited) for tool, limited in tools.items()}
        return by_turns(jobs, self.arguments.runs)

    def check_lists(self, folder, expected, limited, codes):
        """What rows do not tell: how many objects were read, and what is in quarantine."""
        if "objects" in expected:
            self.must(self.entrace("snapshots", folder, "--json"), self.out("snapshots"), limited, codes)
            agreed(elsewhere(check_objects, self.out("snapshots"), expected["objects"]))
        if "quarantined" in expected:
            self.must(self.entrace("inspect", folder, "--json"), self.out("inspect"), limited, codes)
            talk = self.out("inspect") + ".err"
            agreed(elsewhere(check_quarantine, self.out("inspect"), talk, expected["quarantined"]))

    def needs_case(self):
        told = subprocess.run([self.program, "timeline", "--help"], capture_output=True, text=True, check=True).stdout
        if "--case" not in told:
            raise Wrong("this program has no --case")

    def case(self, folder, _):
        """Five of six days into a new case; another pair and scope from it; the sixth day added."""
        self.needs_case()
        case, sixth = self.scratch / "case", workloads.days(folder)[-1]
        held = folder.with_name(f"{folder.name}.sixth")
        steps = {   # the same commands with the case and without, as what they print must be the same
            "first": ("timeline", folder, "--format", "csv"),
            "second": ("diff", folder, "--from", "2", "--to", "4", "--type", "user", "--format", "csv"),
            "added": ("timeline", folder, "--format", "csv"),
        }
        runs = {step: [] for step in steps}
        try:
            for turn in range(self.arguments.runs + 1):     # the first turn checks
                shutil.rmtree(case, ignore_errors=True)
                for step, command in steps.items():
                    if step == "first":
                        sixth.rename(held)
                    if step == "added":
                        held.rename(sixth)
                    if turn == 0:
                        self.must(self.entrace(*command), self.out("fresh"))
                    run = measure(self.entrace(*command, "--case", case), self.out("cased"))
                    if run.code:
                        raise Wrong(f"{step} run with a case: exit code {run.code}")
                    if turn == 0 and Path(self.out("fresh")).read_bytes() != Path(self.out("cased")).read_bytes():
                        raise Wrong(f"{step} run: the case gives another answer")
                    if turn > 0:
                        runs[step].append(run)
        finally:
            if held.exists():
                held.rename(sixth)
        size = sum(path.stat().st_size for path in case.rglob("*") if path.is_file())
        say(f"case folder: {size / 1e6:.0f} MB")
        return runs

    def show(self, folder, expected):
        self.needs_case()
        case, out = self.scratch / "show-case", self.out("show")
        self.must(self.entrace("timeline", folder, "--format", "csv", "--case", case), self.out("entrace"))
        show = [self.program, "show", "--case", str(case), "--id", expected["show"]]
        self.must(show, out)
        if expected["show"] not in Path(out).read_text("utf-8"):
            raise Wrong("the object is not shown")
        return by_turns({"entrace": lambda: measure(show, out)}, self.arguments.runs)

    def note(self, work, tool, wrong):
        self.wrong[work, tool] = str(wrong)
        say(f"{work}, {tool}: {wrong}")


def say(text):
    print(f"{datetime.now(timezone.utc):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def built_floor():
    """Builds the floor as users build the program, and gives its path."""
    built = subprocess.run(["cargo", "build", "--release", "--bench", "floor", "--message-format", "json"], cwd=ROOT,
                           check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, built.splitlines())
    return next(message["executable"] for message in messages
                if message.get("executable") and message["target"]["name"] == "floor")


# ------------------------------------------------------------------------------------------------------- output

def machine():
    try:
        cpu = next(line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                   if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + (" and changes" if git("status", "--porcelain", "-uno") else "")


def figures(runs, kind, digits):
    values = [getattr(run, kind) for run in runs]
    return f"{min(values):.{digits}f} ({statistics.median(values):.{digits}f})"


def print_times(bench, work):
    tools = [tool for name, tool in bench.runs if name == work]
    wrong = {tool: why for (name, tool), why in bench.wrong.items() if name == work}
    if not tools and not wrong:
        return
    print(f"\n### {work}: {workloads.WORKLOADS[WORK[work].workload][1]}\n")
    if tools:
        print("| | CPU s | wall s | peak MB | CPU over the floor |\n|---|--:|--:|--:|--:|")
    floor = bench.runs.get((work, "floor"))
    for tool in tools:
        runs = bench.runs[work, tool]
        over = f"{least(bench.runs, (work, tool), 'cpu') / min(run.cpu for run in floor):.2f}" if floor else ""
        label = f"{tool}, {LIMIT_BYTES / 1e6:.0f} MB at most" if tool == "entrace" and WORK[work].limited else tool
        print(f"| {label} | {figures(runs, 'cpu', 2)} | {figures(runs, 'wall', 2)} | "
              f"{max(run.peak for run in runs):.0f} | {over} |")
    for tool, why in wrong.items():
        print(f"\n**Not timed: {tool}.** {why}")


def print_goals(bench, works):
    print("\n### Goals\n\n| Work | | Goal | Figure | |\n|---|---|--:|--:|---|")
    for goal in GOALS:
        if goal.work not in works:
            continue
        unit = "" if goal.unit == "x" else f" {goal.unit}"
        sign = {"<=": "at most", ">=": "at least"}[goal.at]
        try:
            figure = goal.figure(bench.runs)
            reached = figure <= goal.bound if goal.at == "<=" else figure >= goal.bound
            shown = f"{figure:.2f}" if goal.unit == "x" else f"{figure:.0f}{unit}"
            verdict = "reached" if reached else "**not reached**"
        except KeyError:
            shown, verdict = "", "not measured"
        print(f"| {goal.work} | {goal.text} | {sign} {goal.bound}{unit} | {shown} | {verdict} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=Bench.data, help="folder of the workloads (default target/workloads)")
    parser.add_argument("--make", action="store_true", help="write workloads that are not there")
    parser.add_argument("--scale", type=float, default=1.0, help="of the workloads that --make writes")
    parser.add_argument("--only", nargs="+", choices=WORK, metavar="WORK", help=f"some of: {', '.join(WORK)}")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--skip-duckdb", action="store_true")
    parser.add_argument("--skip-python", action="store_true")
    parser.add_argument("--save", metavar="FILE", help="write every run as JSON")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    works = [work for work in WORK if work in (arguments.only or WORK)]
    try:
        for work in works:
            say(work)
            try:
                bench.work(work)
            except Wrong as wrong:
                bench.note(work, "this row", wrong)
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)
    scale = "" if arguments.scale == 1 else f" Workloads made now are at scale {arguments.scale:g}."
    print(f"{machine()}. {datetime.now(timezone.utc):%Y-%m-%d}, commit {commit()}. {THREADS} threads, page cache warm, "
          f"{arguments.runs} runs by turns: minimum (median).{scale}")
    for work in works:
        print_times(bench, work)
    print_goals(bench, works)
    if arguments.save:
        saved = [{"work": work, "tool": tool, **run._asdict()} for (work, tool), runs in bench.runs.items() for run in runs]
        Path(arguments.save).write_text(json.dumps(saved, indent=1) + "\n", "utf-8")
    return 1 if bench.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
