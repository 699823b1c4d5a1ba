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
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

COLUMNS = ["object_type", "object_id", "change", "attribute", "target_id", "before", "after", "added", "removed",
           "not_before", "not_after", "lane", "certainty"]
GONE = {"removed", "softDeleted", "hardDeleted"}
LISTS = {"graph", "array", "tree"}      # forms of captures whose silence says something
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")


# ---------------------------------------------------------------------------------------------- knowledge (tables)

@dataclass
class Type:
    """A row of types.csv; a type it does not know is identified by `id` and has no bin."""
    key: tuple = ("id",)        # properties that identify an object; () for a singleton
    bin_days: int = 0           # days in the recycle bin, 0 if the type has none
    created: bool = False       # createdDateTime is set by the service
    target: str = ""            # property that names the target of an edge
    kind: str = ""              # "event" or "service record": not a state of the directory


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
        RELATIONS[r["parent_type"], r["segment"].lower()] = (r["kind"], r["relation"] or r["item_type"], r["item_type"], r["parent_property"])
    SUBTYPES.update((r["odata_type"].lower(), r["type"]) for r in table("odata_types"))
    SUBTYPES.update((name.lower(), name) for name in TYPES)
    FOLDERS.extend((r["folder"].lower().split("/"), r["collection"].lower()) for r in table("folders"))
    SIGNATURES.extend((set(r["members"].split()), r["type"]) for r in table("signatures"))


def type_of(kind):
    return TYPES.get(kind) or Type()


def marks(kind, path):
    """What attributes.csv says of a path: a row that ends in `.*` holds for the path and everything below it."""
    parts = path.strip(".").split(".")
    above = [path.strip("."), *(".".join(parts[:n]) + ".*" for n in range(1, len(parts) + 1))]
    return {mark for owner in ("*", kind) for name in above for mark in ATTRIBUTES.get((owner, name), ())}


# ------------------------------------------------------------------------------------------------ values ("Same")

class Number(str):
    """A JSON number as written; compared as an exact decimal."""


def is_guid(text):
    return re.fullmatch(GUID, text) is not None


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


