"""The words of a key file's header: where they stand, and how a watermark and a check sum are written among them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAGIC = 0x0231_5359_454B_4253  # "SBKEYS", version 2
HEADER_BYTES = 4096
BITS, SHIFT, USED, SECRETS, CHECK, BOOT = 1, 2, 3, slice(4, 6), 6, slice(8, 12)
WATERMARKS = (16, 32)  # two, so that one is true while the other is written
DURABLE = 48
WATERMARK_WORDS = 6

Header = npt.NDArray[Any]


def check_of(header: Header) -> int:
    """Return a check sum of the words by which keys are found: were one of them another, every key would seem new."""
    return zlib.crc32(header[[0, BITS, SHIFT, 4, 5]].tobytes()) + 1


def set_watermark(header: Header, place: int, batch: int, digest: bytes) -> None:
    """Write a watermark; it counts as one from the last word on."""
    words = batch.to_bytes(8, "little") + digest
    header[place + 5] = 0  # from here until the last word is written it is not a watermark
    header[place : place + 5] = np.frombuffer(words, np.uint64)
    header[place + 5] = zlib.crc32(words) + 1


def watermark_at(header: Header, place: int) -> tuple[int, bytes] | None:
    """Return the batch and digest of a watermark; None when it is not whole."""
    words = header[place : place + WATERMARK_WORDS].tobytes()
    if zlib.crc32(words[:40]) != int.from_bytes(words[40:], "little") - 1:
        return None
    return int.from_bytes(words[:8], "little"), words[8:40]


def only_what_is_durable(header: Header) -> None:
    """Take back what was written but perhaps not saved: after a start of the machine its pages may be lost."""
    header[WATERMARKS[0] : WATERMARKS[0] + WATERMARK_WORDS] = header[DURABLE : DURABLE + WATERMARK_WORDS]
    header[WATERMARKS[1] : WATERMARKS[1] + WATERMARK_WORDS] = 0


def boot_of_machine() -> bytes:
    """Return 32 bytes that change when the machine starts again: /proc's, because no clock says so reliably."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "").encode()
