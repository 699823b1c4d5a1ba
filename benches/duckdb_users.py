#!/usr/bin/env python3
"""The same question as naive.py asks, to DuckDB (`pip install duckdb`): which attributes of which users changed.

    duckdb_users.py EVIDENCE [--hashed] > changed.csv

`read_json` finds the schema by itself (declaring it is slower), a window puts each user beside the same user in the
snapshot before, and the attributes of pairs that differ are compared one by one. With --hashed the window carries a hash
of each user instead of the user, and only pairs that differ are joined back: the fastest form that we found. Two threads,
as the other programs have. The volatile onPremisesLastSyncDateTime is left out.
"""
import argparse
import csv
import sys

import duckdb

THREADS = 2
VOLATILE = {"onPremisesLastSyncDateTime"}


def plain(names):
    user = ", ".join(f'"{name}" := o."{name}"' for name in names)
    return f"""
    users AS (SELECT day, struct_pack({user}) AS o FROM pages),
    pairs AS (SELECT o, lag(o) OVER (PARTITION BY o.id ORDER BY day) AS b FROM users),
    changed AS (SELECT o.id AS id, o, b FROM pairs WHERE b IS NOT NULL AND b IS DISTINCT FROM o)"""


def hashed(names):
    user = ", ".join(f'o."{name}"' for name in names)
    return f"""
    users AS (SELECT day, o.id AS id, hash({user}) AS h FROM pages),
    pairs AS (SELECT id, day, h, lag(h) OVER w AS b, lag(day) OVER w AS before FROM users
              WINDOW w AS (PARTITION BY id ORDER BY day)),
    differing AS (SELECT * FROM pairs WHERE before IS NOT NULL AND h <> b),
    changed AS (SELECT d.id, n.o AS o, p.o AS b FROM differing d
                JOIN pages n ON n.o.id = d.id AND n.day = d.day JOIN pages p ON p.o.id = d.id AND p.day = d.before)"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evidence")
    parser.add_argument("--hashed", action="store_true", help="window over hashes")
    arguments = parser.parse_args()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    glob = arguments.evidence.rstrip("/").replace("'", "''") + "/**/users_2*.json"
    source = f"read_json('{glob}', filename = true, maximum_object_size = 134217728)"
    columns = connection.execute(f"DESCRIBE SELECT o.* FROM (SELECT unnest(value) AS o FROM {source})").fetchall()
    names = [column[0] for column in columns if column[0] not in VOLATILE]
    attributes = ", ".join(f"{{'a': '{name}', 'b': to_json(b.\"{name}\"), 'n': to_json(o.\"{name}\")}}"
                           for name in names if name != "id")
    materialized = "MATERIALIZED" if arguments.hashed else ""
    found = connection.execute(f"""
    WITH pages AS {materialized} (SELECT regexp_extract(filename, '([^/]*)/[^/]*$', 1) AS day, unnest(value) AS o
                                  FROM {source}),
    {hashed(names) if arguments.hashed else plain(names)},
    attributes AS (SELECT id, unnest([{attributes}]) AS x FROM changed)
    SELECT id, x.a, x.b, x.n FROM attributes WHERE x.b IS DISTINCT FROM x.n""")
    out = csv.writer(sys.stdout)
    while rows := found.fetchmany(10_000):
        out.writerows(rows)


if __name__ == "__main__":
    main()
