#!/usr/bin/env python3
"""Writes the evidence that speed is measured on. Everything is synthetic; the same name and scale give the same bytes.

    workloads.py NAME DIR [--scale X]     one of the workloads below, into DIR, which must not exist yet
    workloads.py --list

Beside DIR it writes DIR.expect.json: what the program must say about it.

    rows         rows that `timeline` lists (lane `change`, and every object that disappeared)
    changes      where they are few, the rows themselves, in the columns COLUMNS
    users        how many users have a changed attribute (`modified`), where other tools are asked for the same
    objects      objects of each type in the last snapshot, where that is what is to be checked
    quarantined  records that must be quarantined; the exit code is then 3
    show         an id to show

The base tenants come from `entrace synth` (target/release/entrace, or what the variable ENTRACE names), whose answer
key gives the rows; it is plain from 20,000 users on, which is the least that --scale leaves.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import uuid
import zipfile
from datetime import date as calendar, timedelta
from multiprocessing import Pool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = ["object_type", "object_id", "change", "attribute", "target_id", "before", "after"]
FEWEST_USERS = 20_000       # fewer, and `synth` writes messy exports
FEW_ROWS = 2_000            # up to this many, the rows stand in the expectation
PAGE = 999
SERVICE = "https://graph.microsoft.com/v1.0"
TENANT = "04b88b56-6bc5-4b9d-8e21-f7c44d1a50a5"
GIGABYTE = 1_000_000_000
USER_BYTES = 1_450          # of a user in NDJSON, a little less than it is


def users(full, scale):
    return max(FEWEST_USERS, round(full * scale))


def compact(value):
    """As `synth` writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# ------------------------------------------------------------------------------------------------------ base tenants

def program():
    return os.environ.get("ENTRACE") or str(ROOT / "target/release/entrace")


def synth(folder, count, snapshots, layout="graph"):
    """Writes a tenant, takes its answer key away from beside it, and gives the rows that must come out."""
    subprocess.run([program(), "synth", "-o", str(folder), "--users", str(count), "--snapshots", str(snapshots),
                    "--as", layout], check=True, stdout=sys.stderr)
    path = Path(f"{folder}.answer-key.json")
    with open(path, encoding="utf-8") as file:
        rows = [{name: row[name] or "" for name in COLUMNS} for row in json.load(file)["expected"]]
    path.unlink()
    return rows


def days(folder):
    """The dated folders of a tenant, earliest first."""
    return sorted(path for path in (folder / TENANT).iterdir() if path.is_dir())


def date(day):
    """Label of a day, 1 for the first that `synth` writes."""
    return (calendar(2026, 11, 1) + timedelta(days=day - 1)).isoformat()


def expectation(rows):
    expected = {"rows": len(rows)}
    if len(rows) <= FEW_ROWS:
        expected["changes"] = sorted(rows, key=lambda row: [row[name] for name in COLUMNS])
    expected["users"] = sum(row["object_type"] == "user" and row["change"] == "modified" for row in rows)
    return expected


def each_file(work, jobs):
    """Calls `work` with each of `jobs` on all cores."""
    with Pool() as pool:
        for _ in pool.imap_unordered(work, jobs, chunksize=16):
            pass


# -------------------------------------------------------------------------------------------------- another day's copy

def copied(day_folder, day):
    """Each file of a day with the path that it has on another one. Audit logs are of their own day."""
    target = day_folder.parent / date(day)
    target.mkdir()
    stamps = day_folder.name.replace("-", "") + "T", target.name.replace("-", "") + "T"
    for path in sorted(day_folder.iterdir()):
        if not path.name.startswith("auditLogs"):
            yield path, target / path.name.replace(*stamps)


def copy_page(job):
    """The same page on another day: the same objects, another token to go on with."""
    path, target, day = job
    text = path.read_text("utf-8")
    target.write_text(re.sub(r"(skiptoken=\w+)", lambda found: f"{found[1]}{day:04x}", text, count=1), "utf-8")


# --------------------------------------------------------------------------------------------------------- workloads

def make_u100k(folder, scale):
    return expectation(synth(folder, users(100_000, scale), 5))


def make_u100k6(folder, scale):
    return expectation(synth(folder, users(100_000, scale), 6))


