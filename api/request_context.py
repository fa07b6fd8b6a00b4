"""What routes ask of a request: the running service, and who is calling."""

from __future__ import annotations

from fastapi import Request

from api.auth.keys import Caller
from api.service import Service


def service_of(request: Request) -> Service:
    """Return the service of this worker."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


async def as_caller(request: Request) -> Caller:
    """Return who sends the request, by the key in its Authorization header. Raises Problem 401."""
    return await service_of(request).keys.caller(request.headers.get("authorization"), request)
