"""Sends a usage record through the public door and waits for it in the totals, as a dispatch platform would see it.

In: the service's address and a key of the source `suanbu-probe`. Out: one result a try. Always: the record costs
nothing, and lies in years in which no round has its window, at a facility of the probe's own: no settlement sees it.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from meter.vocabulary import PROBE_SOURCE

PLACE: Final = PROBE_SOURCE
"""Code of the facility and of the chip that the records name."""
NOBODY: Final = "91340000MA99999999"
"""A well-formed code that the probe's facility belongs to and that its records name as consumer."""
FIRST_DAY, DAYS = date(2001, 1, 1), 365 * 19
"""Where the records lie: before every round's window."""
PAUSE_SECONDS: Final = 0.5
ENDS: Final = ("seen", "missing", "refused", "unreachable")
"""In the totals in time; recorded but not in them; answered that it will not be taken; no answer, or told to wait."""
COME_BACK: Final = (429, 502, 503, 504)  # 502 and 504 are the proxy's, of a service that is away

FACILITY: Final = {
    "id": PLACE, "name": "拨测", "region": "340000", "intelligent": False, "owners": [{"uscc": NOBODY, "share": "1"}],
    "valid_from": FIRST_DAY.isoformat(),
}  # fmt: skip
CHIP: Final = {"chip": PLACE, "tflops_fp16": "1", "source": "probe", "valid_from": FIRST_DAY.isoformat()}


class Result(NamedTuple):
    """How one try ended, after how long, and what stood in the way."""

    end: str
    seconds: float
    detail: str = ""


class _NotTaken(Exception):
    """The service answered that this will not do."""


class _Away(Exception):
    """No answer, or the answer to come back later."""


@dataclass(frozen=True)
class Door:
    """The service as one key sees it."""

    url: str
    key: str

    def ask(self, method: str, path: str, patience_seconds: float, body: Any = None) -> Any:
        """Return the JSON answer to one request. Raises _NotTaken or _Away."""
        request = urllib.request.Request(  # noqa: S310 -- whoever runs the probe names the address
            self.url.rstrip("/") + path,
            None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=max(0.1, patience_seconds)) as answer:  # noqa: S310 -- the same
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = f"{method} {path}: {error.code} {error.read(500).decode(errors='replace')}"
            raise (_Away if error.code in COME_BACK else _NotTaken)(said) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _Away(f"{method} {path}: {error}") from None


def register(door: Door, patience_seconds: float) -> None:
    """Register the facility and the chip that the records name; again changes nothing. Raises RuntimeError."""
    for path, item in (("/v1/facilities", FACILITY), ("/v1/chips", CHIP)):
        try:
            receipt = door.ask("PUT", path, patience_seconds, [item])
        except (_NotTaken, _Away) as error:
            raise RuntimeError(str(error)) from None
        if receipt["refused"]:
            raise RuntimeError(f"PUT {path}: {json.dumps(receipt['results'], ensure_ascii=False)}")


def probe(door: Door, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> Result:
    """Send one record and wait until the totals of its day have one more than before."""
    began = clock()
    until = began + patience_seconds
    day = FIRST_DAY + timedelta(secrets.randbelow(DAYS))
    name, recorded = secrets.token_hex(12), False
    try:
        before = _patiently(lambda left: _counted(door, day, left), until, clock)
        _patiently(lambda left: _send(door, day, name, left), until, clock)
        recorded = True
        while _patiently(lambda left: _counted(door, day, left), until, clock) <= before:
            if clock() >= until:
                why = f"recorded, and not in the totals after {patience_seconds:g} s"
                return Result("missing", clock() - began, why)
            time.sleep(PAUSE_SECONDS)
    except _NotTaken as error:
        return Result("refused", clock() - began, str(error))
    except _Away as error:
        return Result("missing" if recorded else "unreachable", clock() - began, str(error))
    return Result("seen", clock() - began)


def _patiently(work: Callable[[float], int], until: float, clock: Callable[[], float]) -> int:
    """Do what a client does that is told to come back: try again until the time is over. Raises _NotTaken or _Away."""
    while True:
        try:
            return work(until - clock())
        except _Away:
            if clock() + PAUSE_SECONDS >= until:
                raise
            time.sleep(PAUSE_SECONDS)


def _send(door: Door, day: date, name: str, patience_seconds: float) -> int:
    """Send a record of one card for one second, for nothing, under a name that stays the same when it is sent again."""
    record = {
        "id": f"probe-{name}", "consumer": NOBODY, "facility": PLACE, "chip": PLACE, "cards": "0.001",
        "started_at": f"{day}T12:00:00+08:00", "ended_at": f"{day}T12:00:01+08:00", "charge_fen": 0,
    }  # fmt: skip
    receipt = door.ask("POST", "/v1/usage-records", patience_seconds, [record])
    if receipt["accepted"] + receipt["duplicate"] != 1:
        raise _NotTaken(json.dumps(receipt["results"], ensure_ascii=False))
    return 1


def _counted(door: Door, day: date, patience_seconds: float) -> int:
    """How many records of the probe's facility the totals of a day have."""
    query = urllib.parse.urlencode({"by": "facility", "from": day, "to": day + timedelta(1)})
    totals = door.ask("GET", f"/v1/usage-totals?{query}", patience_seconds)
    return sum(int(one["records"]) for one in totals["items"] if one["facility"] == PLACE)
