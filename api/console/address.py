"""Addresses to come back to: pages of the console and nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from api.console.sections import HOME


def here_of(request: Request) -> str:
    """Return the page that a request stands on: its own address, or for a form the page it was sent from."""
    if request.method in ("GET", "HEAD"):
        path = request.scope.get("raw_path") or request.url.path.encode()
        return local_path(path.decode("latin-1") + (f"?{request.url.query}" if request.url.query else ""))
    sent_from = urlsplit(request.headers.get("referer", ""))
    return local_path(sent_from.path + (f"?{sent_from.query}" if sent_from.query else ""))


def local_path(wanted: str | None) -> str:
    """Return where to go after the login: a page of the console and nothing else."""
    path = wanted or HOME
    parts = urlsplit(path)
    plain = path.isascii() and path.isprintable() and "\\" not in path
    inside = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    return path if plain and inside and not parts.scheme and not parts.netloc and ".." not in path else HOME
