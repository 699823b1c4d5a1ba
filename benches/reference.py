#!/usr/bin/env python3
"""A slow, independent reading of "what changed between exported snapshots", to hold against the program.

    reference.py [--catalogue src/directory/data] EVIDENCE_DIR... > rows.jsonl
    reference.py [--catalogue src/directory/data] EVIDENCE_DIR... --compare changes.csv [answer-key.json...]

Prints the rows of lane `change` and every disappearance. Written from the design's sections 2, 3, 6 and 7; it shares
knowledge (the CSV tables of --catalogue) with the program, and no code. Everything is held in memory.
"""
import argparse
import csv
import io
import json
import re
import sys
from collections import Counter, defaultdict, namedtuple
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

COLUMNS = ["object_type", "object_id", "change", "attribute", "target_id", "before", "after", "added", "removed",
           "not_before", "not_after", "lane", "certainty"]
GONE = {"removed", "softDeleted", "hardDeleted"}
LISTS = {"graph", "array", "tree"}      # forms of captures whose silence says something
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
EARLY = datetime(1, 1, 1, tzinfo=timezone.utc)


# ---------------------------------------------------------------------------------------------- knowledge (tables)

# A row of types.csv: properties that identify an object (none: a singleton), days in the recycle bin, whether the
# service sets createdDateTime, the property that names the target of an edge, "event" or "service record" if no state.
Type = namedtuple("Type", "key bin_days created target kind", defaults=(("id",), 0, False, "", ""))
TYPES, ATTRIBUTES, RELATIONS, COLLECTIONS, BINS, SUBTYPES, FOLDERS, SIGNATURES = {}, {}, {}, {}, {}, {}, [], []


def load(catalogue):
    """Reads the tables of the catalogue; paths and OData types are looked up in lower case."""
    def table(name):
        with open(Path(catalogue) / f"{name}.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    for r in table("types"):
        how, _, names = r["identity"].partition(":")
        key = () if how == "singleton" else tuple((names or "id").split("|"))
        TYPES[r["name"]] = Type(key, int(r["bin_days"] or 0), r["created_by_service"] == "yes", r["target_property"], r["kind"])
    for r in table("collections"):
        (BINS if r["bin"] == "yes" else COLLECTIONS)[r["path"].lower()] = r["type"]
    for r in table("names"):
        COLLECTIONS.setdefault(r["name"].lower(), COLLECTIONS.get(r["collection"].lower(), r["collection"]))
    for r in table("attributes"):
        ATTRIBUTES[r["type"], r["attribute"]] = {*r["marks"].split(), r["list"].partition(":")[0]}
    for r in table("relations"):
        RELATIONS[r["parent_type"], r["segment"].lower()] = (r["kind"], r["relation"] or r["item_type"], r["item_type"],
                                                             r["parent_property"])
    SUBTYPES.update((r["odata_type"].lower(), r["type"]) for r in table("odata_types"))
    SUBTYPES.update((name.lower(), name) for name in TYPES)
    FOLDERS.extend((r["folder"].lower().split("/"), r["collection"].lower()) for r in table("folders"))
    SIGNATURES.extend((set(r["members"].split()), r["type"]) for r in table("signatures"))


def type_of(kind):
    return TYPES.get(kind, Type())      # a type that the table does not know is identified by `id` and has no bin


def marks(kind, path):
    """What attributes.csv says of a path: a row that ends in `.*` holds for the path and everything below it."""
    parts = path.strip(".").split(".")
    above = [path.strip("."), *(".".join(parts[:n]) + ".*" for n in range(1, len(parts) + 1))]
    return {mark for owner in ("*", kind) for name in above for mark in ATTRIBUTES.get((owner, name), ())}


# ------------------------------------------------------------------------------------------------ values ("Same")

class Number(str):
    """A JSON number as written; compared as an exact decimal."""


is_guid = re.compile(GUID).fullmatch


def folded(text):
    return text.lower() if is_guid(text) else text


def instant(text):
    """The instant an RFC 3339 string names, in whole seconds, or None."""
    match = INSTANT.fullmatch(text or "")
    try:
        return match and datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def is_noise(key):
    return "@odata." in key or key.startswith(("#", "@"))


def is_empty(value):
    """Null, [], {} and an object of empties are one state; "" is a value."""
    if isinstance(value, dict):
        return all(is_noise(key) or is_empty(inner) for key, inner in value.items())
    return value is None or value == []


def words(value):
    return sorted(set((value or "").split()))


def canonical(value, kind, path="", same=False):
    """Canonical JSON: keys and sets sorted, GUIDs lower case, instants and numbers as written. With `same`, a text that
    is equal for values of the same meaning."""
    if same and is_empty(value):
        return ""
    if isinstance(value, Number):
        return f"n{Decimal(value).normalize() + 0}" if same else str(value)
    if isinstance(value, str):
        if same and "words" in marks(kind, path):
            return " ".join(words(value))
        moment = instant(value) if same else None
        return f"t{moment}" if moment else json.dumps(folded(value), ensure_ascii=False)
    if isinstance(value, dict):
        keys = sorted(k for k in value if not is_noise(k) and not (same and is_empty(value[k])))
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{canonical(value[k], kind, f'{path}.{k}', same)}" for k in keys) + "}"
    if isinstance(value, list):
        items = [canonical(item, kind, path, same) for item in value]
        return "[" + ",".join(items if "ordered" in marks(kind, path) else sorted(items)) + "]"
    return json.dumps(value)


