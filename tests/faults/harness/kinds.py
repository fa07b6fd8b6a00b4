"""The kinds of faults: what is killed and how, and what the network does; each leaves a count of what it hit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable

from tests.faults.harness.processes import children, wait_until_gone
from tests.faults.harness.supervisor import Supervisor

Fault = Callable[[Supervisor, random.Random], Awaitable[None]]
WORKER, JOB = b"spawn_main", b"api.jobs.child"


async def worker(it: Supervisor, chance: random.Random) -> None:
    """Kill one worker of the service."""
    os.kill(chance.choice(await _some(it.served.pid, WORKER)), signal.SIGKILL)


async def service(it: Supervisor, _: random.Random) -> None:
    """Kill the service with all its processes, and start it again."""
    await asyncio.to_thread(it.served.kill)
    await it.restart_service()


async def parent(it: Supervisor, _: random.Random) -> None:
    """Kill only the process that looks after the workers: they must end with it, and the next start finds the port."""
    family = children(it.served.pid)
    os.kill(it.served.pid, signal.SIGKILL)
    left = await asyncio.to_thread(wait_until_gone, family)
    assert left == [], "workers outlived their parent"
    it.served.kill()  # nothing is left to kill: its end is waited for
    await it.restart_service()


async def job_process(it: Supervisor, _: random.Random) -> None:
    """Kill a process in which jobs run."""
    os.kill((await _some(it.served.pid, JOB))[0], signal.SIGKILL)


async def payout_job(it: Supervisor, _: random.Random) -> None:
    """Kill the payout job; who keeps it starts it again."""
    assert it.payments
    await it.payments.kill()


async def client(it: Supervisor, chance: random.Random) -> None:
    """Kill a client: what it had under way it sends again from its journal."""
    assert it.clients
    name = chance.choice(it.clients.names)
    it.clients.kill(name)
    it.clients.start(name)


async def backend(it: Supervisor, chance: random.Random) -> None:
    """Kill one process of PostgreSQL that serves a connection: the server throws all others out and recovers."""
    for _ in range(100):
        if found := it.backends():
            break
        await asyncio.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(chance.choice(found), signal.SIGKILL)


async def postmaster(it: Supervisor, _: random.Random) -> None:
    """Kill PostgreSQL's first process."""
    await it.kill_server(whole=False)


async def server(it: Supervisor, _: random.Random) -> None:
    """Kill all of PostgreSQL in one moment."""
    await it.kill_server(whole=True)


async def everything(it: Supervisor, chance: random.Random) -> None:
    """Kill service, database and payout job in one moment, as when the machine stops."""
    it.served.kill()
    await it.kill_server(whole=True)
    await payout_job(it, chance)
    await it.restart_service()


KILLS: dict[str, Fault] = {
    "worker": worker, "service": service, "parent": parent, "job process": job_process, "payout job": payout_job,
    "client": client, "backend": backend, "postmaster": postmaster, "server": server, "everything": everything,
}  # fmt: skip
SHARES = {
    "worker": 4, "client": 4, "backend": 4, "postmaster": 4, "server": 4, "payout job": 3, "job process": 2,
    "service": 1, "parent": 1, "everything": 1,
}  # fmt: skip
"""How often each is planned beside the others."""


def planned(kills: int, chance: random.Random) -> list[str]:
    """So many kills: every kind of them, where they are that many, and then by their shares."""
    once = chance.sample(list(KILLS), len(KILLS))[:kills]
    more = chance.choices(list(SHARES), weights=list(SHARES.values()), k=kills - len(once))
    return chance.sample(once + more, kills)


async def delay(it: Supervisor, chance: random.Random) -> None:
    """Let every answer of the server come late for a second or two."""
    it.proxy.delay_seconds = 0.02 + 0.1 * chance.random()
    await asyncio.sleep(1 + chance.random())
    it.proxy.delay_seconds = 0.0


def black_hole(seconds: float) -> Fault:
    """Swallow everything for a while, without a word to anybody."""

    async def swallow(it: Supervisor, _: random.Random) -> None:
        it.proxy.flowing.clear()
        await asyncio.sleep(seconds)
        it.proxy.flowing.set()

    return swallow


async def reset(it: Supervisor, _: random.Random) -> None:
    """Reset every connection."""
    it.proxy.reset()


async def half_close(it: Supervisor, _: random.Random) -> None:
    """Close the half of every connection on which the server speaks."""
    it.proxy.half_close()


def networks(seconds: float) -> dict[str, Fault]:
    """What a network does."""
    return {"delay": delay, "black hole": black_hole(seconds), "reset": reset, "half-close": half_close}


async def _some(pid: int, mark: bytes) -> list[int]:
    """Children of a process with a mark; one that was just killed is being started again."""
    for _ in range(400):
        if found := children(pid, mark):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"no process {mark!r}")
