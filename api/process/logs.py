"""What the process writes to standard error: one line an event, for people or (SUANBU_LOG_FORMAT=json) for programs."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

FORMAT, LEVEL = "SUANBU_LOG_FORMAT", "SUANBU_LOG_LEVEL"
FORMATS: Final = ("console", "json")
LEVELS: Final = ("debug", "info", "warning", "error")
_MOMENT: Final = structlog.processors.TimeStamper(fmt="iso", utc=True)
_SHARED: Final[tuple[Any, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    _MOMENT,
    structlog.stdlib.ExtraAdder(),
)


_ACCESS: Final = "suanbu.access"
_requests: Any = structlog.get_logger(_ACCESS)


def log_request(**said: Any) -> None:
    """Write the line of one request; where nobody reads the log any more, the request is answered all the same."""
    with contextlib.suppress(OSError, ValueError):
        _requests.info("request", **said)


def write_logs(stream: TextIO | None = None) -> None:
    """Have all that is logged, whoever logs it, written in one way. Raises ValueError for a setting that is none."""
    form, level = os.environ.get(FORMAT, "console").lower(), os.environ.get(LEVEL, "info").lower()
    if form not in FORMATS:
        raise ValueError(f"{FORMAT} is one of {', '.join(FORMATS)}")
    if level not in LEVELS:
        raise ValueError(f"{LEVEL} is one of {', '.join(LEVELS)}")
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Any]
    if form == "json":
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    _write_requests(stream or sys.stderr, level, last)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=list(_SHARED),
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in ("uvicorn", "alembic"):
        logging.getLogger(name).setLevel("WARNING")


def _write_requests(stream: TextIO, level: str, last: list[Any]) -> None:
    """Have the line of a request written as every other is, past the library that knows handlers and callers.

    There is one for every record that is sent alone, and what it takes is taken from the next.
    """
    global _requests

    def named(_: Any, __: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        return {**event, "level": "info", "logger": _ACCESS}

    _requests = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[structlog.contextvars.merge_contextvars, named, _MOMENT, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    ).bind()
