"""Traces by OpenTelemetry, where the extra `suanbu[otel]` is installed and OTEL_ variables say where they go.

Otherwise nothing of it is loaded. A span says method, route, status, source, counts and SQL; no query, body, key or
parameter of a statement is in it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog

WHERE: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_UNSAID: Final = {"record_exception": False, "set_status_on_exception": False}
"""What an error says may be what somebody sent; that there was one is said all the same."""
SECOND_NANOSECONDS: Final = 1_000_000_000
LOG = structlog.get_logger("suanbu")
_tracer: Any = None
_provider: Any = None


def asked_for(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the environment says where traces go and does not turn them off."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() or "otlp"
    return not off and exporter == "otlp" and any(environment.get(name, "").strip() for name in WHERE)


def begin(part: str) -> None:
    """Begin to trace this process, where that is asked for; `part` names it where OTEL_SERVICE_NAME does not."""
    global _tracer, _provider
    if not asked_for() or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        LOG.warning("OTEL_ variables ask for traces, and suanbu[otel] is not installed: there are none")
        return
    named = Resource.create({} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": part})
    _provider = TracerProvider(resource=named)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    AsyncPGInstrumentor().instrument(tracer_provider=_UnderAnother(_provider))
    _tracer = _provider.get_tracer("suanbu")


def end() -> None:
    """Send what has not been sent yet."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def span(name: str, headers: Sequence[tuple[bytes, bytes]] | None = None, **attributes: Any) -> Iterator[Any]:
    """Trace what the block does, and have its trace id in the log meanwhile; gives None where nothing is traced.

    `headers` are those of a request, whose sender may have begun the trace (W3C traceparent).
    """
    if _tracer is None:
        yield None
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, StatusCode

    before = extract({key.decode("latin-1"): value.decode("latin-1") for key, value in headers}) if headers else None
    kind = SpanKind.INTERNAL if headers is None else SpanKind.SERVER
    with (
        _tracer.start_as_current_span(name, before, kind, attributes, **_UNSAID) as made,
        structlog.contextvars.bound_contextvars(trace_id=f"{made.get_span_context().trace_id:032x}"),
    ):
        try:
            yield made
        except BaseException:
            made.set_status(StatusCode.ERROR)
            raise


def span_of_the_last(seconds: float, name: str) -> None:
    """Trace what has just ended after so many seconds, and began in nobody's name."""
    if _tracer is not None:
        now = time.time_ns()
        _tracer.start_span(name, start_time=now - int(seconds * SECOND_NANOSECONDS)).end(now)


class _UnderAnother:
    """A provider for the driver's statements, and its tracer: one that belongs to no request or job is not traced.

    The service looks into its database all the time, and these spans would be most of all.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace import NoOpTracer

        self._provider, self._inner, self._silent = provider, None, NoOpTracer()

    def get_tracer(self, *given: Any, **named: Any) -> _UnderAnother:
        """Return a tracer that starts no trace."""
        made = _UnderAnother(self._provider)
        made._inner = self._provider.get_tracer(*given, **named)
        return made

    def start_as_current_span(self, *given: Any, **named: Any) -> Any:
        """Return the span of a statement, or one that is nowhere."""
        from opentelemetry.trace import get_current_span

        tracer = self._inner if get_current_span().get_span_context().is_valid else self._silent
        assert tracer is not None, "a provider is no tracer"
        return tracer.start_as_current_span(*given, **named | _UNSAID)
