"""A small HTTP client of the service, of the kind a dispatch platform would write: standard library only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

WAIT_SECONDS = 50  # for a job, in one request


class Client:
    """Sends requests with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The JSON answer; of what is a job, that of the job once it is over.

        Raises RuntimeError with the problem document when the service refuses.
        """
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        status, answer = self._send(method, path, raw, {"Content-Type": content_type})
        found = json.loads(answer)
        if status != 202:
            return found
        job = self._over(found)
        return job["result"] if job["location"] is None else self.ask("GET", job["location"])

    def fetch(self, path: str) -> bytes:
        """The bytes of a file, such as a report."""
        status, answer = self._send("GET", path)
        return answer if status != 202 else self.fetch(self._over(json.loads(answer))["location"])

    def _over(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job once it is over. Raises RuntimeError where it did not come to its end."""
        while job["state"] in ("queued", "running"):
            job = json.loads(self._send("GET", f"/v1/jobs/{job['id']}")[1])
        if job["state"] != "done":
            raise RuntimeError(f"job {job['id']}: {job['state']} {job['error']}")
        return job

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        sent = {"Authorization": f"Bearer {self.key}", "Prefer": f"wait={WAIT_SECONDS}", **(headers or {})}
        request = urllib.request.Request(f"{self.url}{path}", body, sent, method=method)  # noqa: S310 - our own URL
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the same
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
