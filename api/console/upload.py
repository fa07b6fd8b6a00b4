"""A form with a file in it: read whole, within its limits, into fields and bytes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.formparsers import MultiPartException, MultiPartParser

from api.console.language.text import phrase
from api.console.sessions import FORM_BYTES, FORM_FIELDS, refusal
from api.http.body_budget import body_budget_of
from api.http.text import all_holdable

UPLOAD_BYTES = 4 * 1024 * 1024 + 16 * 1024  # a file of the bank's, and the fields beside it
NAME_CHARACTERS = 100


async def upload_of(request: Request) -> tuple[dict[str, str], str, bytes]:
    """Read the fields of a form, and the name and contents of the one file in it. Raises PageRefused 413/415/400."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "multipart/form-data":
        raise refusal(415, phrase("提交有误"), phrase("请从页面上的表单提交。"))
    async with body_budget_of(request).body(request, UPLOAD_BYTES) as body:
        whole = bytes(body)

    async def portions() -> AsyncGenerator[bytes, None]:
        yield whole

    try:
        form = await MultiPartParser(
            request.headers, portions(), max_files=1, max_fields=FORM_FIELDS, max_part_size=FORM_BYTES
        ).parse()
    except (MultiPartException, ValueError, KeyError):
        raise refusal(400, phrase("提交有误"), phrase("表单内容无法读取。")) from None
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    files = [value for _, value in form.multi_items() if not isinstance(value, str)]
    if len(fields) + len(files) != len(form.multi_items()) or len(files) != 1 or not all_holdable(fields):
        raise refusal(400, phrase("提交有误"), phrase("请选择一个文件。"))
    name = "".join(letter for letter in (files[0].filename or "") if letter.isprintable())[-NAME_CHARACTERS:]
    return fields, name or phrase("文件"), await files[0].read()
