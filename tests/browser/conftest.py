"""Chromium, a service in a process of its own, a province with usage, and people of every role."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.desk import Desk
from tests.support.debian import fonts, program
from tests.support.people import person_of
from tests.support.province import code_of, populate
from tests.support.records import usage
from tests.support.serving import Served, over_http

CITY = "340200"
PEOPLE = {  # name -> role, city
    "财政甲": ("finance", None), "复核乙": ("reviewer", None), "芜湖丙": ("reviewer", CITY),
    "审批丁": ("approver", None),
    "支付戊": ("payer", None), "审计己": ("auditor", None), "运行庚": ("operator", None), "管理辛": ("admin", None),
    "企业壬": ("entity", None),
    "登记壬": ("registrar", None), "登记癸": ("registrar", None),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a screen."""
    fonts("zh-cn", "fonts-noto-cjk")
    path = program("chromium", "chromium")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=str(path), args=as_root)
        yield made
        await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(database: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """A service with usage in it and nothing settled: its address, and the people's second factors."""
    with Served.on(database) as service:
        async with over_http(service.url, database) as door:
            platform = await populate(door)
            ours = code_of(CITY, 1)
            await platform.push(usage("没有这样的设施", facility="nowhere", consumer=ours), usage("无卡", cards=-1))
            secrets = {
                name: await person_of(door, name, role, city, uscc=ours if role == "entity" else None)
                for name, (role, city) in PEOPLE.items()
            }
        yield service.url, secrets


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desks(browser: Browser, served: tuple[str, dict[str, str]]) -> AsyncIterator[dict[str, Desk]]:
    """A window for everybody, logged in."""
    url, secrets = served
    found = {}
    for name, secret in secrets.items():
        found[name] = await Desk.of(browser, url)
        await found[name].log_in(name, secret)
    yield found
    for desk in found.values():
        await desk.close()