def printed(value, kind, path):
    """`before` or `after` as the table prints it; every empty value is no value."""
    if isinstance(value, str) and "words" in marks(kind, path):
        value = " ".join(words(value))
    return None if is_empty(value) else canonical(value, kind, path)


def gained(old, new, kind, path):
    """Elements of `new` that `old` lacks, as a JSON array sorted by canonical text; a list is a multiset."""
    if "words" in marks(kind, path):
        old, new = words(old), words(new)
    have = Counter(canonical(item, kind, path, True) for item in old) if isinstance(old, list) else Counter()
    extra = []
    for item in new if isinstance(new, list) else []:
        same = canonical(item, kind, path, True)
        have[same] -= 1
        if have[same] < 0:
            extra.append(canonical(item, kind, path))
    return "[" + ",".join(sorted(extra)) + "]" if extra else None


def leaves(record, prefix=""):
    """Paths of a record: objects are descended into, a list is one leaf, an empty object is a leaf."""
    for key, value in record.items():
        if isinstance(value, dict) and not is_noise(key) and not all(map(is_noise, value)):
            yield from leaves(value, f"{prefix}{key}.")
        elif not is_noise(key):
            yield prefix + key


# ------------------------------------------------------------------------------------- evidence: texts, times, pages

def make_page(**known):
    """What one exhibit holds of one request. `form`: graph, array, tree, entity, delta; `kind`: the type that the
    request names; `request`: its collection path or relation; `parent`: (type, id)."""
    return SimpleNamespace(**dict.fromkeys(("parent", "select", "count")), **dict.fromkeys(("kind", "request", "context", "next"), ""),
                           expand=set(), bin=False, snapshot=0, **known)


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=int)    # NaN is no JSON


def texts(text):
    """(documents, damaged): one text, NDJSON or glued texts; of a broken list the elements before the damage."""
    documents, at, damaged = [], 0, False
    while (at := re.compile(r"[\s,\x00]*").match(text, at).end()) < len(text):
        try:
            document, at = DECODER.raw_decode(text, at)
            documents.append(document)
            continue
        except (ValueError, RecursionError):
            damaged = True
        following = text.find("\n{", at) if documents else -1
        if following < 0:
            return documents + salvage(text, at), True
        at = following
    return documents, damaged


def salvage(text, at):
    """The elements before the damage of a broken list, with the context of its page."""
    head, items = re.compile(r'(?:\{.*?"value"\s*:\s*)?\[', re.S).match(text, at), []
    try:
        at = head.end() if head else len(text)
        while True:
            item, at = DECODER.raw_decode(text, re.compile(r"[\s,]*").match(text, at).end())
            items.append(item)
    except (ValueError, RecursionError):
        context = re.search(r'"@odata\.context"\s*:\s*"([^"]*)"', head[0]) if head else None
        return [{"@odata.context": context[1], "value": items}] if context else [items] if items else []


def stamp(name):
    """(text, start, end, has time) of the stamp in a file or folder name, or None."""
    name = re.sub(GUID, "", name)
    for pattern, zoned in ((r"\d{4}-?\d\d-?\d\dT\d\d-?\d\d-?\d\dZ", True), (r"\d{4}-?\d\d-?\d\dT\d\d-?\d\d-?\d\d", False),
                           (r"\d{8}-\d{6}", False), (r"\d{14}", False), (r"\d{4}-\d\d-\d\d|\d{8}", None)):
        for found in re.finditer(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])", name):
            try:
                at = datetime.strptime(re.sub(r"\D", "", found[0]).ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
            except ValueError:
                continue
            if zoned is None:
                return found[0], at, at + timedelta(hours=23, minutes=59, seconds=59), False
            reach = timedelta(hours=0 if zoned else 14)
            return found[0], at - reach, at + reach, True
    return None


def times(folders, name):
    """((start, end), index of the dated folder, its text): the file's own stamp with time beats the folder's."""
    at = next((n for n in reversed(range(len(folders))) if stamp(folders[n])), None)
    dated = stamp(folders[at]) if at is not None else None
    own, clock = stamp(name), re.search(r"__(\d\d)(\d\d)(\d\d)__", name)
    best = own if own and (own[3] or not dated) else dated
    if dated and clock and not dated[3] and best is dated:
        moment = dated[1] + timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3]))
        best = ("", moment - timedelta(hours=14), moment + timedelta(hours=14))
    return best[1:3] if best else (None, None), at, dated[0] if dated else ""


def split_outside(text, separator):
    """Splits a context at a separator that is outside parentheses."""
    return re.findall(rf"(?:[^{separator}()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))+", text)


