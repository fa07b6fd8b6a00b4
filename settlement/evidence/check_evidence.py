"""Checks an evidence bundle, or one proof against a checkpoint. Needs Python 3.11 or newer and nothing else.

python3 check_evidence.py BUNDLE.zip [KEY]; python3 check_evidence.py --proof PROOF.json CHECKPOINT [KEY]. KEY is the
log's verifier key as `suanbu checkpoint` prints it; without it, nothing says who signed the checkpoint.
"""
# long: one file that an auditor reads from top to bottom and runs by itself

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

MONEY = ("award_fen", "held_fen", "payable_fen")
COUNTED = ("consumer", "started_at", "ended_at", "charge_fen", "via_platform")
HIGHEST_RATE = Fraction(24, 100)  # 20 % and the uplift that a reading may put on top


class Check:
    """One run over one bundle."""

    def __init__(self, path: str) -> None:
        self.archive = zipfile.ZipFile(path)
        self.wrong: list[str] = []
        self.settlement: dict[str, Any] = json.loads(self.archive.read("settlement.json"))
        self.platform: dict[int, int] = defaultdict(int)  # consumer's number -> charges inside the window
        self.values: dict[str, tuple[int, dict[str, Any]]] = {}  # code -> award and what the line's steps follow from
        self.lines_sha256 = ""
        self.lines_root = b""
        self.logged: dict[int, dict[str, Any]] = {}
        self.heads: dict[int, str] = {}  # batch -> its digest

    def rows(self, name: str) -> Iterator[Any]:
        """The rows of a file of one JSON value a line."""
        with self.archive.open(name) as file:
            for line in file:
                yield json.loads(line)

    def no(self, what: str) -> None:
        """Note that something is wrong."""
        self.wrong.append(what)

    def files(self) -> None:
        """Every file is there and as the manifest says; nothing else is."""
        manifest = json.loads(self.archive.read("manifest.json"))
        names = set(self.archive.namelist()) - {"manifest.json"}
        for name in sorted(names ^ set(manifest["files"])):
            self.no(f"file {name}: in the manifest or in the bundle, but not in both")
        for name, said in manifest["files"].items():
            if name in names:
                state = hashlib.sha256()
                with self.archive.open(name) as file:
                    while portion := file.read(1 << 20):
                        state.update(portion)
                if state.hexdigest() != said["sha256"]:
                    self.no(f"file {name}: its digest is not the manifest's")

    def lines(self) -> None:
        """Lines add up to the totals, and their digest is the one that was approved."""
        digests, leaves = [], []
        sums: dict[str, int] = defaultdict(int)
        told = self.rows("steps.ndjson")
        with self.archive.open("lines.ndjson") as file:
            for raw in file:
                text = raw.rstrip(b"\n")
                digests.append(hashlib.sha256(text).digest())
                leaves.append(_leaf(text))
                code, _, _, _, award, held, payable, adjustment, line_text, working_text = json.loads(text)
                line, working = json.loads(line_text), json.loads(working_text)
                shown = {"award_fen": award, "held_fen": held, "payable_fen": payable}
                for name in MONEY:
                    sums[name] += shown[name]
                    if line[name] != shown[name]:
                        self.no(f"line {code}: {name} is {shown[name]} beside the line and {line[name]} in it")
                if not 0 <= payable <= award:
                    self.no(f"line {code}: pays {payable} of an award of {award}")
                self.steps(code, shown, line | working.get("values", {}), next(told, {}))
                sums["adjustment_fen"] += adjustment or 0
        for name in (*MONEY, "adjustment_fen"):
            if name in self.settlement["totals"] and sums[name] != self.settlement["totals"][name]:
                self.no(f"total {name}: {self.settlement['totals'][name]} is said, the lines add up to {sums[name]}")
        whole = "sha256:" + hashlib.sha256(b"".join(digests)).hexdigest()
        self.lines_sha256 = whole
        self.lines_root = _root(leaves)
        approvals = [one for one in self.rows("events.ndjson") if one["event"] == "approve"]
        if approvals:
            if approvals[-1]["detail"]["lines_sha256"] != whole:
                self.no("lines: not those that were approved")
            if approvals[-1]["detail"]["digest"] != self.settlement["digest"]:
                self.no("settlement: its digest is not the one that was approved")
        print(f"{len(digests)} lines, {sums['payable_fen']} fen payable, digest {whole}")

    def steps(self, code: str, shown: dict[str, int], values: dict[str, Any], told: dict[str, Any]) -> None:
        """The steps follow one another, agree with the values that are stored, and come to the line's money."""
        if told.get("uscc") != code or not told["steps"]:
            self.no(f"line {code}: has no steps")
            return
        known: dict[str, Any] = {}
        for number, step in enumerate(told["steps"], 1):
            for name, value in step["before"].items():
                if name in known and known[name] != value:
                    self.no(f"line {code}: step {number} starts from another {name} than the steps before it left")
            known.update(step["after"])
        if self.settlement["window"] is not None:
            self.values[code] = (shown["award_fen"], known)
        for name, value in (values | shown).items():
            if name.endswith("_fen") and name in known and known[name] != value:
                self.no(f"line {code}: {name} is {value}, its steps come to {known[name]}")

    def people(self) -> None:
        """Maker, reviewers and approver are different; every decision is in the audit log, whose rows are whole."""
        by: dict[str, set[str]] = defaultdict(set)
        events = {}
        for one in self.rows("events.ndjson"):
            by[one["event"]].add(one["actor"])
            events[one["id"]] = one
        makers = by["run"] | by["submit"]
        if makers & (by["review"] | by["approve"] | by["lock"]) or by["review"] & by["approve"]:
            self.no("people: somebody did two of the three parts")
        logged = set()
        for row in self.rows("audit.ndjson"):
            if _row_digest(row) != row["digest"]:
                self.no(f"audit row {row['seq']}: its digest does not fit")
            logged.add(json.loads(row["detail"]).get("event"))
            self.logged[row["seq"]] = row
        for number, one in events.items():
            if number not in logged:
                self.no(f"decision {one['event']} ({number}): not in the audit log")
        print(f"{len(events)} decisions by {len(set().union(*by.values()))} people")

    def journal(self) -> None:
        """The chain of batches leads to the digest in the receipt, and covers exactly the records in the bundle."""
        layout = json.loads(self.archive.read("layout.json"))
        size, start, columns = layout["row_bytes"], layout["digested_from"], layout["columns"]
        previous, number, records = bytes(32), 0, 0
        algorithm = ""
        charges: dict[int, int] = defaultdict(int)
        with self.archive.open("records.bin") as file:
            for batch in self.rows("batches.ndjson"):
                number += 1
                algorithm = batch["algorithm"]
                if batch["batch"] != number:
                    self.no(f"batch {number}: missing")
                    number = batch["batch"]
                if _chained(previous, batch) != batch["digest"]:
                    self.no(f"batch {number}: its digest does not follow from the one before and its header")
                previous = bytes.fromhex(batch["digest"])
                self.heads[number] = f"{algorithm}:{batch['digest']}"
                said = json.loads(batch["contents"]).get("rows")
                if said is None:
                    continue
                rows = file.read(size * batch["accepted"])
                records += batch["accepted"]
                digested = b"".join(rows[place + start : place + size] for place in range(0, len(rows), size))
                if said not in (_pieces(algorithm, digested), _whole(algorithm, digested)):
                    self.no(f"batch {number}: its records are not those that were recorded")
                for one in _counted(rows, size, columns):
                    charges[one["consumer"]] += one["charge_fen"]
                    self.platform[one["consumer"]] += self.inside(one)
            if file.read(1):
                self.no("records: there are more than the batches say")
        for one in self.rows("reversals.ndjson"):
            charges[one["consumer"]] -= one["charge_fen"]
            self.platform[one["consumer"]] -= self.inside(one)
        head = self.settlement["receipt"].get("journal_digest")
        if head and head != f"{algorithm}:{previous.hex()}":
            self.no("journal: the last batch is not the one that the receipt names")
        totals = self.settlement["totals"]
        if "charge_in_window_fen" in totals:
            said = totals["charge_in_window_fen"] + totals["charge_outside_window_fen"]
            if said != sum(charges.values()):
                self.no(f"charges: the totals speak of {said} fen, the records of {sum(charges.values())}")
        print(f"{number} batches, {records} records, {sum(charges.values())} fen charged")

    def inside(self, record: dict[str, Any]) -> int:
        """The part of a record's charge inside the window, if it came through the platform (cumulative floor)."""
        window = self.settlement["window"]
        if window is None or not record["via_platform"]:
            return 0
        start, end, charge = record["started"], record["ended"], record["charge_fen"]
        if start == end:
            return int(charge) if window[0] <= start < window[1] else 0
        first, last = (min(max(edge, start), end) - start for edge in window)
        return int(charge * last // (end - start) - charge * first // (end - start))

    def money(self) -> None:
        """Each line starts from its records' charges, and is awarded no more than its rate of them."""
        names = {one["number"]: one["name"] for one in self.rows("names.ndjson") if one["table"] == "party"}
        charges = {names[number]: fen for number, fen in self.platform.items()}
        for code, (award, values) in self.values.items():
            said, found, rate = values.get("all_charges_fen"), charges.get(code, 0), Fraction(values.get("rate", 9))
            if said != found:
                self.no(f"line {code}: starts from {said} fen, its records come to {found}")
            if rate > HIGHEST_RATE or award > rate * found + 1:
                self.no(f"line {code}: is awarded {award} fen of {found} at a rate of {rate}")

    def checkpoint(self) -> None:
        """The checkpoint in the bundle speaks of this settlement and of these lines."""
        if "checkpoint.json" not in self.archive.namelist():
            return
        settlements = json.loads(self.archive.read("checkpoint.json"))["statement"]["settlements"]
        for one in settlements:
            if one["id"] == self.settlement["id"]:
                if one["digest"] != self.settlement["digest"]:
                    self.no("checkpoint: names another digest of this settlement")
                if one["lines_sha256"] != self.lines_sha256:
                    self.no("checkpoint: names other lines of this settlement")

    def tree(self, key: str | None) -> None:
        """The log's rows about the settlement, and its last batch, are in the tree that the checkpoint signs."""
        if "checkpoint.note" not in self.archive.namelist():
            return
        note = self.archive.read("checkpoint.note").decode()
        for wrong in signature_wrong(note, key):
            self.no(wrong)
        shown = set()
        for proof in self.rows("proofs.ndjson"):
            shown.add((proof["kind"], proof["number"]))
            for wrong in proof_wrong(proof, note):
                self.no(wrong)
            digest = json.loads(proof["leaf"])["digest"]
            known = self.logged.get(proof["number"], {}).get("digest")
            if digest != (self.heads.get(proof["number"]) if proof["kind"] == "batch" else known):
                self.no(f"checkpoint: {proof['kind']} {proof['number']} is not the one that was signed")
        wanted = {("audit", seq) for seq, row in self.logged.items() if row["result"] == "done"}
        if self.settlement["as_of"]:
            wanted.add(("batch", self.settlement["as_of"]))
        for kind, number in sorted(wanted - shown):
            self.no(f"checkpoint: nothing shows that {kind} {number} is in its tree")
        for row in self.logged.values():
            if row["action"] == "settlement.run" and row["result"] == "done":
                said = json.loads(row["detail"]).get("lines_root", "")
                if said and said != "sha256:" + self.lines_root.hex():
                    self.no("lines: not those of the run, as the audit log has them")
        print(f"checkpoint of {note.splitlines()[0]}, {note.splitlines()[1]} leaves, {len(shown)} of them shown")


def proof_wrong(proof: dict[str, Any], note: str) -> list[str]:
    """What is wrong with a proof, given the note of a checkpoint."""
    name = f"proof of {proof['kind']} {proof['number']}"
    size, root = int(note.splitlines()[1]), base64.b64decode(note.splitlines()[2])
    wrong = []
    if proof["size"] != size:
        return [f"{name}: is for a checkpoint of {proof['size']} leaves, this one has {size}"]
    leaf = json.loads(proof["leaf"])
    if leaf.get(proof["kind"]) != proof["number"]:
        wrong.append(f"{name}: its leaf is of something else")
    if not _included(_leaf(proof["leaf"].encode()), proof["index"], size, proof["path"], root):
        wrong.append(f"{name}: its path does not lead to the root of the checkpoint")
    row = proof.get("row")
    if row is not None and (_row_digest(row) != row["digest"] or row["digest"] != leaf["digest"]):
        wrong.append(f"{name}: the row is not the one in the tree")
    line = proof.get("line")
    if line is not None:
        said = bytes.fromhex(line["root"].removeprefix("sha256:"))
        if not _included(_leaf(line["text"].encode()), line["index"], line["lines"], line["path"], said):
            wrong.append(f"{name}: the line's path does not lead to the root of the lines")
        about = row or {"action": "", "object": "", "detail": "{}"}
        named = json.loads(about["detail"]).get("lines_root")
        if (about["action"], about["object"], named) != ("settlement.run", line["settlement"], line["root"]):
            wrong.append(f"{name}: the row does not name the root of these lines")
    return wrong


def signature_wrong(note: str, key: str | None) -> list[str]:
    """What is wrong with the signature of a checkpoint, by a verifier key (name+id+key); nothing without a key."""
    text, _, signatures = note.partition("\n\n")
    if key is None:
        print("no key was given: the checkpoint's signature is not checked")
        return []
    name, key_id, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded)
    if hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] != key_id or public[0] != 1:
        return ["checkpoint: the key that was given is no log's verifier key"]
    for line in signatures.splitlines():
        who, _, said = line.removeprefix("\u2014 ").partition(" ")
        value = base64.b64decode(said)
        if who == name and value[:4].hex() == key_id and _signed(public[1:], (text + "\n").encode(), value[4:]):
            return []
    return ["checkpoint: it is not signed with the key that was given"]


