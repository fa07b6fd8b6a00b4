"""Somebody in front of Chromium: logs in, clicks, fills in, and is told what the page says."""

from __future__ import annotations

import time
from dataclasses import dataclass

from playwright.async_api import Browser, BrowserContext, Page, TimeoutError

from api.auth.second_factor import TOTP_SECONDS
from tests.support.people import PASSWORD, code_of


@dataclass
class Desk:
    """A browser window of one person."""

    page: Page
    context: BrowserContext
    url: str
    secret: str = ""

    @classmethod
    async def of(cls, browser: Browser, url: str) -> Desk:
        """Open a window in which nobody has logged in."""
        context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
        context.set_default_timeout(30_000)
        return cls(await context.new_page(), context, url)

    async def log_in(self, name: str, secret: str, password: str = PASSWORD) -> None:
        """Fill in the login form as a person does."""
        self.secret = secret
        await self.page.goto(f"{self.url}/console")
        await self.page.get_by_label("用户名").fill(name)
        await self.page.get_by_label("密码", exact=True).fill(password)
        await self.page.get_by_label("动态口令").fill(code_of(secret))
        await self.page.get_by_role("button", name="登录").click()
        await self.page.get_by_role("button", name="退出").wait_for()

    async def go(self, path: str) -> None:
        """Open a page by its address."""
        answer = await self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    async def click(self, name: str) -> None:
        """Follow the link or press the button of this name."""
        wanted = self.page.get_by_role("link", name=name, exact=True).or_(
            self.page.get_by_role("button", name=name, exact=True)
        )
        try:
            await wanted.first.click()
        except TimeoutError:
            shown = await self.page.locator("main").inner_text()
            raise AssertionError(f"{self.page.url} has nothing called {name}: {shown}") from None

    async def prove(self) -> None:
        """Show password and code again, where the page asks for them; a code is taken once, so this waits for one."""
        code = self.page.get_by_label("动态口令", exact=True)
        if await code.count():
            await self.page.get_by_label("密码", exact=True).fill(PASSWORD)
            await self.page.wait_for_timeout(1000 * (TOTP_SECONDS - int(time.time()) % TOTP_SECONDS))
            await code.fill(code_of(self.secret))

    async def says(self, text: str) -> None:
        """Wait until the page says something."""
        await self.page.get_by_text(text).first.wait_for()

    async def close(self) -> None:
        """Shut the window."""
        await self.context.close()