def read_context(page):
    """Fills parent, select list and expansions from `@odata.context`; returns the other segments of its path."""
    segments = []
    for part in split_outside(page.context.partition("$metadata#")[2], "/"):
        name, _, argument = part.partition("(")
        argument = argument.removesuffix(")")
        if argument.startswith("'") or is_guid(argument):
            page.parent, segments = (collection("/".join([*segments, name])), argument.strip("'").lower()), []
            continue
        segments += [] if name.startswith("$") or name == "Collection" else [name]
        if argument and name != "Collection":
            names = [n.strip() for n in split_outside(argument, ",")]
            page.expand |= {n.partition("(")[0].lower() for n in names if "(" in n}
            plain = {n for n in names if "(" not in n}
            page.select = plain if plain and "*" not in plain else None
    return segments


def collection(path, table=None):
    """The type of a collection path or of the longest end of it that a table knows; else None or the path itself."""
    parts = path.lower().split("/")
    ends = ("/".join(parts[n:]) for n in range(len(parts)))
    known = COLLECTIONS if table is None else table
    return next((known[end] for end in ends if known.get(end)), path if table is None else None)


def describe(page, below):
    """What was asked for: from the context, else from folders and file name (`groups_<guid>_members_<stamp>`)."""
    stem = re.sub(r"(?i)(\.(json|ndjson|jsonl|txt))+$", "", below[-1])
    masked = re.sub(GUID, lambda m: "g" * len(m[0]), stem)
    cut = re.search(r"__\d{6}__|_+\d{4}-?\d\d-?\d\d(?=[T_-]|$)|_+\d{14}", masked)
    asked = "/".join([*below[:-1], stem[:cut.start() if cut else None].removesuffix("_entity").replace("_", "/")])
    segments = read_context(page)
    parent = re.search(rf"(?:^|/)([A-Za-z]+)/({GUID})/([A-Za-z]\w*)(?:/microsoft\.graph\.\w+)?$", asked)
    if page.parent is None and parent and collection(parent[1]) in TYPES:
        page.parent, segments = (collection(parent[1]), parent[2].lower()), [parent[3]]
    path = "/".join(segments)
    page.bin = not page.parent and "deleteditems" in f"{path}/{asked}".lower()
    page.request = (path if page.parent or (path and not page.bin) else asked).lower()
    if page.bin:
        page.kind = collection(asked, BINS) or collection(path, BINS) or collection(path, COLLECTIONS) or ""
    elif not page.parent and path.lower() != "directoryobjects":
        page.kind = collection(path) if path else collection(asked, COLLECTIONS) or ""


def tree_page(page, below):
    """An EntraExporter tree: `Groups/<id>/<id>.json` and `Groups/<id>/Members/<id>/<id>.json`."""
    folders = [f.lower() for f in below[:-1]]
    for pattern, path in sorted(FOLDERS, key=lambda f: -len(f[0])):
        if len(pattern) <= len(folders) <= len(pattern) + 1 and all(p in ("*", f) for p, f in zip(pattern, folders)):
            page.form, page.context = "tree", ""
            page.folder = "/".join(page.path.split("/")[:-len(below)] + below[:len(pattern)])
            above, star, relation = path.partition("/*/")
            page.parent = (collection(above), below[pattern.index("*")].lower()) if star else None
            page.request, page.bin = relation or path, path in BINS
            page.kind = "" if star else BINS.get(path) or collection(path)
            return True
    return False


def read_evidence(roots):
    """The pages, with snapshot numbers, of each tenant in the evidence."""
    units = defaultdict(list)       # what one dated folder (or no dated folder) holds
    for number, root in enumerate(Path(r).resolve() for r in roots):
        for file in sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]:
            parts = [root.name, *file.relative_to(root).parts] if root.is_dir() else [file.name]
            span, at, label = times(parts[:-1], parts[-1])
            above = parts[:2] if at is None else parts[:at]
            guids = [n for n, part in enumerate(above) if is_guid(part) and n < len(parts) - 1]
            tenant = above[guids[-1]].lower() if guids else ""
            below = parts[at + 1 if at is not None else guids[-1] + 1 if guids else min(1, len(parts) - 1):]
            unit = ("/".join(parts[:at + 1]), label, tenant) if at is not None else ("", None if span[0] else number, tenant)
            data = file.read_bytes()
            documents, damaged = texts(data.decode(json.detect_encoding(data), "replace"))
            bare = not any(isinstance(d, dict) and {"@odata.context", "value", "error"} & d.keys() for d in documents)
            lines = bare and (len(documents) > 1 or parts[-1].lower().endswith((".ndjson", ".jsonl")))
            if (documents and lines) or (damaged and not documents):
                documents = [[i for d in documents for i in (d if isinstance(d, list) else [d])]]
            pages = (read_page(document, below, "/".join(parts), *span, damaged) for document in documents)
            units[unit] += [page for page in pages if page]
    return number_snapshots(units)


