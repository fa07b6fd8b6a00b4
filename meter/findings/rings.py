"""Finds circular use among affiliates: A uses B's compute while B uses A's, and longer rings, with what cancels."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import polars as pl

from meter.findings.finding import FINDING_SCHEMA, no_findings
from meter.findings.month import ORDINAL_BITS, Rows
from meter.kernels.kernel import Array, Whole, kernel

SHARE_ONE: Final = 10**9  # share_billionths of a sole owner
MILLICARD_SECONDS_AN_HOUR: Final = 3_600 * 1_000
RECORDS_AN_EDGE: Final = 20  # of each facility used around a ring: the largest


def uses_among(use: pl.DataFrame, owners: pl.DataFrame, groups: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Return who used whose compute within a group of affiliates, over all days of the `use` frame.

    `owners`: facility, party, share_billionths, day_from, day_to (exclusive); `groups`: party, group; `ratings`: chip,
    megaflops_fp16, day_from, day_to. Columns of the result: user, supplier (sorted by both), quantity in whole
    megaflops-hours (share times rating times card-hours, one floor a pair). A party's use of its own is left out.
    """
    groups = groups.select("party", "group").unique()
    mine = groups.rename({"party": "consumer"})
    theirs = groups.rename({"party": "supplier"})
    pairs = (
        use.filter(pl.col("via_platform") & (pl.col("millicard_seconds") != 0))
        .join(mine, on="consumer")
        .join(owners.rename({"party": "supplier", "day_from": "own_from", "day_to": "own_to"}), on="facility")
        .filter((pl.col("day") >= pl.col("own_from")) & (pl.col("day") < pl.col("own_to")))
        .join(theirs, on=["supplier", "group"])
        .filter(pl.col("consumer") != pl.col("supplier"))
        .join(ratings, on="chip")
        .filter((pl.col("day") >= pl.col("day_from")) & (pl.col("day") < pl.col("day_to")))
        .group_by("consumer", "supplier", "share_billionths", "megaflops_fp16")
        .agg(pl.col("millicard_seconds").cast(pl.Int128).sum())
    )
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for user, supplier, share, rating, seconds in pairs.iter_rows():
        sums[user, supplier] += share * rating * seconds
    unit = SHARE_ONE * MILLICARD_SECONDS_AN_HOUR
    rows = [(user, supplier, quantity // unit) for (user, supplier), quantity in sorted(sums.items())]
    schema = {"user": pl.Int32, "supplier": pl.Int32, "quantity": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("quantity") > 0)


def rings(uses: pl.DataFrame) -> pl.DataFrame:
    """Return the rings in `uses` (user, supplier, quantity above 0) and what cancels around each.

    From the smallest party on, the shortest ring through it is taken (of several, that of the smaller parties), the
    least quantity on it is taken off each of its edges, and so on until no ring is left. So the result does not depend
    on the order of the rows, and no quantity is cancelled twice. Columns: parties (each uses the next, the last the
    first, beginning with the smallest), quantity. Sorted as found.
    """
    uses = (
        uses.filter((pl.col("user") != pl.col("supplier")) & (pl.col("quantity") > 0))
        .group_by("user", "supplier")
        .agg(pl.col("quantity").sum())
        .sort("user", "supplier")
    )
    user, supplier = uses["user"].to_numpy(), uses["supplier"].to_numpy()
    parties = np.unique(np.concatenate((user, supplier)))
    edges = np.searchsorted(user, parties).astype(np.int64)
    edges = np.append(edges, len(user))
    left = uses["quantity"].to_numpy().copy()
    members, lengths, quantities = cancel_rings(edges, np.searchsorted(parties, supplier), left)
    ends = np.cumsum(lengths)
    found = [parties[members[end - length : end]].tolist() for end, length in zip(ends, lengths, strict=True)]
    return pl.DataFrame(
        {"parties": found, "quantity": quantities}, schema={"parties": pl.List(pl.Int32), "quantity": pl.Int64}
    )


@kernel
def cancel_rings(  # noqa: C901, PLR0915 - a kernel: one walk over a graph
    edges: Array, target: Array, left: Array
) -> tuple[Array, Array, Array]:
    """Take rings off the graph until none is left; return (members laid end to end, lengths, quantities).

    Edges of node n are edges[n]..edges[n + 1], to `target`, with `left` on them (used up by this function).
    """
    nodes = len(edges) - 1
    members = np.empty(1024, np.int64)
    lengths = np.empty(1024, np.int64)
    quantities = np.empty(1024, np.int64)
    used = 0
    count = 0
    came_by = np.empty(nodes, np.int64)  # the edge by which a node was reached, -1 if it was not
    came_from = np.empty(nodes, np.int64)
    queue = np.empty(nodes, np.int64)
    for root in range(nodes):
        while True:
            came_by[:] = -1
            queue[0] = root
            head = 0
            tail = 1
            back: Whole = -1
            while head < tail and back < 0:
                node = queue[head]
                head += 1
                for edge in range(edges[node], edges[node + 1]):
                    to = target[edge]
                    if left[edge] == 0 or to < root:  # rings through smaller parties are all gone
                        continue
                    if to == root:
                        back = edge
                        came_from[root] = node
                        break
                    if came_by[to] < 0:
                        came_by[to] = edge
                        came_from[to] = node
                        queue[tail] = to
                        tail += 1
            if back < 0:
                break
            least = left[back]
            length: Whole = 1
            node = came_from[root]
            while node != root:
                least = min(least, left[came_by[node]])
                length += 1
                node = came_from[node]
            while used + length > len(members):
                members = np.concatenate((members, np.empty(len(members), np.int64)))
            if count == len(lengths):
                lengths = np.concatenate((lengths, np.empty(count, np.int64)))
                quantities = np.concatenate((quantities, np.empty(count, np.int64)))
            left[back] -= least
            node = came_from[root]
            at = used + length - 1
            while node != root:
                members[at] = node
                at -= 1
                left[came_by[node]] -= least
                node = came_from[node]
            members[at] = root
            used += length
            lengths[count] = length
            quantities[count] = least
            count += 1
    return members[:used], lengths[:count], quantities[:count]


def with_proof(found: pl.DataFrame, owners: pl.DataFrame, months: Iterable[Callable[[], Rows]]) -> pl.DataFrame:
    """Return rings as findings, each with the largest records of every member at every facility its next one owns.

    `months` loads all rows once more. At most RECORDS_AN_EDGE records are named for a member and a facility.
    """
    if not found.height:
        return no_findings()
    steps = [
        (ring, user, parties[(place + 1) % len(parties)])
        for ring, parties in enumerate(found["parties"].to_list())
        for place, user in enumerate(parties)
    ]
    edges = pl.DataFrame(steps, schema={"ring": pl.Int64, "consumer": pl.Int32, "party": pl.Int32}, orient="row")
    edges = edges.join(owners.select("party", "facility").unique(), on="party").select("ring", "consumer", "facility")
    kept = [_largest(_of_pairs(load(), edges)) for load in months]
    proof = _largest(pl.concat(kept)).join(edges.unique(), on=["consumer", "facility"]).sort("ring", "record")
    proof = proof.group_by("ring", maintain_order=True).agg(
        pl.col("started").min(),
        pl.col("ended").max(),
        pl.struct(
            (pl.col("record") // (1 << ORDINAL_BITS)).alias("batch"),
            (pl.col("record") % (1 << ORDINAL_BITS)).cast(pl.Int32).alias("ordinal"),
        ).alias("records"),
    )
    return (
        found.with_row_index("ring")
        .with_columns(pl.col("ring").cast(pl.Int64))
        .join(proof, on="ring", how="left", maintain_order="left")
        .select(
            pl.lit("ring").alias("kind"),
            pl.lit(None, pl.Int32).alias("facility"),
            pl.lit(None, pl.Int32).alias("chip"),
            pl.lit(None, pl.Int32).alias("consumer"),
            "started",
            "ended",
            pl.col("quantity").alias("found"),
            pl.lit(0, pl.Int64).alias("expected"),
            "parties",
            "records",
        )
        .match_to_schema(FINDING_SCHEMA)
    )


def _of_pairs(rows: Rows, pairs: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(
        {name: getattr(rows, name) for name in ("record", "consumer", "facility", "millicards", "started", "ended")}
    )
    wanted = pairs.select("consumer", "facility").unique()
    return frame.join(wanted, on=["consumer", "facility"], how="semi").with_columns(
        (pl.col("millicards") * (pl.col("ended") - pl.col("started"))).alias("size")
    )


def _largest(frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.sort(["consumer", "facility", "size", "record"], descending=[False, False, True, False])
        .group_by("consumer", "facility", maintain_order=True)
        .head(RECORDS_AN_EDGE)
    )