def canonical(value, kind, path=""):
    """Canonical JSON of the output contract: keys and sets sorted, GUIDs lower case, instants and numbers as written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value.lower() if is_guid(value) else value, ensure_ascii=False)
    if isinstance(value, dict):
        members = sorted((k.encode("utf-8", "surrogatepass"), k) for k in value if not is_noise(k))
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + canonical(value[k], kind, f"{path}.{k}")
                              for _, k in members) + "}"
    if isinstance(value, list):
        items = [canonical(item, kind, path) for item in value]
        return "[" + ",".join(items if "ordered" in marks(kind, path) else sorted(items)) + "]"
    return json.dumps(value)


def meaning(value, kind, path=""):
    """A text that is equal for values of the same meaning."""
    if is_empty(value):
        return ""
    if isinstance(value, Number):
        return "n" + str(Decimal(value).normalize() + 0)
    if isinstance(value, str):
        if "words" in marks(kind, path):
            return "w" + " ".join(sorted(set(value.split())))
        moment = instant(value)
        return f"t{moment}" if moment else "s" + (value.lower() if is_guid(value) else value)
    if isinstance(value, dict):
        return json.dumps({k: meaning(v, kind, f"{path}.{k}") for k, v in value.items() if not is_noise(k) and not is_empty(v)},
                          sort_keys=True)
    if isinstance(value, list):
        items = [meaning(item, kind, path) for item in value]
        return json.dumps(items if "ordered" in marks(kind, path) else sorted(items))
    return json.dumps(value)


def printed(value, kind, path):
    """`before` or `after` as the table prints it; every empty value is no value."""
    if isinstance(value, str) and "words" in marks(kind, path):
        value = " ".join(sorted(set(value.split())))
    return None if is_empty(value) else canonical(value, kind, path)


def gained(old, new, kind, path):
    """Elements of `new` that `old` lacks, as a JSON array sorted by canonical text; a list is a multiset."""
    if "words" in marks(kind, path):
        old, new = ([*dict.fromkeys((v or "").split())] for v in (old, new))
    elif not isinstance(new, list):
        return None
    have = Counter(meaning(item, kind, path) for item in old) if isinstance(old, list) else Counter()
    extra = []
    for item in new:
        if have[meaning(item, kind, path)]:
            have[meaning(item, kind, path)] -= 1
        else:
            extra.append(canonical(item, kind, path))
    return "[" + ",".join(sorted(extra)) + "]" if extra else None


def leaves(record, prefix=""):
    """Paths of a record: objects are descended into, a list is one leaf, an empty object is a leaf."""
    for key, value in record.items():
        if not is_noise(key):
            if isinstance(value, dict) and any(not is_noise(k) for k in value):
                yield from leaves(value, f"{prefix}{key}.")
            else:
                yield prefix + key


# ------------------------------------------------------------------------------------- evidence: texts, times, pages

@dataclass(eq=False)
class Page:
    """What one exhibit holds of one request."""
    path: str
    folder: str
    items: list
    form: str = "graph"         # graph, array, tree, entity
    context: str = ""
    kind: str = ""              # type that the request names
    request: str = ""           # collection path or relation, part of the scope
    parent: tuple = None        # (type, id)
    bin: bool = False
    select: set = None
    expand: set = field(default_factory=set)
    next: str = ""
    count: int = None
    damaged: bool = False
    start: datetime = None
    end: datetime = None
    snapshot: int = 0


@dataclass(eq=False)
class Capture:
    """One reading of one request (a chain of pages, an array, a tree folder), for one type or one source of links."""
    snapshot: int
    start: datetime
    end: datetime
    path: str
    form: str
    scope: tuple
    bin: bool
    pages: list                 # identities, page by page
    raw_pages: list             # ids, page by page
    parent: tuple = None
    count: int = None
    filtered: bool = False
    dangling: bool = False
    damaged: bool = False
    select: set = None
    drops_nulls: bool = False
    paths: set = field(default_factory=set)

    def __post_init__(self):
        self.ids = {identity for page in self.pages for identity in page}
        self.order = (self.snapshot, self.start or EARLY, self.end or EARLY, self.path)
        self.place = self.parent and self.scope[1:3]        # lists below one parent speak about its edges only

    def whole(self):
        return not (self.dangling or self.damaged or self.filtered)


EARLY = datetime(1, 1, 1, tzinfo=timezone.utc)


def before(a, b):
    """Order of captures: by snapshot, and inside a snapshot only where the intervals are known and apart."""
    return a.snapshot < b.snapshot or (a.snapshot == b.snapshot and bool(a.end and b.start) and a.end < b.start)


def decode(data):
    for bom, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(bom):
            return data.decode(name, "replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    return data.decode("utf-8", "replace")


def no_constant(text):
    raise ValueError(text)


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=no_constant)


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
    at = head.end() if head else len(text)
    while (at := re.compile(r"[\s,]*").match(text, at).end()) < len(text):
        try:
            item, at = DECODER.raw_decode(text, at)
            items.append(item)
        except (ValueError, RecursionError):
            break
    context = re.search(r'"@odata\.context"\s*:\s*"([^"]*)"', head[0]) if head else None
    return [{"@odata.context": context[1], "value": items}] if context else [items] if items else []


def stamp(name):
    """(text, start, end, has time) of the stamp in a file or folder name, or None."""
    name = re.sub(GUID, "", name)
    for pattern, zoned in ((r"\d{4}-?\d\d-?\d\dT\d\d-?\d\d-?\d\dZ", True), (r"\d{4}-?\d\d-?\d\dT\d\d-?\d\d-?\d\d", False),
                           (r"\d{8}-\d{6}", False), (r"\d{14}", False), (r"\d{4}-\d\d-\d\d|\d{8}", None)):
        for found in re.finditer(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])", name):
            digits = re.sub(r"\D", "", found[0])
            try:
                at = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
            except ValueError:
                continue
            if zoned is None:
                return found[0], at, at + timedelta(hours=23, minutes=59, seconds=59), False
            reach = timedelta(0) if zoned else timedelta(hours=14)
            return found[0], at - reach, at + reach, True
    return None


def times(folders, name):
    """((start, end), index of the dated folder, its text): the file's own stamp with time beats the folder's."""
    dated = next(((n, s) for n in range(len(folders) - 1, -1, -1) if (s := stamp(folders[n]))), None)
    own, clock = stamp(name), re.search(r"__(\d\d)(\d\d)(\d\d)__", name)
    best = own if own and own[3] else dated[1] if dated else own
    if dated and clock and not (own and own[3]) and not dated[1][3]:
        at = dated[1][1] + timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3]))
        best = ("", at - timedelta(hours=14), at + timedelta(hours=14), True)
    return (best[1], best[2]) if best else (None, None), dated[0] if dated else None, dated[1][0] if dated else ""


def split_outside(text, separator):
    """Splits a context at a separator that is outside parentheses."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def read_context(page):
    """Fills parent, select list and expansions from `@odata.context`; returns the other words of its path."""
    words = []
    for part in split_outside(page.context.partition("$metadata#")[2], "/"):
        name, _, argument = part.partition("(")
        argument = argument.removesuffix(")")
        if argument.startswith("'") or is_guid(argument):
            page.parent, words = (collection("/".join([*words, name])), argument.strip("'").lower()), []
            continue
        words += [] if name.startswith("$") or name == "Collection" else [name]
        if argument and name != "Collection":
            names = [n.strip() for n in split_outside(argument, ",")]
            page.expand |= {n.partition("(")[0].lower() for n in names if "(" in n}
            plain = {n for n in names if "(" not in n}
            page.select = plain if plain and "*" not in plain else None
    return words