def read_page(document, below, path, start, end, damaged):
    """A page of one JSON text, or None where it is an error body or no directory data."""
    page = make_page(path=path, folder=path.rpartition("/")[0], items=document, form="array", start=start, end=end, damaged=damaged)
    if isinstance(document, dict):
        if isinstance(document.get("error"), dict) and "value" not in document:
            return None
        page.context, page.next = (str(document.get(f"@odata.{name}") or "") for name in ("context", "nextLink"))
        if isinstance(document.get("value"), list):
            page.items, count = document["value"], document.get("@odata.count")
            page.count = int(count) if isinstance(count, Number) else None
            delta = "@odata.deltaLink" in document or "$delta" in page.context + page.next
            page.form = "delta" if delta else "graph" if page.context else "array"
        else:
            page.form, page.items = "entity", [document]
            if tree_page(page, below):
                return page
    elif not isinstance(document, list):
        return None
    page.items = [item for item in page.items if isinstance(item, dict)]
    if damaged and tree_page(page, below):
        return page         # what it held cannot be told: its folder is damaged
    describe(page, below)
    return page


def number_snapshots(units):
    """Snapshots: dated folders, else less than 6 h apart, else one; the tenant is its only organization, else the folder."""
    snapshots = defaultdict(list)
    for (folder, label, tenant), pages in units.items():
        groups = [pages]
        if not folder and label is None:
            groups = []
            for page in sorted(pages, key=lambda p: (p.start, p.path)):
                if not groups or page.start - max(p.end for p in groups[-1]) >= timedelta(hours=6):
                    groups.append([])
                groups[-1].append(page)
        for group in groups:
            own = {str(i["id"]).lower() for p in group if p.kind == "organization" for i in p.items if i.get("id")}
            name = label if folder else utc(group[0].start) if label is None else f"untimed {label}"
            snapshots[own.pop() if len(own) == 1 else tenant, name] += group
    tenants = defaultdict(list)
    for (tenant, label), pages in snapshots.items():
        tenants[tenant].append((min((p.start for p in pages if p.start), default=EARLY), str(label), pages))
    for _, found in sorted(tenants.items()):
        for number, (_, _, pages) in enumerate(sorted(found, key=lambda s: s[:2])):
            for page in pages:
                page.snapshot = number
        yield [page for snapshot in found for page in snapshot[2]]


def utc(moment):
    return moment and f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")


# ------------------------------------------------------------------------------------------- captures of one tenant

class Capture:
    """One reading of one request (a chain of pages, an array, a tree folder), for one type or one source of links."""
    def __init__(self, chain, kind, records):
        """`records`: (identity, record), page by page; the identity is None where it is unreadable."""
        first = chain[0]
        self.snapshot, self.form, self.bin, self.parent, self.select = first.snapshot, first.form, first.bin, first.parent, first.select
        self.start = min((p.start for p in chain if p.start), default=None)
        self.end = max((p.end for p in chain if p.end), default=None)
        self.order = (self.snapshot, self.start or EARLY, self.end or EARLY, first.path)
        self.pages = [[i for i, _ in page if i] for page in records]
        self.ids = {i for page in self.pages for i in page}
        self.by_id = type_of(kind).key == ("id",)
        self.count = next((p.count for p in chain if p.count is not None), None)
        asked = [*(p.next for p in chain), first.context]
        self.filters = sorted({m for a in asked for m in re.findall(r"(?:\$|%24)(?:filter|search)=[^&]*", a, re.I)})
        self.dangling = self.form == "graph" and bool(chain[-1].next)
        self.damaged = any(p.damaged for p in chain) or any(not i for page in records for i, _ in page)
        self.scope = (self.form, self.parent, first.kind or first.request, self.filters)
        self.place = self.parent and self.scope[1:3]        # lists below one parent speak about its edges only
        tops = [value for page in records for _, record in page for value in record.values()]
        shape_tells = self.form == "array" or (self.form == "entity" and not first.context)
        self.drops_nulls = shape_tells and None not in tops and [] not in tops
        self.paths = set()          # of all its records, without the links in them
        self.capture = self         # so that it can stand where an observation is expected

    def whole(self):
        return not (self.dangling or self.damaged or self.filters)


def before(a, b):
    """Order of captures: by snapshot, and inside a snapshot only where the intervals are known and apart."""
    return a.snapshot < b.snapshot or (a.snapshot == b.snapshot and bool(a.end and b.start) and a.end < b.start)


Seen = namedtuple("Seen", "capture record bin")     # one object in one capture