def _leaf(text: bytes) -> bytes:
    return hashlib.sha256(b"\0" + text).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _root(level: list[bytes]) -> bytes:
    """The root over leaves, as in RFC 6962."""
    while len(level) > 1:
        level = [_node(*level[at : at + 2]) if at + 1 < len(level) else level[at] for at in range(0, len(level), 2)]
    return level[0] if level else hashlib.sha256().digest()


def _included(leaf: bytes, index: int, size: int, path: list[str], root: bytes) -> bool:
    """Whether a leaf stands at its index under a root, as RFC 9162 checks it."""
    place, last, found = index, size - 1, leaf
    for node in map(base64.b64decode, path):
        if last == 0:
            return False
        if place & 1 or place == last:
            found = _node(node, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, node)
        place, last = place >> 1, last >> 1
    return 0 <= index < size and last == 0 and found == root


def _row_digest(row: dict[str, Any]) -> str:
    """The digest of a row of the audit log: over the digest before it and its fields."""
    said = [row["previous"] or "", *(row[name] for name in (
        "seq", "at", "actor", "action", "object", "result", "before", "after", "detail"
    ))]  # fmt: skip
    return "sha256:" + hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def _signed(public: bytes, message: bytes, said: bytes) -> bool:
    """Whether an Ed25519 signature fits, as RFC 8032 says."""
    key, point = _point(public), _point(said[:32])
    number = int.from_bytes(said[32:], "little")
    if key is None or point is None or len(said) != 64 or number >= Q:
        return False
    hashed = int.from_bytes(hashlib.sha512(said[:32] + public + message).digest(), "little") % Q
    y = 4 * pow(5, -1, P) % P
    base = _point(y.to_bytes(32, "little"))
    assert base is not None
    return _times(number, base) == _plus(point, _times(hashed, key))