def collection(path, table=None):
    """The type of a collection path or of the longest end of it that a table knows; else None or the path itself."""
    words = path.lower().split("/")
    for n in range(len(words)):
        if (found := (COLLECTIONS if table is None else table).get("/".join(words[n:]))):
            return found
    return path if table is None else None


def describe(page, below):
    """What was asked for: from the context, else from folders and file name (`groups_<guid>_members_<stamp>`)."""
    stem = re.sub(r"(?i)(\.(json|ndjson|jsonl|txt))+$", "", below[-1])
    masked = re.sub(GUID, lambda m: "g" * len(m[0]), stem)
    cut = re.search(r"__\d{6}__|_+\d{4}-?\d\d-?\d\d(?=[T_-]|$)|_+\d{14}", masked)
    stem = stem[:cut.start() if cut else None].removesuffix("_entity")
    asked = "/".join([*below[:-1], stem.replace("_", "/")])
    words = read_context(page)
    parent = re.search(rf"(?:^|/)([A-Za-z]+)/({GUID})/([A-Za-z]\w*)(?:/microsoft\.graph\.\w+)?$", asked)
    if page.parent is None and parent and collection(parent[1]) in TYPES:
        page.parent, words = (collection(parent[1]), parent[2].lower()), [parent[3]]
    path = "/".join(words)
    if page.parent:
        page.request = path.lower()
        return
    page.bin = "deleteditems" in f"{path}/{asked}".lower()
    page.request = (asked if page.bin or not path else path).lower()
    if page.bin:
        page.kind = collection(asked, BINS) or collection(path, BINS) or collection(path, COLLECTIONS) or ""
    elif path.lower() != "directoryobjects":
        page.kind = collection(path) if path else collection(asked, COLLECTIONS) or ""


def tree_page(page, below):
    """An EntraExporter tree: `Groups/<id>/<id>.json` and `Groups/<id>/Members/<id>/<id>.json`."""
    folders = [f.lower() for f in below[:-1]]
    for pattern, path in sorted(FOLDERS, key=lambda f: -len(f[0])):
        if len(pattern) <= len(folders) <= len(pattern) + 1 and all(p in ("*", f) for p, f in zip(pattern, folders)):
            page.form, page.context, page.request = "tree", "", path
            page.folder = "/".join(page.path.split("/")[:-len(below)] + below[:len(pattern)])
            above, star, relation = path.partition("/*/")
            if star:
                page.parent, page.request = (collection(above), below[pattern.index("*")].lower()), relation
            page.bin = path in BINS
            page.kind = "" if star else BINS.get(path) or collection(path)
            return True
    return False


def read_evidence(roots):
    """(tenant, pages with snapshot numbers) for each tenant in the evidence."""
    units = defaultdict(list)       # what one dated folder (or no dated folder) holds
    for number, root in enumerate(Path(r).resolve() for r in roots):
        for file in sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]:
            parts = [root.name, *file.relative_to(root).parts] if root.is_dir() else [file.name]
            (start, end), at, label = times(parts[:-1], parts[-1])
            above = parts[:-1] if at is None else parts[:at]
            guids = [n for n, part in enumerate(above[:2] if at is None else above) if is_guid(part)]
            tenant = above[guids[-1]].lower() if guids else ""
            below = parts[at + 1:] if at is not None else parts[(guids[-1] if guids else 0) + 1 if len(parts) > 1 else 0:]
            unit = ("/".join(parts[:at + 1]), label, tenant) if at is not None else ("", number if start is None else None, tenant)
            documents, damaged = texts(decode(file.read_bytes()))
            arrays = [d for d in documents if not (isinstance(d, dict) and ("@odata.context" in d or "value" in d or "error" in d))]
            glued = len(documents) > 1 and arrays == documents
            lines = parts[-1].lower().endswith((".ndjson", ".jsonl")) and arrays == documents
            if glued or (documents and lines) or (damaged and not documents):
                documents = [[i for d in documents for i in (d if isinstance(d, list) else [d])]]
            for document in documents:
                page = make_page(document, below, "/".join(parts), start, end, damaged)
                if page:
                    units[unit].append(page)
    return number_snapshots(units)