class Tenant:
    def __init__(self, pages):
        self.lists = defaultdict(list)      # type -> captures of lists (live and bin)
        self.seen = defaultdict(lambda: defaultdict(list))   # type -> identity -> [Seen]
        self.links = defaultdict(list)      # (direction, type and id of the fixed end, relation) -> [(Capture, certainty, ends)]
        self.named = defaultdict(list)      # id -> captures of links that name it as a target
        self.rows = []
        chains = defaultdict(list)
        for page in pages:
            where = page.path if page.form in ("array", "entity") else page.folder
            chains[page.snapshot, where, page.context, page.form, page.kind, page.request, page.parent, page.bin].append(page)
        for chain in (part for pages in chains.values() for part in split_chain(pages)):
            self.take(chain)

    def take(self, chain):
        """Turns a chain into captures: links below a parent, else one list per type."""
        first = chain[0]
        relation = RELATIONS.get((first.parent[0], first.request)) if first.parent else None
        if relation and relation[0] in ("links", "inverse"):
            self.take_links(first.parent, relation, chain, [item for page in chain for item in page.items])
            return
        if first.request == "directoryobjects":
            return                          # set aside: page-without-parent
        default = relation[2] if relation else "/".join((first.parent[0], first.request)) if first.parent else first.kind
        typed = [[(odata_type(i, default), i) for i in page.items if "@removed" not in i] for page in chain]
        part = relation and relation[0] == "part" and first.parent[1]
        for kind in sorted({k for page in typed for k, _ in page} | {default}):
            if not kind or type_of(kind).kind:
                continue                    # set aside: no type can be told, or events
            records = [[i for k, i in page if k == kind] for page in typed]
            for record in (r for page in records for r in page if relation and relation[3]):
                record.setdefault(relation[3], first.parent[1])     # the parent repeated, where a record lacks it
            records = [[(part or identify(kind, r), r) for r in page] for page in records]
            capture = Capture(chain, kind, records)
            if capture.form in LISTS and type_of(kind).key and not part:
                self.lists[kind].append(capture)
            for identity, record in (pair for page in records for pair in page if pair[0]):
                self.take_expanded(kind, identity, record, chain)
                capture.paths.update(leaves(record))
                self.seen[kind][identity].append(Seen(capture, record, first.bin or bool(record.get("deletedDateTime"))))

    def take_expanded(self, kind, identity, record, chain):
        """Links inside a record ($expand): exactly 20 items, or a next link, prove additions only."""
        for (_, segment), relation in [(k, r) for k, r in RELATIONS.items() if k[0] == kind and r[0] == "links"]:
            name = next((k for k in record if k.lower() == segment), None)
            if segment in chain[0].expand or isinstance(record.get(name), list):
                value = record.pop(name, None)
                items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
                partial = len(items) == 20 or f"{name}@odata.nextLink" in record
                self.take_links((kind, identity), relation, chain, items, True, partial)

    def take_links(self, parent, relation, chain, items, inside=False, partial=False):
        """A list of links, of its own or inside a record: one whole page of the service, or a matching count, proves."""
        ends = {str(i["id"]).lower(): odata_type(i, relation[2]) for i in items if i.get("id")}
        capture = Capture(chain, "", [[(end, {}) for end in ends]])
        proven = (capture.count == len(ends) and not inside) or (chain[0].context and (inside or len(chain) == 1))
        partial = partial or (not inside and not capture.whole()) or capture.form == "delta"
        certainty = "partial" if partial else "proven" if proven else "consistent"
        self.links[relation[0], parent, relation[1]].append((capture, certainty, ends))
        for target in ends if relation[0] == "links" else [parent[1]] if ends else []:
            self.named[target].append(capture)


def split_chain(pages):
    """The pages of one request in order; a page without next link ends a chain where times are known."""
    if pages[0].form != "graph":
        return [pages]
    pages.sort(key=lambda p: (p.start or EARLY, not p.next, min((str(i.get("id")) for i in p.items), default="~"), p.path))
    chains = [[]]
    for page in pages:
        chains[-1].append(page)
        if not page.next and page.start:
            chains.append([])
    return [chain for chain in chains if chain]


def odata_type(record, default):
    """The base type that `@odata.type` names, else what the request says, else what the members give away."""
    name = str(record.get("@odata.type") or "").lower().replace("#", "").removeprefix("microsoft.graph.")
    return SUBTYPES.get(name) or default or next((kind for members, kind in SIGNATURES if members <= record.keys()), "")


def identify(kind, record):
    """The identity: the id, or the natural key; of a singleton its type. None: set aside."""
    parts = [folded(str(record.get(name) or "")) for name in type_of(kind).key]
    return "|".join(parts) if any(parts) else None if parts else kind


# ------------------------------------------------------------------------------------------------------- comparison

def clusters(observations):
    """Observations in order; those of one snapshot whose captures overlap (or are untimed) stand together."""
    groups, reach = [], None
    for seen in sorted(observations, key=lambda o: o.capture.order):
        c, apart = seen.capture, not groups or groups[-1][0].capture.snapshot != seen.capture.snapshot
        if apart or (c.start and reach and c.start > reach):
            groups, reach = [*groups, [seen]], c.end
        else:
            groups[-1].append(seen)
            reach = max(reach, c.end) if reach and c.end else None
    return groups


# One observation of an attribute or a link; `asked`: absent though asked for.
State = namedtuple("State", "capture key value asked certainty", defaults=(None, False, "proven"))


