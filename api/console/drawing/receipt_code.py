"""The receipt of a line as a QR code, so that a printed page can be compared with the service."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def receipt_code(text: str) -> Markup:
    """Return the code of a text as a picture."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(svgclass="qr", lineclass="qr-line", omitsize=True)
    return Markup(drawn)  # noqa: S704 - made of squares alone: the text does not stand in it


def receipt_svg(text: str) -> str:
    """Return the code of a text as a picture that stands by itself."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", xmldecl=False, border=2)
    return out.getvalue().decode()
