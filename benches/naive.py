#!/usr/bin/env python3
"""What a practitioner would write: every page into `json.loads`, the last state of each user in a dict.

    naive.py EVIDENCE > changed.csv

Prints id, attribute, before and after (JSON) of every attribute of a user that differs from the last time the user was
seen, but for the volatile onPremisesLastSyncDateTime. Null and an empty list are one; lists are compared as sets.
Reads the pages `users_<stamp>…json` below dated folders, plain or in UTF-16; nothing else.
"""
import csv
import json
import sys
from pathlib import Path

VOLATILE = {"onPremisesLastSyncDateTime"}


def text_of(path):
    raw = path.read_bytes()
    return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def canonical(value):
    """Text that two values share if they mean the same."""
    if isinstance(value, dict):
        value = {key: json.loads(canonical(member)) for key, member in value.items()}
    elif isinstance(value, list):
        value = [json.loads(text) for text in sorted(map(canonical, value))]
    return json.dumps(value or None if isinstance(value, (list, dict)) else value, sort_keys=True, ensure_ascii=False)


def differences(before, after):
    for attribute in before.keys() | after.keys():
        old, new = before.get(attribute), after.get(attribute)
        if old != new and attribute not in VOLATILE:
            old, new = canonical(old), canonical(new)
            if old != new:
                yield attribute, old, new


def main():
    out = csv.writer(sys.stdout)
    known = {}
    pages = sorted(Path(sys.argv[1]).rglob("users_2*.json"), key=lambda path: (path.parent.name, path.name))
    for page in pages:
        for user in json.loads(text_of(page))["value"]:
            before = known.get(user["id"])
            if before is not None and before != user:
                for attribute, old, new in differences(before, user):
                    out.writerow((user["id"], attribute, old, new))
            known[user["id"]] = user


if __name__ == "__main__":
    main()
