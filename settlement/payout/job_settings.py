"""What `suanbu payout run` is told: one TOML file with a gateway, or options of the command line; nothing unknown."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from settlement.payout.bank_http import HttpBank
from settlement.payout.batch_files import BatchFiles
from settlement.payout.batch_format import ENCODINGS
from settlement.payout.folder import Folder
from settlement.payout.gateways import BatchGateway, Gateway, HttpGateway, SingleFileGateway
from settlement.payout.instructions import CLAIM_MAX

GATEWAYS: Final = ("http", "batch", "exchange")
_JOB: Final[Mapping[str, type]] = {
    "gateway": str, "worker": str, "limit": int, "every_seconds": int, "metrics_port": int, "http": dict,
    "batch": dict, "exchange": dict,
}  # fmt: skip
_PARTS: Final[Mapping[str, Mapping[str, type]]] = {
    "http": {
        "url": str, "token_file": str, "timeout_seconds": int, "purpose": str, "ca_file": str, "certificate_file": str,
        "key_file": str, "resend_after_hours": int, "follow_days": int, "follow_every_seconds": int,
    },
    "batch": {"folder": str, "encoding": str, "purpose": str, "ask_after_hours": int},
    "exchange": {"folder": str},
}  # fmt: skip


class SettingsRefused(ValueError):
    """The settings cannot be used; the text says what is wrong with them."""


@dataclass(frozen=True)
class JobSettings:
    """How the job works: through which gateway, under which name, how much a pass, how often."""

    gateway: Gateway
    kind: str
    worker: str = "payout-job"
    limit: int = 100
    every_seconds: int | None = None
    metrics_port: int | None = None

    @property
    def needs_release(self) -> bool:
        """Whether it pays only what two people released."""
        return self.kind != "exchange"


def read_settings(path: Path, more: Mapping[str, Any]) -> JobSettings:
    """Read a TOML file; what else is stated (and not None) goes before what it says. Raises SettingsRefused."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsRefused(f"{path}: {error}") from None
    return settings_of(given | {name: value for name, value in more.items() if value is not None})


def settings_of(given: Mapping[str, Any]) -> JobSettings:
    """Make settings of what a file or the command line says. Raises SettingsRefused."""
    _check("", given, _JOB)
    kind = given.get("gateway")
    if kind not in GATEWAYS:
        raise SettingsRefused(f"gateway is one of {', '.join(GATEWAYS)}")
    part = given.get(kind, {})
    _check(f"{kind}.", part, _PARTS[kind])
    limit = given.get("limit", 100)
    if not 1 <= limit <= CLAIM_MAX:
        raise SettingsRefused(f"limit lies between 1 and {CLAIM_MAX}")
    worker = given.get("worker", "payout-job")
    if not 1 <= len(worker) <= 64:
        raise SettingsRefused("worker has 1 to 64 characters")
    makers: Mapping[str, Callable[[Mapping[str, Any]], Gateway]] = {
        "http": _http, "batch": _batch, "exchange": _exchange,
    }  # fmt: skip
    made = makers[kind](part)
    return JobSettings(made, kind, worker, limit, given.get("every_seconds"), given.get("metrics_port"))


def _check(where: str, given: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for name, value in given.items():
        if name not in known:
            raise SettingsRefused(f"there is no setting {where}{name}")
        if type(value) is not known[name] or (isinstance(value, int) and value < 1):
            raise SettingsRefused(f"{where}{name} is {known[name].__name__}, and a number above 0")


def _http(part: Mapping[str, Any]) -> HttpGateway:
    url = urlsplit(part.get("url", ""))
    local = url.hostname in ("127.0.0.1", "::1", "localhost")
    if not url.hostname or not (url.scheme == "https" or (url.scheme == "http" and local)) or url.query or url.username:
        raise SettingsRefused("http.url is an https address (http only on this machine), without user, key or query")
    try:
        token = Path(part["token_file"]).read_text(encoding="ascii").strip() if "token_file" in part else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"http.token_file: {error}") from None
    bank = HttpBank(
        part["url"], token, part.get("timeout_seconds", 10), part.get("purpose", "算力补助"),
        *(Path(part[name]) if name in part else None for name in ("ca_file", "certificate_file", "key_file")),
    )  # fmt: skip
    return HttpGateway(
        bank,
        timedelta(hours=part.get("resend_after_hours", 24)),
        timedelta(days=part.get("follow_days", 30)),
        timedelta(seconds=part.get("follow_every_seconds", 3600)),
    )


def _batch(part: Mapping[str, Any]) -> BatchGateway:
    encoding = part.get("encoding", "utf-8")
    if encoding not in ENCODINGS:
        raise SettingsRefused(f"batch.encoding is {' or '.join(ENCODINGS)}")
    folder = Folder(Path(part.get("folder", "bank")))
    return BatchGateway(
        BatchFiles(folder, encoding, part.get("purpose", "算力补助"), timedelta(hours=part.get("ask_after_hours", 24)))
    )


def _exchange(part: Mapping[str, Any]) -> SingleFileGateway:
    return SingleFileGateway(Path(part.get("folder", "bank")))
