"""A stand-in for the dispatch platform (算力调度平台): a client written against docs/contract.md alone.

`build` turns a real trace (tests/data/traces) into registry files and usage.ndjson, the same bytes every time. Jobs,
card counts and times are the trace's own. Who the legal entities are, what they own and what a card-hour costs is
invented from a hash of the trace's ids, because no published trace says. `push` sends it all over HTTP and prints the
sums of the receipts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl

from tests.support.records import chip, entity, facility, holding, uscc

SHANGHAI = timezone(timedelta(hours=8))
CITIES = (
    "340100", "340200", "340300", "340400", "340500", "340600", "340700", "340800",
    "341000", "341100", "341200", "341300", "341500", "341600", "341700", "341800",
)  # fmt: skip
CHIPS = {"card-a": ("312", 2200), "card-b": ("320", 1500), "card-c": ("148", 900), "card-d": ("989", 4200)}
"""Dense FP16 TFLOPS, and an invented price in fen a card-hour."""
KINDS = ("enterprise", "enterprise", "enterprise", "university", "research_institute")
PURPOSES = ("research",) * 7 + ("commercial",) * 2 + (None,)
SHARES = ("0.51", "0.25", "0.2499", "1")
REGISTRY = ("chips", "entities", "facilities", "holdings")
"""In the order in which they are sent."""
COUNTS = ("received", "accepted", "duplicate", "conflict", "refused")


def drawn(key: str, size: int) -> int:
    """A number below `size` that follows from the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % size


def jobs_of(trace: Path, limit: int | None) -> pl.DataFrame:
    """The jobs that ran, by start and id; names of providers are made fit for facility ids."""
    ran = pl.col("start").is_not_null() & pl.col("end").is_not_null() & (pl.col("gpu_count") > 0)
    provider = pl.col("provider").str.replace_all(r"[^A-Za-z0-9._:-]", "-")
    jobs = pl.read_parquet(trace).filter(ran).with_columns(provider).sort("start", "job_id")
    return jobs.head(limit) if limit else jobs


def entities_of(codes: Sequence[str]) -> list[dict[str, Any]]:
    """The legal entities that use the compute."""
    return [
        entity(
            code,
            name=f"示例单位{number:03d}",
            kind=KINDS[drawn(f"kind{number - 1}", len(KINDS))],
            region=code[2:8],
            bank_account={
                "bank": "示例银行",
                "account": f"62{drawn(code, 10**14):014d}",
                "holder": f"示例单位{number:03d}",
            },
        )
        for number, code in enumerate(codes, 1)
    ]


def facilities_of(providers: Sequence[str], codes: Sequence[str]) -> list[dict[str, Any]]:
    """A facility for each cluster of the trace; about a third are joint ventures of two neighbours."""
    found = []
    for provider in providers:
        first = drawn(f"owner{provider}", len(codes))
        owners = [{"uscc": codes[first], "share": "1"}]
        if drawn(f"jv{provider}", 3) == 0:
            second = codes[(first + 1) % len(codes)]
            owners = [{"uscc": codes[first], "share": "0.6"}, {"uscc": second, "share": "0.4"}]
        found.append(facility(provider, region=CITIES[drawn(f"site{provider}", len(CITIES))], owners=owners))
    return found


def holdings_of(codes: Sequence[str]) -> list[dict[str, Any]]:
    """Every fifth entity holds a share of the next."""
    return [
        holding(codes[place], codes[place + 1], SHARES[place % len(SHARES)], document="invented")
        for place in range(0, len(codes) - 1, 5)
    ]


def chips_of() -> list[dict[str, Any]]:
    """The accelerator models."""
    return [chip(name, tflops_fp16=tflops, source="data sheet, dense FP16") for name, (tflops, _) in CHIPS.items()]


def record_of(job: dict[str, Any], codes: Sequence[str], shift_days: int) -> dict[str, Any]:
    """The usage record of one job, its times moved by whole days."""
    chip = list(CHIPS)[drawn(f"chip{job['provider']}", len(CHIPS))]
    who = job["tenant"] or job["job_id"]
    consumer = codes[min(drawn(f"{who}a", len(codes)), drawn(f"{who}b", len(codes)))]  # a few consumers use most
    start, end = (job[edge] + shift_days * 86_400 for edge in ("start", "end"))
    started, ended = (datetime.fromtimestamp(instant, SHANGHAI) for instant in (start, end))
    millicards = round(job["gpu_count"] * 1000)
    return {
        "id": str(job["job_id"])[:64],
        "consumer": consumer,
        "facility": job["provider"],
        "chip": chip,
        "cards": millicards // 1000 if millicards % 1000 == 0 else f"{millicards / 1000:.3f}",
        "started_at": started.isoformat(),
        "ended_at": ended.isoformat(),
        "charge_fen": millicards * (end - start) * CHIPS[chip][1] // 3_600_000,
        "purpose": PURPOSES[drawn(f"{job['job_id']}p", len(PURPOSES))],
        "order": f"{consumer[-6:]}-{started:%Y%m}",
    }