def changes(states):
    """(old, new, conflict): a change is reported only where no old value survives; each compares with its last observation."""
    keys, held = None, []
    for cluster in clusters(states):
        now = {s.key for s in cluster}
        if keys is None or keys & now:
            keys = now if keys is None else keys & now
            held = [s for s in held + cluster if s.key in keys]
        else:
            yield held, cluster, len(keys) > 1 or len(now) > 1
            keys, held = now, cluster


def window(old, new):
    """Start of the last capture with the old state, end of the first one with the new state."""
    return {"not_before": utc(max((s.capture.start for s in old if s.capture.start), default=None)),
            "not_after": utc(min((s.capture.end for s in new if s.capture.end), default=None))}


def row(tenant, kind, identity, change, span, certainty, **more):
    values = dict.fromkeys(COLUMNS) | span | more
    values.update(object_type=kind, object_id=identity, change=change, certainty=certainty,
                  lane="coverage" if certainty == "unproven" else "change")
    table = type_of(kind)
    if table.target and not values["target_id"]:
        values["target_id"] = identity.split("|")[table.key.index(table.target)]
    tenant.rows.append({k: v or None for k, v in values.items()})


def attribute_rows(tenant, kind, identity, sightings):
    """`modified` rows of one object between the observations given."""
    def modified(old, new, held, now, certainty):
        row(tenant, kind, identity, "modified", window(held, now), certainty, attribute=path,
            before=printed(old, kind, path), after=printed(new, kind, path),
            added=gained(old, new, kind, path), removed=gained(new, old, kind, path))

    paths = sorted({p for s in sightings for p in [*leaves(s.record), *(s.capture.select or ())]})
    above = {p[:n] for p in paths for n, letter in enumerate(p) if letter == "."}
    for path in paths:
        if marks(kind, path) & {"ignored", "volatile"} or path in (*type_of(kind).key, "id") or path in above:
            continue
        found = [(s, presence(kind, path, s, identity)) for s in sightings]
        states = [state for _, state in found if isinstance(state, State)]
        for old, new, conflict in changes(states):
            asked = new[0].key == "" and all(s.asked for s in new)
            modified(old[-1].value, new[0].value, old, new, "consistent" if conflict or asked else "proven")
        first = min(states, key=lambda s: s.capture.order, default=None)
        lacked = [s for s, state in found if state == "lacking" and first and s.capture.snapshot < first.capture.snapshot]
        if lacked and first.key != "" and path in max(lacked, key=lambda s: s.capture.order).capture.paths:     # `appeared`
            modified(None, first.value, lacked, [s for s in states if s.key == first.key], "consistent")


def presence(kind, path, sight, identity):
    """What a record says of an attribute: a State, "lacking" (a format that drops nulls) or None (not collected)."""
    value, names = sight.record, path.split(".")
    for depth, name in enumerate(names):
        if depth and is_empty(value):
            return State(sight.capture, "")         # null above is null for every path below
        if not isinstance(value, dict) or name not in value:
            if not depth and name in (sight.capture.select or ()):
                return State(sight.capture, "", asked=True)
            if depth and "open" in marks(kind, ".".join(names[:depth])):
                return State(sight.capture, "")
            return "lacking" if sight.capture.drops_nulls else None
        value = value[name]
    prefix = identity.replace("-", "")
    if sight.bin and path == "userPrincipalName" and isinstance(value, str) and value.lower().startswith(prefix):
        value = value[len(prefix):]
    return State(sight.capture, canonical(value, kind, path, True), value)


# ----------------------------------------------------------------------------------------- silence: gone and added

def silence(capture, identity, like, known):
    """Certainty with which a list that does not hold an id says that it was not there (the ladder, rules 1 to 7).

    `like` are lists that held it; `known` are the ids that the list should hold, None if nothing tells.
    """
    if capture.damaged:
        return "unproven"
    if capture.count is not None and not (capture.filters and capture.count == len(capture.ids)):
        return "proven" if capture.count == len(capture.ids) else "unproven"
    pages = sorted((p for p in capture.pages if p), key=lambda p: p[0])
    flat = [i for page in pages for i in page]
    ascending = len(flat) >= 20 and all(a < b for a, b in zip(flat, flat[1:]))
    if capture.form == "graph" and capture.by_id and not capture.filters and ascending:
        if any(page[0] < identity < page[-1] for page in pages):
            return "proven"
    if capture.dangling or known is None or not any(other.scope == capture.scope for other in like):
        return "unproven"
    small = capture.place and len(known) <= 100
    return "consistent" if small or len(known & capture.ids) >= 0.9 * len(known) else "unproven"


def life(sightings):
    """(in the bin, sightings) of each cluster; the bin wins over live pages that cannot be ordered against it."""
    for cluster in clusters(sightings):
        binned = any(s.bin for s in cluster)
        yield binned, [s for s in cluster if s.bin == binned]


