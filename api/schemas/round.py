"""The rounds (兑现批次): window, rules, parameters, and where each of them stands."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.base import Answer
from api.schemas.page import page_model
from api.schemas.values import Day, Instant, RoundId, Sha256


class Passage(Answer):
    """Where a value stands: document, article and quote; or `ext`, why it is taken though it stands in none."""

    document: Annotated[str | None, Field(examples=["S3"])] = None
    article: Annotated[str | None, Field(examples=["六（一）"])] = None
    quote: Annotated[str | None, Field(examples=["申报补助兑现的须为2025年8月16日—2026年4月15日期间"])] = None
    ext: str | None = None


class Window(Answer):
    """The days of a round, `to` exclusive."""

    from_: Annotated[Day, Field(alias="from", examples=["2025-08-16"])]
    to: Annotated[Day, Field(examples=["2026-04-16"])]
    source: Passage | None


class PolicyDocument(Answer):
    """A document that a round quotes."""

    key: Annotated[str, Field(examples=["S3"])]
    title: Annotated[str, Field(examples=["关于组织兑现工作的通知"])]
    issuer: Annotated[str, Field(examples=["安徽省科学技术厅"])]
    published: Day | None


class RoundRule(Answer):
    """A rule of a round with its parameters; exact numbers are strings."""

    rule: Annotated[str, Field(examples=["R-CAP20"])]
    title: Annotated[str, Field(examples=["补助比例上限"])]
    parameters: Annotated[dict[str, Any], Field(examples=[{"ceiling": "1/5"}])]
    source: Passage


class Deadline(Answer):
    """A moment of the procedure."""

    name: Annotated[str, Field(examples=["submission"])]
    title: Annotated[str, Field(examples=["各市报送省政务中心"])]
    at: Instant
    edge: Annotated[str, Field(examples=["before"])]
    source: Passage


class Gap(Answer):
    """Days of the window that no round covers, and why."""

    from_: Annotated[Day, Field(alias="from")]
    to: Day
    reason: Annotated[str, Field(examples=["no notice covers these days"])]


class Round(Answer):
    """A round; `text` is the file itself."""

    id: RoundId
    title: Annotated[str, Field(examples=["2026年兑现"])]
    edition: Annotated[str, Field(examples=["1.0"])]
    draft: Annotated[bool, Field(examples=[False])]
    window: Window | None
    documents: list[PolicyDocument]
    rules: list[RoundRule]
    deadlines: list[Deadline]
    gaps: Annotated[list[Gap], Field(examples=[[]])]
    sha256: Sha256
    text: Annotated[str, Field(examples=['id = "anhui-2026"'])]


RoundPage = page_model(Round)