def build(trace: Path, out: Path, shift_days: int, entities: int, limit: int | None) -> dict[str, Any]:
    """Write the registry files and usage.ndjson; what they hold."""
    jobs = jobs_of(trace, limit)
    out.mkdir(parents=True, exist_ok=True)
    codes = [uscc(place + 1, CITIES[drawn(f"city{place}", len(CITIES))]) for place in range(entities)]
    facilities = facilities_of(sorted(jobs["provider"].unique()), codes)
    registry = {
        "entities": entities_of(codes),
        "facilities": facilities,
        "holdings": holdings_of(codes),
        "chips": chips_of(),
    }
    for name, items in registry.items():
        (out / f"{name}.json").write_text(json.dumps(items, ensure_ascii=False, indent=1), encoding="utf-8")
    with (out / "usage.ndjson").open("w", encoding="utf-8") as file:
        for job in jobs.iter_rows(named=True):
            file.write(json.dumps(record_of(job, codes, shift_days), ensure_ascii=False) + "\n")
    millicards = (pl.col("gpu_count") * 1000).round().cast(pl.Int64)
    seconds = jobs.select(((pl.col("end") - pl.col("start")) * millicards).sum()).item() / 1000
    return {
        "records": jobs.height,
        "facilities": len(facilities),
        "entities": entities,
        "card_seconds": str(seconds),
    }


def sent(url: str, key: str, method: str, body: bytes | None = None, content_type: str | None = None) -> dict[str, Any]:
    """The service's answer; a refusal ends the program."""
    headers = {"Authorization": f"Bearer {key}", **({"Content-Type": content_type} if content_type else {})}
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - the URL of our own service
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {url}: {error.code} {error.read()[:2000].decode(errors='replace')}")


def bodies(file: Path, batch: int) -> Iterator[bytes]:
    """The lines of a file, a batch of them at a time."""
    lines: list[bytes] = []
    with file.open("rb") as opened:
        for line in opened:
            lines.append(line.strip())
            if len(lines) == batch:
                yield b"\n".join(lines)
                lines.clear()
    if lines:
        yield b"\n".join(lines)


def approve_accounts(url: str, approval_key: str) -> None:
    """Approve every account that waits, with the key of somebody else than the one who sent it."""
    while items := sent(f"{url}/v1/account-proposals?status=proposed&limit=1000", approval_key, "GET")["items"]:
        for one in items:
            sent(f"{url}/v1/account-proposals/{one['id']}/approve", approval_key, "POST", b"{}", "application/json")


def push(
    folder: Path, url: str, registry_key: str, usage_key: str, batch: int, approval_key: str | None = None
) -> dict[str, int]:
    """Send the registry, have its accounts approved by a second key, send the usage; the sums of the receipts."""
    for name in REGISTRY:
        items = (folder / f"{name}.json").read_bytes()
        answer = sent(f"{url}/v1/{name}", registry_key, "PUT", items, "application/json")
        if answer["refused"]:
            sys.exit(f"{name}: {json.dumps(answer, ensure_ascii=False)[:2000]}")
    if approval_key:
        approve_accounts(url, approval_key)
    sums = dict.fromkeys(COUNTS, 0)
    for body in bodies(folder / "usage.ndjson", batch):
        answer = sent(f"{url}/v1/usage-records", usage_key, "POST", body, "application/x-ndjson")
        for name in sums:
            sums[name] += answer[name]
    return sums


def main() -> None:
    """Build or push, as the command line says, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.dispatch_platform", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    building = commands.add_parser("build")
    building.add_argument("trace", type=Path)
    building.add_argument("out", type=Path)
    building.add_argument("--shift-days", type=int, default=0)
    building.add_argument("--entities", type=int, default=40)
    building.add_argument("--limit", type=int)
    pushing = commands.add_parser("push")
    pushing.add_argument("folder", type=Path)
    pushing.add_argument("url")
    pushing.add_argument("--registry-key", required=True)
    pushing.add_argument("--usage-key", required=True)
    pushing.add_argument("--approval-key", help="another person's, to approve the accounts with")
    pushing.add_argument("--batch", type=int, default=5000)
    given = parser.parse_args()
    if given.command == "build":
        done: object = build(given.trace, given.out, given.shift_days, given.entities, given.limit)
    else:
        done = push(
            given.folder, given.url.rstrip("/"), given.registry_key, given.usage_key, given.batch, given.approval_key
        )
    print(json.dumps(done))


if __name__ == "__main__":
    main()
