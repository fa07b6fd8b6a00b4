"""The tree, notes and the witness: published vectors, proofs of every size, and what a witness refuses."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from settlement.checkpoint import note
from settlement.checkpoint.leaves import Order
from settlement.checkpoint.marks import Marks
from settlement.checkpoint.tree import (
    EMPTY,
    Growing,
    ProofWrong,
    check_consistency,
    check_inclusion,
    complete_parts,
    consistency_ranges,
    inclusion_ranges,
    joined,
    leaf_hash,
    root_of,
)
from settlement.checkpoint.witness import Refused, last_seen, witness
from settlement.evidence import check_evidence

# the leaves and roots that the tests of Certificate Transparency (RFC 6962) publish
LEAVES = tuple(map(bytes.fromhex, (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)))  # fmt: skip
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# PATH and PROOF of the same publication
INCLUSION = {
    (5, 8): ("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
             "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
             "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}  # fmt: skip
CONSISTENCY = {
    (6, 8): ("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
             "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
             "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    (2, 5): ("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
             "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
}  # fmt: skip
MANY = [leaf_hash(bytes([number])) for number in range(33)]


def path(hashes: list[bytes], ranges: list[tuple[int, int]]) -> list[bytes]:
    """The roots of ranges, each from its complete parts as a kept tree computes them."""
    return [joined([root_of(hashes[a:b]) for a, b in complete_parts(of)]) for of in ranges]


def test_roots_are_the_published_ones() -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    growing = Growing()
    for size, said in enumerate(ROOTS):
        assert root_of(hashes[:size]).hex() == growing.root().hex() == said
        if size < len(hashes):
            growing.add(hashes[size])


def test_proofs_are_the_published_ones() -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    for (index, size), said in INCLUSION.items():
        assert [node.hex() for node in path(hashes[:size], inclusion_ranges(index, size))] == list(said)
    for (old, size), said in CONSISTENCY.items():
        assert [node.hex() for node in path(hashes[:size], consistency_ranges(old, size))] == list(said)


def test_every_proof_of_every_small_tree_holds_and_no_other_root_passes() -> None:
    for size in range(1, len(MANY) + 1):
        root = root_of(MANY[:size])
        for index in range(size):
            shown = path(MANY, inclusion_ranges(index, size))
            check_inclusion(MANY[index], index, size, shown, root)
            assert check_evidence._included(
                MANY[index], index, size, [base64.b64encode(node).decode() for node in shown], root
            )
            with pytest.raises(ProofWrong):
                check_inclusion(leaf_hash(b"other"), index, size, shown, root)
            with pytest.raises(ProofWrong):
                check_inclusion(MANY[index], index, size, [*shown, root], root)
        for old in range(size + 1):
            shown = path(MANY, consistency_ranges(old, size))
            before = root_of(MANY[:old])
            check_consistency(old, size, before, root, shown)
            if 0 < old < size:
                with pytest.raises(ProofWrong):
                    check_consistency(old, size, leaf_hash(b"other"), root, shown)
                with pytest.raises(ProofWrong):
                    check_consistency(old, size, before, leaf_hash(b"other"), shown)
    assert root_of([]) == EMPTY == hashlib.sha256().digest()


def test_marks_come_to_the_root_and_are_read_back() -> None:
    hashes = [leaf_hash(number.to_bytes(4)) for number in range(9001)]
    marks = Marks.of(hashes, Order(((9000, 1),), ({"party": 3},)))
    assert (marks.step, len(marks.hashes), marks.root()) == (4, 2251, root_of(hashes))
    assert Marks.parse(marks.text()) == marks
    with pytest.raises(ValueError, match="marks"):
        Marks.parse("{}")


KEY, WITNESS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
LOG = note.verifier_of("log.example", note.SIGNS, KEY)
AUDITOR = note.verifier_of("audit.example", note.COSIGNS, WITNESS)


def signed(size: int, key: Ed25519PrivateKey = KEY, hashes: list[bytes] = MANY) -> note.Checkpoint:
    """A checkpoint of the first leaves."""
    return note.sign("log.example", size, root_of(hashes[:size]), key)


def test_a_note_is_read_back_and_says_who_signed_it() -> None:
    made = signed(7)
    lines = made.note().split("\n")
    assert lines[:2] == ["log.example", "7"]
    assert base64.b64decode(lines[2]) == root_of(MANY[:7])
    assert lines[3] == ""
    assert lines[4].startswith("\u2014 log.example ")
    assert note.opened(made.note(), LOG) == made == note.opened(made.note(), None)
    assert note.Verifier.parse(str(LOG)) == LOG
    assert check_evidence.signature_wrong(made.note(), str(LOG)) == []
    other = note.verifier_of("log.example", note.SIGNS, WITNESS)
    assert check_evidence.signature_wrong(made.note(), str(other)) != []
    with pytest.raises(note.NotSigned, match="another key"):
        note.opened(made.note(), other)
    changed = made.note().replace("\n7\n", "\n8\n")
    with pytest.raises(note.NotSigned, match="does not fit"):
        note.opened(changed, LOG)
    assert check_evidence.signature_wrong(changed, str(LOG)) != []
    for broken in ("", "log\n7\n", changed.replace("\n8\n", "\n08\n"), changed.replace("\n\n", "\n"), "{}"):
        with pytest.raises(note.NotSigned):
            note.parse(broken)
    for broken in ("log.example", f"{LOG}x", "a b+00000000+AA==", str(LOG).replace("log", "other", 1)):
        with pytest.raises(note.NotSigned):
            note.Verifier.parse(broken)


def test_a_witness_signs_what_extends_what_it_saw_and_nothing_else(tmp_path: Path) -> None:
    state = tmp_path / "seen"

    def ask(old: int, new: note.Checkpoint, hashes: list[bytes] = MANY) -> note.Checkpoint:
        text = note.request(old, path(hashes, consistency_ranges(old, new.size)), new)
        return witness(text, state, LOG, "audit.example", WITNESS, 1_700_000_000)

    first = ask(0, signed(5))
    assert first.signed_by(AUDITOR) == 1_700_000_000
    assert first.signed_by(LOG) == 0
    assert note.parse(first.note()) == first
    assert ask(5, signed(5)).signed_by(AUDITOR), "the same once more"
    assert ask(5, signed(20)).size == 20
    assert (last_seen(state, LOG) or first).size == 20
    forged = [*MANY[:3], leaf_hash(b"changed"), *MANY[4:]]
    for old, new, hashes, why in (
        (5, signed(25), MANY, "begins at 5 leaves"),
        (20, signed(25, hashes=forged), forged, "does not extend"),
        (20, signed(20, hashes=forged), forged, "does not extend"),
        (20, signed(25, key=WITNESS), MANY, "not signed"),
    ):
        with pytest.raises(Refused, match=why):
            ask(old, new, hashes)
    with pytest.raises(Refused, match="does not extend"):
        witness(note.request(20, [], signed(10)), state, LOG, "audit.example", WITNESS, 1)
    with pytest.raises(Refused, match="not a request"):
        witness("nonsense", state, LOG, "audit.example", WITNESS, 1)
    assert (last_seen(state, LOG) or first).size == 20, "what was refused was not seen"
    state.write_text(signed(30, key=WITNESS).note())
    with pytest.raises(Refused, match="does not hold"):
        ask(30, signed(31))