def make_page(document, below, path, start, end, damaged):
    """A page of one JSON text, or None where it is an error body or no directory data."""
    page = Page(path, "/".join(path.split("/")[:-1]), [], damaged=damaged, start=start, end=end)
    if isinstance(document, list):
        page.form, page.items = "array", document
    elif not isinstance(document, dict) or (isinstance(document.get("error"), dict) and "value" not in document):
        return None
    elif isinstance(document.get("value"), list):
        page.context, page.items = str(document.get("@odata.context") or ""), document["value"]
        page.next = str(document.get("@odata.nextLink") or "")
        page.count = int(document["@odata.count"]) if isinstance(document.get("@odata.count"), Number) else None
        page.form = "delta" if "@odata.deltaLink" in document or "$delta" in page.context + page.next else "graph" if page.context else "array"
    else:
        page.form, page.context, page.items = "entity", str(document.get("@odata.context") or ""), [document]
        if tree_page(page, below):
            return page
    page.items = [item for item in page.items if isinstance(item, dict)]
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
                if groups and page.start - max(p.end for p in groups[-1]) < timedelta(hours=6):
                    groups[-1].append(page)
                else:
                    groups.append([page])
        for group in groups:
            own = {str(i.get("id")).lower() for p in group if p.kind == "organization" for i in p.items if i.get("id")}
            name = label if folder else utc(group[0].start) if label is None else f"untimed {label}"
            snapshots[(own.pop() if len(own) == 1 else tenant, name)] += group
    tenants = defaultdict(list)
    for (tenant, label), pages in snapshots.items():
        tenants[tenant].append((min((p.start for p in pages if p.start), default=EARLY), str(label), pages))
    for tenant, found in sorted(tenants.items()):
        for number, (_, _, pages) in enumerate(sorted(found, key=lambda s: s[:2])):
            for page in pages:
                page.snapshot = number
        yield tenant, [page for snapshot in found for page in snapshot[2]]