def object_rows(tenant, kind):
    """Everything that came, went to the bin, came back or is gone, and what changed between, for one type."""
    table, everyone = type_of(kind), tenant.seen[kind]
    lives = {identity: list(life(everyone[identity])) for identity in sorted(everyone)}
    lists = sorted((c for c in tenant.lists[kind] if not c.bin), key=lambda c: c.order)
    bins = sorted((c for c in tenant.lists[kind] if c.bin and c.whole()), key=lambda c: c.order)
    holders = {i: [s.capture for s in sightings if s.capture.form in LISTS and not s.bin] for i, sightings in everyone.items()}
    gone, weak = defaultdict(list), defaultdict(list)   # identity -> [last phase, first list, certainty, last list, certainty]
    for listing in lists:
        known = {}
        for identity, phases in lives.items():
            past = [p for p in phases if all(before(s.capture, listing) for s in p[1])]
            told = gone[identity] and past and before(past[-1][1][-1].capture, gone[identity][-1][1])
            here = not listing.place or any(c.place == listing.place and before(c, listing) for c in holders[identity])
            if past and here:
                known[identity] = past, told
        live = {i for i, (past, told) in known.items() if not told and not past[-1][0]}
        for identity, (past, told) in known.items():
            future = lives[identity][len(past):]
            again = future and (len(table.key) == 1 or not all(before(listing, s.capture) for s in future[0][1]))
            if identity in listing.ids or again or any(before(listing, c) for c in tenant.named[identity]):
                continue
            like = [c for c in holders[identity] or lists if before(c, listing)]
            certainty = silence(listing, identity, like, live)
            if certainty != "unproven" and told:
                gone[identity][-1][3:] = listing, certainty
            elif certainty != "unproven":
                gone[identity].append([past[-1], listing, certainty, listing, certainty])
            elif not future and not told:
                weak[identity].append([past[-1], listing, certainty, None, None])
    for identity, phases in lives.items():
        added_row(tenant, kind, table, identity, phases[0], lists, holders[identity])
        for (was_bin, old), (is_bin, new) in zip(phases, phases[1:]):
            if was_bin != is_bin:
                row(tenant, kind, identity, "softDeleted" if is_bin else "restored", window(old, new), "proven")
        silences = gone[identity] + [w for w in weak[identity][:1] if all(w[0] is not told[0] for told in gone[identity])]
        for phase, listing, certainty, latest, now in silences:
            gone_row(tenant, kind, table, identity, phase, listing, certainty, bins)
            again = [p for p in phases if latest and all(before(latest, s.capture) for s in p[1])]
            if again:           # natural keys only: a silence between two live observations
                row(tenant, kind, identity, "added", window([latest], again[0][1]), now)
        parts = defaultdict(list)           # an object that was gone is not compared with what it was before
        for sight in everyone[identity]:
            parts[sum(before(cut, sight.capture) for _, cut, *_ in gone[identity])].append(sight)
        for part in parts.values():
            attribute_rows(tenant, kind, identity, part)


def gone_row(tenant, kind, table, identity, phase, listing, certainty, bins):
    """`hardDeleted` where the recycle bin, read after the live list, cannot have purged it; else `removed`."""
    was_bin, sightings = phase
    last = max((s.capture for s in sightings), key=lambda c: c.start or EARLY)
    change, end, days = "removed", listing, timedelta(days=table.bin_days)
    if was_bin:
        empty = next((b for b in bins if before(last, b) and identity not in b.ids), None)
        if empty is None:
            return
        deleted = instant(sightings[-1].record.get("deletedDateTime"))
        end = max(listing, empty, key=lambda c: c.end or EARLY)
        if deleted and empty.end and empty.end - deleted < days:
            change = "hardDeleted"
    elif table.bin_days:
        after = [b for b in bins if b.start and listing.end and b.start >= listing.end and (b.start, b.end) != (listing.start, listing.end)]
        if after and last.start and after[0].end - last.start < days:
            change, end = "hardDeleted", after[0]
    row(tenant, kind, identity, change, window(sightings, [end]), certainty)


def added_row(tenant, kind, table, identity, phase, lists, holding):
    """`added` with the certainty of the earlier list's silence; `softDeleted` where only the bin ever held it."""
    is_bin, sightings = phase
    first = min((s.capture for s in sightings), key=lambda c: c.end or EARLY)
    if is_bin:
        deleted = instant(sightings[0].record.get("deletedDateTime"))
        earlier = [c for c in tenant.lists[kind] if before(c, first) and c.end and deleted and deleted > c.end]
        if earlier:
            row(tenant, kind, identity, "softDeleted", window([max(earlier, key=lambda c: c.order)], sightings), "proven")
        return
    earlier = [c for c in lists if before(c, first)]
    own = [c for c in earlier if c.place in {None, *(h.place for h in holding)}]
    last = ([c for c in own if c.place] or own or earlier or [None])[-1]
    created = instant(min((s.record.get("createdDateTime") or "" for s in sightings), default="")) if table.created else None
    if last and created and last.end and created > last.end:
        row(tenant, kind, identity, "added", window([last], [first]), "proven")
        return
    for listing in reversed(own):
        where = min((c for c in holding if c.place == listing.place), key=lambda c: c.order, default=None)
        certainty = silence(listing, identity, holding, where and where.ids)
        if certainty != "unproven":
            if certainty == "proven" or not (created and listing.start and created < listing.start):
                row(tenant, kind, identity, "added", window([listing], [first]), certainty)
            return