def make_u1m(folder, scale):
    expected = expectation(synth(folder, users(1_000_000, scale), 5))
    return {**expected, "show": some_user(folder)}


def some_user(folder):
    page = sorted(days(folder)[-1].glob("users_2*.json"))[-1]
    return json.loads(page.read_text("utf-8"))["value"][-1]["id"]


def make_adverse(folder, scale):
    """Five days of one state. Every object is spelt anew every day: order of keys at all depths, white space, order of
    sets. All lists in it are sets to the program, but one, which is left as it is."""
    synth(folder, users(100_000, scale), 1)
    first = days(folder)[0]
    each_file(respell, [(*job, day) for day in range(2, 6) for job in copied(first, day)])
    return expectation([])


ORDERED = "primaryIdentityProviderPrecedenceOrder"
WHITE = [   # of each day: indentation, and what stands between elements and behind keys
    {"indent": None, "separators": (",", ":")}, {"indent": None, "separators": (", ", ": ")},
    {"indent": 1, "separators": (",", ":")}, {"indent": "\t", "separators": (",", " : ")},
    {"indent": None, "separators": (" ,", " :")},
]


def shuffled(value, chance, key=None):
    if isinstance(value, dict):
        members = list(value.items())
        chance.shuffle(members)
        return {name: shuffled(member, chance, name) for name, member in members}
    if isinstance(value, list):
        elements = [shuffled(element, chance) for element in value]
        if key != ORDERED:
            chance.shuffle(elements)
        return elements
    return value


def respell(job):
    path, target, day = job
    page = json.loads(path.read_text("utf-8"))
    chance = random.Random(f"{day} {path.name}")
    def spelt(value):
        return json.dumps(shuffled(value, chance), ensure_ascii=False, **WHITE[(day - 1) % len(WHITE)])
    if isinstance(page.get("value"), list):
        # The envelope stays as the service writes it: only objects are spelt anew.
        objects = ",".join(map(spelt, page.pop("value")))
        target.write_text(f'{compact(page)[:-1]},"value":[{objects}]}}', "utf-8")
    else:
        head = {name: page.pop(name) for name in list(page) if name.startswith("@odata.context")}
        target.write_text(spelt(page) if not head else f"{compact(head)[:-1]},{spelt(page).lstrip()[1:]}", "utf-8")


CHANGED = ["department", "jobTitle", "officeLocation"]


def make_half(folder, scale):
    """Every second user has three other values on the second day."""
    count = users(100_000, scale)
    synth(folder, count, 1)
    jobs = list(copied(days(folder)[0], 2))
    pages = [job for job in jobs if re.match(r"users_2\d+T", job[0].name)]
    each_file(copy_page, [(*job, 2) for job in jobs if job not in pages])
    with Pool() as pool:
        changed = sum(pool.imap_unordered(change_half, [(*job, at * PAGE) for at, job in enumerate(pages)]))
    return {"rows": changed, "users": changed}


def change_half(job):
    path, target, first = job
    text = path.read_text("utf-8")
    page = json.loads(text)
    assert compact(page) == text, f"{path} is not spelt as synth spells"
    rows = 0
    for place, user in enumerate(page["value"], first):
        if place % 2 == 0:
            for name in CHANGED:
                user[name] = f"{user[name] or 'None'} (moved)"
                rows += 1
    target.write_text(compact(page), "utf-8")
    return rows


def make_s100(folder, scale):
    return expectation(synth(folder, FEWEST_USERS, max(3, round(100 * scale))))


def make_s200(folder, scale):
    """The snapshots of s100, and as many again in which nothing changes any more."""
    count = max(3, round(100 * scale))
    rows = synth(folder, FEWEST_USERS, count)
    last = days(folder)[-1]
    for day in range(count + 1, 2 * count + 1):
        each_file(copy_page, [(*job, day) for job in copied(last, day)])
    return expectation(rows)


def make_zip(folder, scale):
    plain = Path(f"{folder}.plain")
    expected = make_u100k(plain, scale)
    folder.mkdir()
    with zipfile.ZipFile(folder / "export.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(plain.rglob("*.json")):
            member = zipfile.ZipInfo(str(path.relative_to(plain)), (2026, 11, 6, 0, 0, 0))
            archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=6)
    shutil.rmtree(plain)
    return expected


