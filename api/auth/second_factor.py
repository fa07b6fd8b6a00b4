"""The second factor: one-time codes by time (TOTP, RFC 6238), each taken once; secrets are sealed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyotp

from meter.database.seal import Seal, seal_from_environment

TOTP_SECONDS = 30


def new_second_factor(name: str) -> tuple[str, str]:
    """Return a fresh secret, and the URI by which an authenticator takes it in."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret, interval=TOTP_SECONDS).provisioning_uri(name=name, issuer_name="suanbu")


def step_of(row: Mapping[str, Any], code: str | None, now: datetime, used: int | None, seal: Seal | None) -> int | None:
    """Return the time step whose code this is (this one or a neighbour) if it is later than the last one used."""
    if not row["totp_secret"] or not code or not code.isascii() or not code.isdigit():
        return None
    totp = pyotp.TOTP(_unsealed(row["totp_secret"], row["name"], seal), interval=TOTP_SECONDS)
    this = int(now.timestamp()) // TOTP_SECONDS
    for step in (this - 1, this, this + 1):
        if step > (used or 0) and secrets.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def sealed(secret: str, name: str, seal: Seal | None) -> str:
    """Return a secret sealed under the person's name. Raises ValueError where there is no key to seal with."""
    return _seal(seal).seal(secret, f"totp {name}")


def uri_of_sealed(kept: str, name: str) -> str:
    """Return the URI of a secret that is kept sealed. Raises CannotUnseal for what was not sealed for this name."""
    totp = pyotp.TOTP(_unsealed(kept, name, None), interval=TOTP_SECONDS)
    return totp.provisioning_uri(name=name, issuer_name="suanbu")


def _unsealed(kept: str, name: str, seal: Seal | None) -> str:
    return _seal(seal).unseal(kept, f"totp {name}")


def _seal(given: Seal | None) -> Seal:
    seal = given or seal_from_environment()
    if seal is None:
        raise ValueError("a second factor needs the sealing key, which lies in the data directory")
    return seal