def utc(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0") if moment else None


# ------------------------------------------------------------------------------------------- captures of one tenant

@dataclass(eq=False)
class Seen:
    """One object in one capture."""
    capture: Capture
    record: dict
    bin: bool


class Tenant:
    def __init__(self, pages):
        self.lists = defaultdict(list)      # type -> captures of lists (live and bin)
        self.seen = defaultdict(lambda: defaultdict(list))   # type -> identity -> [Seen]
        self.links = defaultdict(list)      # (direction, type and id of the fixed end, relation) -> [(Capture, certainty)]
        self.named = defaultdict(list)      # id -> captures of links that name it as a target
        self.rows = []
        chains = defaultdict(list)
        for page in pages:
            request = (page.form, page.kind, page.request, page.parent, page.bin)
            key = page.path if page.form in ("array", "entity") else page.folder
            chains[(page.snapshot, key, page.context, request)].append(page)
        for chain in chains.values():
            for part in split_chain(chain):
                self.take(part)

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
        for kind in sorted({k for page in typed for k, _ in page} | {default}):
            if not kind or type_of(kind).kind:
                continue                    # set aside: no type can be told, or events
            for item in (i for page in typed for k, i in page if k == kind and relation and relation[3]):
                item.setdefault(relation[3], first.parent[1])       # the parent repeated, where a record lacks it
            part = relation and relation[0] == "part" and first.parent[1]
            records = [[(part or identify(kind, i), i) for k, i in page if k == kind] for page in typed]
            capture = make_capture(chain, kind, records)
            if capture.form in LISTS and type_of(kind).key and not part:
                self.lists[kind].append(capture)
            for identity, record in (pair for page in records for pair in page if pair[0]):
                self.take_expanded(kind, identity, record, chain)
                capture.paths.update(leaves(record))
                self.seen[kind][identity].append(Seen(capture, record, first.bin or bool(record.get("deletedDateTime"))))

    def take_expanded(self, kind, identity, record, chain):
        """Links inside a record ($expand): exactly 20 items, or a next link, prove additions only."""
        for (parent, segment), relation in RELATIONS.items():
            name = next((k for k in record if k.lower() == segment), None) if parent == kind else None
            asked = parent == kind and segment in chain[0].expand
            if relation[0] == "links" and (asked or isinstance(record.get(name), list)):
                value = record.pop(name, None)
                items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
                partial = len(items) == 20 or f"{name}@odata.nextLink" in record
                self.take_links((kind, identity), relation, chain, items, "partial" if partial else "proven")

    def take_links(self, parent, relation, chain, items, certainty=None):
        """A list of links: one whole page proves, several are consistent, a dangling chain proves additions only."""
        ids = [[str(i["id"]).lower() for i in items if i.get("id")]]
        ends = {str(i["id"]).lower(): odata_type(i, relation[2]) for i in items if i.get("id")}
        capture = make_capture(chain, relation[1], [[(i, {}) for i in ids[0]]])
        if certainty is None:
            counted = capture.count is not None and capture.count == len(capture.ids)
            certainty = ("partial" if not capture.whole() or chain[0].form == "delta"
                         else "proven" if counted or (chain[0].form == "graph" and len(chain) == 1) else "consistent")
        self.links[(relation[0], parent, relation[1])].append((capture, certainty, ends))
        for target in [parent[1]] if relation[0] == "inverse" and ids[0] else ids[0]:
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


def make_capture(chain, kind, records):
    """The capture of a chain: the hull of its pages."""
    first, nexts = chain[0], [p.next for p in chain if p.next]
    filters = tuple(sorted({m for n in [*nexts, first.context] for m in re.findall(r"(?:\$|%24)(?:filter|search)=[^&]*", n, re.I)}))
    tops = [value for page in records for _, record in page for value in record.values()]
    lost = any(p.damaged for p in chain) or any(not identity for page in records for identity, _ in page)
    drops_nulls = (first.form == "array" or (first.form == "entity" and not first.context)) and None not in tops and [] not in tops
    return Capture(
        first.snapshot, min((p.start for p in chain if p.start), default=None), max((p.end for p in chain if p.end), default=None),
        first.path, first.form, (first.form, first.parent, first.kind or first.request, filters), first.bin,
        [[i for i, _ in page if i] for page in records], [[str(r.get("id")).lower() for i, r in page if i] for page in records],
        first.parent, next((p.count for p in chain if p.count is not None), None), bool(filters),
        first.form == "graph" and bool(chain[-1].next), lost, first.select, drops_nulls)


def odata_type(record, default):
    """The base type that `@odata.type` names, else what the request says, else what the members give away."""
    name = str(record.get("@odata.type") or "").lower().replace("#", "").removeprefix("microsoft.graph.")
    return SUBTYPES.get(name) or default or next((kind for members, kind in SIGNATURES if members <= record.keys()), "")


def identify(kind, record):
    """The identity: the id, or the natural key; of a singleton its type. None: set aside."""
    if not type_of(kind).key:
        return kind
    parts = [str(record.get(name) or "") for name in type_of(kind).key]
    parts = [p.lower() if is_guid(p) else p for p in parts]
    return "|".join(parts) if any(parts) else None


# ------------------------------------------------------------------------------------------------------- comparison

def clusters(observations):
    """Observations in order; those of one snapshot whose captures overlap (or are untimed) stand together."""
    group, reach = [], None
    for seen in sorted(observations, key=lambda o: o.capture.order):
        c = seen.capture
        same = group and group[0].capture.snapshot == c.snapshot
        if same and (c.start is None or reach is None or c.start <= reach):
            reach = max(reach, c.end) if reach and c.end else None
        else:
            if group:
                yield group
            group, reach = [], c.end
        group.append(seen)
    if group:
        yield group


@dataclass(eq=False)
class State:
    """One observation of an attribute or a link."""
    capture: Capture
    key: object
    value: object = None
    asked: bool = False         # absent though asked for
    certainty: str = "proven"


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


def latest_start(captures):
    return utc(max((c.start for c in captures if c.start), default=None))


def first_end(captures):
    return utc(min((c.end for c in captures if c.end), default=None))


def later_end(*captures):
    return utc(max((c.end for c in captures if c.end), default=None))


def attribute_rows(tenant, kind, identity, sightings):
    """`modified` rows of one object between the observations given."""
    paths = sorted({p for s in sightings for p in leaves(s.record)} | {p for s in sightings for p in s.capture.select or ()})
    below = {p[:n] for p in paths for n, letter in enumerate(p) if letter == "."}
    for path in paths:
        flags = marks(kind, path)
        if flags & {"ignored", "volatile"} or path in type_of(kind).key or path == "id" or path in below:
            continue
        states, lacking = [], []
        for sight in sightings:
            state = presence(kind, path, sight, identity)
            if isinstance(state, State):
                states.append(state)
            elif state == "lacking":
                lacking.append(sight.capture)
        for old, new, conflict in changes(states):
            asked = new[0].key == "" and all(s.asked for s in new)
            certainty = "consistent" if conflict or asked else "proven"
            modified(tenant, kind, identity, path, old[-1].value, new[0].value, [s.capture for s in old], [s.capture for s in new], certainty)
        first = min(states, key=lambda s: s.capture.order, default=None)
        lacked = [c for c in lacking if first and before(c, first.capture)]
        if lacked and first.key != "" and path in max(lacked, key=lambda c: c.order).paths:     # reason `appeared`
            modified(tenant, kind, identity, path, None, first.value, lacked, [s.capture for s in states if s.key == first.key], "consistent")


def presence(kind, path, sight, identity):
    """What a record says of an attribute: a State, "lacking" (a format that drops nulls) or None (not collected)."""
    value, top = sight.record, path.partition(".")[0]
    walked = []
    for name in path.split("."):
        if value is None or (walked and isinstance(value, dict) and is_empty(value)):
            return State(sight.capture, "", None)       # null above is null for every path below
        if not isinstance(value, dict) or name not in value:
            if not walked and top in (sight.capture.select or ()):
                return State(sight.capture, "", None, asked=True)
            if walked and "open" in marks(kind, ".".join(walked)):
                return State(sight.capture, "", None)
            return "lacking" if sight.capture.drops_nulls else None
        value = value[name]
        walked.append(name)
    if sight.bin and path == "userPrincipalName" and isinstance(value, str):
        prefix = identity.replace("-", "")
        value = value[len(prefix):] if value.lower().startswith(prefix) else value
    return State(sight.capture, meaning(value, kind, path), value)


def modified(tenant, kind, identity, path, old, new, held, now, certainty):
    row(tenant, kind, identity, "modified", latest_start(held), first_end(now), certainty, attribute=path,
        before=printed(old, kind, path), after=printed(new, kind, path),
        added=gained(old, new, kind, path), removed=gained(new, old, kind, path))


def row(tenant, kind, identity, change, not_before, not_after, certainty, **more):
    values = dict.fromkeys(COLUMNS)
    values.update(object_type=kind, object_id=identity, change=change, not_before=not_before, not_after=not_after,
                  certainty=certainty, lane="coverage" if certainty == "unproven" else "change", **more)
    table = type_of(kind)
    if table.target and not values["target_id"]:
        values["target_id"] = identity.split("|")[table.key.index(table.target)] or None
    tenant.rows.append({k: v or None for k, v in values.items()})


# ----------------------------------------------------------------------------------------- silence: gone and added

def breaks_silence(capture, identity):
    """Rules 1 to 4 of the ladder: what the list itself says of an id that it does not hold; None: go on."""
    if capture.damaged:
        return "unproven"
    if capture.count is not None and not capture.filtered and capture.count == len(capture.ids):
        return "proven"
    if capture.count is not None and capture.count != len(capture.ids):
        return "unproven"
    pages = sorted((p for p in capture.raw_pages if p), key=lambda p: p[0])
    flat = [i for page in pages for i in page]
    ascending = all(a < b for a, b in zip(flat, flat[1:]))
    if capture.form == "graph" and not capture.filtered and len(flat) >= 20 and ascending and "|" not in identity:
        if any(page[0] < identity < page[-1] for page in pages):
            return "proven"
    return "unproven" if capture.dangling else None


def silence(capture, identity, like, known):
    """Certainty with which a list that does not hold an id says that it was not there.

    `like` are lists that held it; `known` are the ids that the list should hold, None if nothing tells.
    """
    certainty = breaks_silence(capture, identity)
    if certainty is None:
        small = capture.place and len(known) <= 100
        enough = known is not None and (small or len(known & capture.ids) >= 0.9 * len(known))
        certainty = "consistent" if enough and any(other.scope == capture.scope for other in like) else "unproven"
    return certainty


def life(sightings):
    """(in the bin, sightings) of each cluster; the bin wins over live pages that cannot be ordered against it."""
    result = []
    for cluster in clusters(sightings):
        binned = any(s.bin for s in cluster)
        result.append((binned, [s for s in cluster if s.bin == binned]))
    return result


def object_rows(tenant, kind):
    """Everything that came, went to the bin, came back or is gone, for one type."""
    table, everyone = type_of(kind), tenant.seen[kind]
    if not table.key:
        return
    lives = {identity: life(sightings) for identity, sightings in everyone.items()}
    lists = sorted((c for c in tenant.lists[kind] if not c.bin), key=lambda c: c.order)
    bins = sorted((c for c in tenant.lists[kind] if c.bin and c.whole()), key=lambda c: c.order)
    holders = {i: [s.capture for s in sightings if s.capture.form in LISTS and not s.bin] for i, sightings in everyone.items()}
    inside = defaultdict(set)       # place -> identities that its lists ever held
    for identity, captures in holders.items():
        for capture in captures:
            inside[capture.place].add(identity)
    gone = defaultdict(list)        # identity -> [(last sightings, list, certainty)]
    weak = {}
    for listing in lists:
        known = {}
        for identity in sorted(inside[listing.place] if listing.place else lives):
            past = [p for p in lives[identity] if all(before(s.capture, listing) for s in p[1])]
            if past and not (gone[identity] and before(past[-1][1][-1].capture, gone[identity][-1][1])):
                known[identity] = past
        live = {i for i, past in known.items() if not past[-1][0]}
        for identity, past in known.items():
            future = lives[identity][len(past):]
            again = future and (len(table.key) == 1 or not all(before(listing, s.capture) for s in future[0][1]))
            if identity in listing.ids or again or any(before(listing, c) for c in tenant.named[identity]):
                continue
            like = holders[identity] or lists
            certainty = silence(listing, identity, [c for c in like if before(c, listing)], live)
            if certainty != "unproven":
                gone[identity].append((past[-1], listing, certainty))
            elif not future:
                weak.setdefault(identity, (past[-1], listing, certainty))
    for identity, phases in sorted(lives.items()):
        added_row(tenant, kind, table, identity, phases, lists, holders, everyone)
        for (was_bin, old), (is_bin, new) in zip(phases, phases[1:]):
            if was_bin != is_bin:
                held = [s.capture for s in old]
                row(tenant, kind, identity, "softDeleted" if is_bin else "restored", latest_start(held),
                    first_end(s.capture for s in new), "proven")
        for phase, listing, certainty in gone[identity] or [weak[identity]] if gone[identity] or identity in weak else []:
            gone_row(tenant, kind, table, identity, phase, listing, certainty, bins)
            again = [p for p in phases if all(before(listing, s.capture) for s in p[1])]
            if again:           # natural keys only: a silence between two live observations
                row(tenant, kind, identity, "added", utc(listing.start), first_end(s.capture for s in again[0][1]), certainty)
    for identity, sightings in everyone.items():
        for part in between(sightings, [listing for _, listing, _ in gone[identity]]):
            attribute_rows(tenant, kind, identity, part)


def between(sightings, cuts):
    """Sightings parted at the lists that say that the object was gone."""
    parts = defaultdict(list)
    for sight in sightings:
        parts[sum(before(cut, sight.capture) for cut in cuts)].append(sight)
    return parts.values()


def gone_row(tenant, kind, table, identity, phase, listing, certainty, bins):
    """`hardDeleted` where the recycle bin, read after the live list, cannot have purged it; else `removed`."""
    was_bin, sightings = phase
    last = max((s.capture for s in sightings), key=lambda c: c.start or EARLY)
    change, ends, days = "removed", [listing], timedelta(days=table.bin_days)
    if was_bin:
        empty = next((b for b in bins if before(last, b) and identity not in b.ids), None)
        if empty is None:
            return
        deleted = instant(sightings[-1].record.get("deletedDateTime"))
        ends.append(empty)
        if deleted and empty.end and empty.end - deleted < days:
            change = "hardDeleted"
    elif table.bin_days:
        after = [b for b in bins if b.start and listing.end and b.start >= listing.end and (b.start, b.end) != (listing.start, listing.end)]
        if after and last.start and after[0].end - last.start < days:
            change, ends = "hardDeleted", [after[0]]
    row(tenant, kind, identity, change, latest_start(s.capture for s in sightings), later_end(*ends), certainty)


def added_row(tenant, kind, table, identity, phases, lists, holders, everyone):
    """`added` with the certainty of the earlier list's silence; `softDeleted` where only the bin ever held it."""
    is_bin, sightings = phases[0]
    first = min((s.capture for s in sightings), key=lambda c: c.end or EARLY)
    if is_bin:
        deleted = instant(sightings[0].record.get("deletedDateTime"))
        earlier = [c for c in tenant.lists[kind] if before(c, first) and c.end and deleted and deleted > c.end]
        if earlier:
            latest = max(earlier, key=lambda c: c.order)
            row(tenant, kind, identity, "softDeleted", utc(latest.start), first_end(s.capture for s in sightings), "proven")
        return
    earlier, holding = [c for c in lists if before(c, first)], holders[identity]
    places = {None, *(c.place for c in holding)}
    own = [c for c in earlier if c.place in places]
    last = next(reversed([c for c in own if c.place] or own or earlier), None)
    created = instant(min((s.record.get("createdDateTime") or "" for s in sightings), default="")) if table.created else None
    if last and created and last.end and created > last.end:
        row(tenant, kind, identity, "added", utc(last.start), utc(first.end), "proven")
        return
    for listing in reversed(own):
        where = next((c for c in sorted(holding, key=lambda c: c.order) if c.place == listing.place), None)
        certainty = silence(listing, identity, holding, where and where.ids)
        if certainty != "unproven":
            if not (certainty == "consistent" and created and listing.start and created < listing.start):
                row(tenant, kind, identity, "added", utc(listing.start), utc(first.end), certainty)
            return


# ------------------------------------------------------------------------------------------------------------ links

def link_rows(tenant):
    """Links that came and went, for each source that was live on both sides; inverse lists speak where no other does."""
    roles = {i: str(s.record["roleTemplateId"]).lower() for i, found in tenant.seen["directoryRole"].items()
             for s in found if s.record.get("roleTemplateId")}
    forward = {(parent, relation) for direction, parent, relation in tenant.links if direction == "links"}
    for (direction, parent, relation), captures in sorted(tenant.links.items()):
        states, known = defaultdict(list), set()
        everyone = {end: kind for _, _, ends in captures for end, kind in ends.items()}
        for capture, certainty, ends in sorted(captures, key=lambda c: c[0].order):
            shrunk = len(known) > 100 and len(known & ends.keys()) < 0.9 * len(known)
            silent = certainty != "partial" and not shrunk
            for end in everyone:
                if end in ends or silent:
                    states[end].append(State(capture, end in ends, certainty=certainty))
            known = set(ends) if silent else known | ends.keys()
        for end, found in sorted(states.items()):
            source, target = (parent, end) if direction == "links" else ((everyone[end], parent[1]), None)
            if direction == "inverse":
                source, target = (everyone[end], end), parent[1]
                if (source, relation) in forward:
                    continue
            for old, new, conflict in changes(found):
                held, now = [s.capture for s in old], [s.capture for s in new]
                added = new[0].key
                silent = old[-1] if added else new[0]
                certainty = "consistent" if conflict else silent.certainty
                if not all(alive(tenant, source, side, direction == "links") for side in (held[-1], now[0])):
                    continue
                kind, identity, change, attribute = *source, "linkAdded" if added else "linkRemoved", relation
                if kind == "directoryRole" and relation == "members" and identity in roles:
                    told = {c.snapshot for c in tenant.lists["unifiedRoleAssignment"]}
                    if {held[-1].snapshot, now[0].snapshot} <= told:
                        continue
                    kind, identity, change, attribute = "unifiedRoleAssignment", f"{target}|{roles[identity]}|/|", change[4:].lower(), None
                row(tenant, kind, identity, change, latest_start(held), first_end(now), certainty, attribute=attribute,
                    target_id=None if attribute is None else target)


def alive(tenant, source, capture, own):
    """Whether the source of a link was there at a capture; a list of its own, or no sight of it anywhere, is believed."""
    phases = life(tenant.seen[source[0]].get(source[1], []))
    past = [p for p in phases if not all(before(capture, s.capture) for s in p[1])]
    past = past or [p for p in phases[:1] if p[1][0].capture.snapshot == capture.snapshot]
    if not past:
        return own or not phases
    ended = any(r["object_id"] == source[1] and r["object_type"] == source[0] and r["change"] in GONE - {"softDeleted"} and r["lane"] == "change"
                and r["not_after"] and capture.end and r["not_after"] <= utc(capture.end) for r in tenant.rows)
    return not past[-1][0] and not (ended and past[-1] is phases[-1])


# ------------------------------------------------------------------------------------------------------------- main

def analyse(roots):
    rows = []
    for _, pages in read_evidence(roots):
        tenant = Tenant(pages)
        for kind in sorted(tenant.seen):
            object_rows(tenant, kind)
        for kind in [k for k in tenant.seen if not type_of(k).key]:
            for identity, sightings in tenant.seen[kind].items():
                attribute_rows(tenant, kind, identity, sightings)
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
        for line, times_seen in sorted(extra.items()):
            print(name, line, f"x{times_seen}" if times_seen > 1 else "")
    count = sum(extra.total() for _, extra in differing)
    print(f"{ours.total()} rows here, {others.total()} there, {count} differ", file=sys.stderr)
    return count


csv.field_size_limit(1 << 30)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("evidence", nargs="+")
    parser.add_argument("--catalogue", default=Path(__file__).resolve().parent.parent / "src/directory/data")
    parser.add_argument("--compare", metavar="OTHER", nargs="+")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    load(options.catalogue)
    rows = analyse(options.evidence)
    if options.compare:
        return 1 if sum([compare(rows, other) for other in options.compare]) else 0
    for line in rows:
        print(json.dumps(line, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
