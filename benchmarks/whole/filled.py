"""A service that holds a province: filled once, and kept in its folder for whoever measures another part later."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.auth.keys import NewKey, create_key
from benchmarks.ingest.servers import Server, rollup_lag, serving, suanbu
from benchmarks.whole.asking import Asking
from benchmarks.whole.province import registrations, usage
from meter.database.bootstrap import SUPERUSER
from meter.database.connect import command_engine
from meter.database.embedded import embedded
from tests.support.records import ARROW

STATE = "filled.json"


@dataclass
class Filled:
    """A service, how much is in it, who may ask for settlements, and how often it has been measured before."""

    server: Server
    data: Path
    entities: int
    sent: int
    turn: int
    finance_key: str

    @property
    def finance(self) -> Asking:
        """Return who runs settlements."""
        return Asking(self.server.port, self.finance_key)

    def send(self, records: int) -> None:
        """Send more usage of the same province, and wait until the rollup has it."""
        platform = Asking(self.server.port, self.server.key)
        for count, body in usage(self.entities, records, behind=self.sent):
            said = platform.send(body, ARROW)
            assert said["accepted"] == count, said
        self.sent += records
        while asyncio.run(rollup_lag(self.server.database)):
            time.sleep(0.2)

    def keep(self) -> None:
        """Write down what is needed to go on from here."""
        said = {
            "entities": self.entities, "sent": self.sent, "turn": self.turn, "finance_key": self.finance_key,
            "usage_key": self.server.key,
        }  # fmt: skip
        (self.data / STATE).write_text(json.dumps(said))


@contextlib.contextmanager
def filled(data: Path, entities: int, records: int) -> Iterator[Filled]:
    """Run a service that holds so much: the one that is kept in the folder, or a new one."""
    kept = data / STATE
    if not kept.exists():
        with suanbu(data, "whole") as server:
            _fill(server, data, entities, records).keep()
    said: dict[str, Any] = json.loads(kept.read_text())
    assert said["entities"] == entities, f"the service kept in {data} has {said['entities']} entities"
    assert said["sent"] >= records, f"the service kept in {data} has {said['sent']} records"
    with (
        embedded(data) as database,
        serving(data, database.socket_url(SUPERUSER), said["usage_key"], "whole") as server,
    ):
        found = Filled(server, data, entities, said["sent"], said["turn"] + 1, said["finance_key"])
        found.keep()
        try:
            yield found
        finally:
            found.keep()


def _fill(server: Server, data: Path, entities: int, records: int) -> Filled:
    keys = asyncio.run(_keys(server.database))
    registrar = Asking(server.port, keys["registry"])
    for kind, items in registrations(entities):
        said = registrar.ask("PUT", f"/v1/{kind}", items)
        assert said["refused"] == said["conflict"] == 0, said
    found = Filled(server, data, entities, 0, 0, keys["finance"])
    found.send(records)
    return found


async def _keys(database: str) -> dict[str, str]:
    engine = command_engine(database)
    scopes = {"registry": ["registry:write"], "finance": ["settlement:run", "report:read"]}
    try:
        return {
            name: await create_key(engine, NewKey(f"whole-{name}", wanted), now=datetime.now(UTC))
            for name, wanted in scopes.items()
        }
    finally:
        await engine.dispose()