# ------------------------------------------------------------------------------------------------------------ links

def link_rows(tenant):
    """Links that came and went, for each source that was live on both sides; inverse lists speak where no other does."""
    roles = {i: str(s.record["roleTemplateId"]).lower() for i, found in tenant.seen["directoryRole"].items()
             for s in found if s.record.get("roleTemplateId")}
    told = {c.snapshot for c in tenant.lists["unifiedRoleAssignment"]}
    for (direction, parent, relation), captures in sorted(tenant.links.items()):
        states, known = defaultdict(list), set()
        kinds = {end: kind for _, _, ends in captures for end, kind in ends.items()}
        for capture, certainty, ends in sorted(captures, key=lambda c: c[0].order):
            shrunk = len(known) > 100 and len(known & ends.keys()) < 0.9 * len(known)
            whole = certainty != "partial" and not shrunk
            for end in kinds if whole else ends:
                states[end].append(State(capture, end in ends, certainty=certainty))
            known = set(ends) if whole else known | ends.keys()
        for end, found in sorted(states.items()):
            source, target = (parent, end) if direction == "links" else ((kinds[end], end), parent[1])
            if direction == "inverse" and ("links", source, relation) in tenant.links:
                continue
            for old, new, conflict in changes(found):
                sides = old[-1].capture, new[0].capture
                if not all(alive(tenant, source, side, direction == "links") for side in sides):
                    continue
                added = new[0].key
                certainty = "consistent" if conflict else (old[-1] if added else new[0]).certainty
                if relation == "members" and source[0] == "directoryRole" and source[1] in roles:
                    if not {c.snapshot for c in sides} <= told:     # else the assignments tell it
                        row(tenant, "unifiedRoleAssignment", f"{target}|{roles[source[1]]}|/|", "added" if added else "removed",
                            window(old, new), certainty)
                else:
                    row(tenant, *source, "linkAdded" if added else "linkRemoved", window(old, new), certainty,
                        attribute=relation, target_id=target)


def alive(tenant, source, capture, own):
    """Whether the source of a link was there at a capture; a list of its own, or no sight of it anywhere, is believed."""
    phases = list(life(tenant.seen[source[0]].get(source[1], [])))
    past = [p for p in phases if not all(before(capture, s.capture) for s in p[1])]
    past = past or [p for p in phases[:1] if p[1][0].capture.snapshot == capture.snapshot]
    if not past:
        return own or not phases
    ended = any((r["object_type"], r["object_id"]) == source and r["change"] in ("removed", "hardDeleted") and r["lane"] == "change"
                and r["not_after"] and capture.start and r["not_after"] < utc(capture.start) for r in tenant.rows)
    return not past[-1][0] and not (ended and past[-1] is phases[-1])


# ------------------------------------------------------------------------------------------------------------- main

def analyse(roots):
    rows = []
    for pages in read_evidence(roots):
        tenant = Tenant(pages)
        for kind in sorted(tenant.seen):
            if type_of(kind).key:
                object_rows(tenant, kind)
            else:
                attribute_rows(tenant, kind, kind, tenant.seen[kind][kind])
        link_rows(tenant)
        rows += tenant.rows
    return wanted(rows)


def wanted(rows):
    """Lane `change`, and disappearances of any lane; sorted."""
    rows = [r for r in rows if r["lane"] == "change" or r["change"] in GONE]
    return sorted(rows, key=lambda r: [r[c] or "" for c in ("not_after", *COLUMNS)])


def compare(rows, other):
    """Prints the rows that only one side has (in the columns that both have); returns how many."""
    text = Path(other).read_text(encoding="utf-8-sig")
    theirs = json.loads(text)["expected"] if text.lstrip().startswith("{") else list(csv.DictReader(io.StringIO(text, newline="")))
    columns = [c for c in COLUMNS if not theirs or c in theirs[0]]
    ours, others = (Counter(json.dumps({c: r[c] for c in columns}, ensure_ascii=False) for r in side)
                    for side in (rows, wanted([{c: r.get(c) or None for c in COLUMNS} for r in theirs])))
    differing = [("only there", others - ours), ("only here ", ours - others)]
    for name, extra in differing:
        for line in sorted(extra.elements()):
            print(name, line)
    count = sum(extra.total() for _, extra in differing)
    print(f"{other}: {ours.total()} rows here, {others.total()} there, {count} differ", file=sys.stderr)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evidence", nargs="+")
    parser.add_argument("--catalogue", default=Path(__file__).resolve().parent.parent / "src/directory/data")
    parser.add_argument("--compare", metavar="OTHER", nargs="+")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    csv.field_size_limit(1 << 30)
    load(options.catalogue)
    rows = analyse(options.evidence)
    if options.compare:
        return 1 if sum([compare(rows, other) for other in options.compare]) else 0
    for line in rows:
        print(json.dumps(line, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
