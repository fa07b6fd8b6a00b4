"""A small HTTP client of the service, of the kind a dispatch platform would write: standard library only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


class Client:
    """Sends requests with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The JSON answer. Raises RuntimeError with the problem document when the service refuses."""
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": content_type}
        request = urllib.request.Request(f"{self.url}{path}", raw, headers, method=method)  # noqa: S310 - our own URL
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def fetch(self, path: str) -> bytes:
        """The bytes of a file, such as a report."""
        headers = {"Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"{self.url}{path}", headers=headers)  # noqa: S310 - our own URL
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
            found: bytes = answer.read()
            return found