def make_utf16(folder, scale):
    expected = make_u100k(folder, scale)
    each_file(widen, list(folder.rglob("*.json")))
    return expected


def widen(path):
    path.write_bytes(b"\xff\xfe" + path.read_text("utf-8").encode("utf-16-le"))


def one_list(folder, scale):
    """A tenant with one list of users in one text of 2 GB; gives the text, one user on each line."""
    count = max(FEWEST_USERS, round(2 * GIGABYTE * scale) // USER_BYTES)
    base = Path(f"{folder}.base")
    synth(base, count, 1, "ndjson")
    source = next(days(base)[0].glob("users_2*.jsonl"))
    target = folder / TENANT / date(1)
    target.mkdir(parents=True)
    return base, source, target


def lines_up_to(source, size):
    """The lines of a text, as many as fit in `size` bytes."""
    with open(source, "rb") as file:
        for line in file:
            size -= len(line)
            if size < 0:
                return
            yield line.rstrip(b"\n")


def list_expectation(count):
    return {"rows": 0, "users": 0, "objects": {"user": count}}


def make_ndjson2g(folder, scale):
    base, source, target = one_list(folder, scale)
    count = 0
    with open(target / source.name, "wb") as file:
        for line in lines_up_to(source, 2 * GIGABYTE * scale):
            file.write(line + b"\n")
            count += 1
    shutil.rmtree(base)
    return list_expectation(count)


def make_line2g(folder, scale):
    base, source, target = one_list(folder, scale)
    count = 0
    with open(target / source.name.replace(".jsonl", ".json"), "wb") as file:
        file.write(f'{{"@odata.context":"{SERVICE}/$metadata#users","value":['.encode())
        for line in lines_up_to(source, 2 * GIGABYTE * scale):
            file.write((b"," if count else b"") + line)
            count += 1
        file.write(b"]}")
    shutil.rmtree(base)
    return list_expectation(count)


def make_giant(folder, scale):
    """A page in which one object holds a string of 1 GB, and the same page a day later, with another department in the
    first object and without the giant."""
    size = max(80_000_000, round(GIGABYTE * scale))
    def user(number, department):
        return {"id": guid(number), "accountEnabled": True, "department": department,
                "displayName": f"User {number}", "userPrincipalName": f"user{number}@woodgrove.example"}
    count = PAGE - 1
    for day, department in ((1, "Sales"), (2, "Retail")):
        target = folder / TENANT / date(day)
        target.mkdir(parents=True)
        objects = [compact(user(n, department if n == 0 else "Sales")) for n in range(count)]
        stamp = date(day).replace("-", "") + "T030000Z"
        with open(target / f"users_{stamp}_00000000.json", "w", encoding="utf-8") as file:
            file.write(f'{{"@odata.context":"{SERVICE}/$metadata#users(id,accountEnabled,department,displayName,'
                       f'userPrincipalName)","value":[')
            half = count // 2
            file.write(",".join(objects[:half]))
            if day == 1:
                file.write(f',{{"id":"{guid(count)}","accountEnabled":true,"department":"Sales","displayName":"')
                for _ in range(size // 1_000_000):
                    file.write("A" * 1_000_000)
                file.write('","userPrincipalName":"giant@woodgrove.example"}')
            file.write("," + ",".join(objects[half:]) + "]}")
    row = {"object_type": "user", "object_id": guid(0), "change": "modified", "attribute": "department",
           "target_id": "", "before": '"Sales"', "after": '"Retail"'}
    return {**expectation([row]), "quarantined": 1}


def make_files40k(folder, scale):
    """An exporter tree with one user in each file: 20,000 users on two days."""
    base = Path(f"{folder}.base")
    rows = synth(base, users(20_000, scale), 2, "entra-exporter")
    for day in days(base):
        target = folder / TENANT / day.name
        target.mkdir(parents=True)
        (day / "Users").rename(target / "Users")
    shutil.rmtree(base)
    return expectation([row for row in rows if row["object_type"] == "user"])


def guid(seed):
    return str(uuid.UUID(int=random.Random(seed).getrandbits(128)))


def make_group(folder, scale, full):
    """A group with many members in pages of 1000, in another order each day; one member is another on the second."""
    count = max(2_000, round(full * scale))
    group, chance = guid("group"), random.Random(7)
    members = [guid(number) for number in range(count + 1)]
    for day in (1, 2):
        target = folder / TENANT / date(day)
        target.mkdir(parents=True)
        stamp = date(day).replace("-", "")
        page = {"@odata.context": f"{SERVICE}/$metadata#groups(id,displayName,securityEnabled)",
                "value": [{"id": group, "displayName": "Everyone", "securityEnabled": True}]}
        (target / f"groups_{stamp}T030000Z_00000000.json").write_text(compact(page), "utf-8")
        there = members[:-1] if day == 1 else members[1:]
        chance.shuffle(there)
        pages = -(-count // 1000)
        for number in range(pages):
            page = {"@odata.context": f"{SERVICE}/$metadata#directoryObjects"}
            if number + 1 < pages:
                token = f"RFNwdAIAAQAAAB{day}{number:08x}"
                page["@odata.nextLink"] = f"{SERVICE}/groups/{group}/members?$skiptoken={token}"
            page["value"] = [{"@odata.type": "#microsoft.graph.user", "id": id, "displayName": f"Member {id[:8]}"}
                             for id in there[number * 1000:(number + 1) * 1000]]
            clock = f"T03{(number + 10) // 60:02}{(number + 10) % 60:02}Z"
            name = f"groups_{group}_members_{stamp}{clock}_{number:08x}.json"
            (target / name).write_text(compact(page), "utf-8")
    def row(change, member):
        return {"object_type": "group", "object_id": group, "change": change, "attribute": "members",
                "target_id": member, "before": "", "after": ""}
    return expectation([row("linkAdded", members[-1]), row("linkRemoved", members[0])])


WORKLOADS = {
    "u100k": (make_u100k, "100,000 users, 5 snapshots"),
    "u100k6": (make_u100k6, "the same with a sixth snapshot, for the case folder"),
    "u1m": (make_u1m, "1,000,000 users, 5 snapshots (8 GB)"),
    "adverse": (make_adverse, "100,000 users, 5 snapshots: every object spelt anew every day, nothing changed"),
    "half": (make_half, "50,000 of 100,000 users changed in 3 attributes between 2 snapshots"),
    "s100": (make_s100, "20,000 users, 100 snapshots, few changes (3.4 GB)"),
    "s200": (make_s200, "the same, and 100 more snapshots without a change (7 GB)"),
    "zip": (make_zip, "u100k as one zip archive"),
    "utf16": (make_utf16, "u100k in UTF-16 with byte order mark"),
    "ndjson2g": (make_ndjson2g, "one NDJSON of 2 GB"),
    "line2g": (make_line2g, "one Graph collection of 2 GB on one line"),
    "giant": (make_giant, "a page in which one object holds a string of 1 GB"),
    "files40k": (make_files40k, "40,000 files of one object each"),
    "group500k": (lambda folder, scale: make_group(folder, scale, 500_000),
                  "a group with 500,000 members in 500 pages, shuffled, one swapped"),
    "group1m": (lambda folder, scale: make_group(folder, scale, 1_000_000), "the same with 1,000,000 members"),
}


def write(name, folder, scale=1.0):
    """Writes a workload and its expectation. Nothing half written stays under the final name."""
    folder = Path(folder)
    if folder.exists():
        sys.exit(f"{folder} exists already")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(f"{folder}.partial")
    for left in folder.parent.glob(f"{partial.name}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    expected = WORKLOADS[name][0](partial, scale)
    with open(f"{folder}.expect.json", "w", encoding="utf-8") as file:
        json.dump({"workload": name, "scale": scale, **expected}, file, indent=1)
        file.write("\n")
    partial.rename(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=WORKLOADS, metavar="NAME")
    parser.add_argument("folder", nargs="?", metavar="DIR")
    parser.add_argument("--scale", type=float, default=1.0, help="a fraction of the full size")
    parser.add_argument("--list", action="store_true", help="list the workloads")
    arguments = parser.parse_args()
    if arguments.list:
        for name, (_, what) in WORKLOADS.items():
            print(f"{name:10} {what}")
    elif arguments.name and arguments.folder:
        write(arguments.name, arguments.folder, arguments.scale)
    else:
        parser.error("NAME and DIR are needed, or --list")


if __name__ == "__main__":
    main()