def _point(encoded: bytes) -> tuple[int, int] | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x), y


def _plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    (a, b), (c, d) = one, other
    both = D * a * b * c * d % P
    return (a * d + b * c) * pow(1 + both, -1, P) % P, (b * d + a * c) * pow(1 - both, -1, P) % P


def _times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    found = (0, 1)
    while number:
        if number & 1:
            found = _plus(found, point)
        point, number = _plus(point, point), number >> 1
    return found


def _chained(previous: bytes, batch: dict[str, Any]) -> str:
    """The digest of a batch: of the one before, its header, and what it holds."""
    header = {name: batch[name] for name in batch if name not in ("contents", "algorithm", "digest")}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    state = hashlib.new(batch["algorithm"], previous)
    state.update(text.encode() + b"\n" + batch["contents"].encode())
    return state.hexdigest()


def _counted(rows: bytes, size: int, columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records among rows that measure something; a void does not."""
    for place in range(0, len(rows) - size + 1, size):
        row = rows[place : place + size]
        if _number(row, columns["action"]) != 2:
            one: dict[str, Any] = {name: _number(row, columns[name]) for name in COUNTED}
            one["started"], one["ended"] = (_seconds(one[name]) for name in ("started_at", "ended_at"))
            yield one


def _seconds(microseconds: int) -> int:
    """An instant of records.bin, microseconds since 2000, as whole seconds since 1970."""
    return microseconds // 1_000_000 + 946_684_800


def _number(row: bytes, column: dict[str, Any]) -> int:
    codes = {">i2": ">h", ">i4": ">i", ">i8": ">q", "|b1": ">?"}
    return int(struct.unpack_from(codes[column["type"]], row, column["offset"])[0])


def _pieces(algorithm: str, data: bytes) -> str:
    """H(H(piece 1) H(piece 2) ...), pieces of 4096 bytes."""
    parts = [data[at : at + 4096] for at in range(0, max(len(data), 1), 4096)]
    whole = hashlib.new(algorithm, b"".join(hashlib.new(algorithm, part).digest() for part in parts))
    return f"{algorithm}/4096:{whole.hexdigest()}"


def _whole(algorithm: str, data: bytes) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def main() -> int:
    """Check the bundle, or the proof, that is named; 0 where nothing is wrong."""
    if sys.argv[1] == "--proof":
        with open(sys.argv[2], encoding="utf-8") as file, open(sys.argv[3], encoding="utf-8") as signed:  # noqa: PTH123 - open() is what an auditor knows
            proof, note = json.load(file), signed.read()
        wrong = signature_wrong(note, sys.argv[4] if len(sys.argv) > 4 else None) + proof_wrong(proof, note)
        print(f"{proof['kind']} {proof['number']} in {note.splitlines()[0]}, {note.splitlines()[1]} leaves")
        if "line" in proof:
            print(f"line {proof['line']['text']}")
    else:
        check = Check(sys.argv[1])
        print(f"settlement {check.settlement['id']}, {check.settlement['digest']}")
        for part in (check.files, check.lines, check.people, check.journal, check.money, check.checkpoint):
            part()
        check.tree(sys.argv[2] if len(sys.argv) > 2 else None)
        wrong = check.wrong
    for one in wrong:
        print(f"WRONG: {one}")
    print("nothing is wrong" if not wrong else f"{len(wrong)} things are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
