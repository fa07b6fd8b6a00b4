"""A browser at the console: keeps cookies, follows links of pages, submits forms as they stand in the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx
from fastapi import FastAPI

from api.console import ROUTER
from api.console.check_queries import checks_of
from api.console.overview_queries import overview_of
from api.console.queries import queries_of
from api.console.run_queries import runs_of
from api.console.sessions import SESSION_COOKIE
from api.http import problem
from api.http.body_budget import BodyBudget
from api.http.request_log import Logged
from tests.console.fake import FakeQueries
from tests.console.fake_checks import FakeChecks
from tests.console.fake_overview import FakeOverview
from tests.console.fake_runs import FakeRuns

HOST = "suanbu.test"


def application(queries: FakeQueries) -> FastAPI:
    """The console alone, over answers from memory."""
    app = FastAPI()
    app.add_middleware(Logged)
    app.state.body_budget = BodyBudget()
    problem.install(app)
    app.include_router(ROUTER)
    app.dependency_overrides[queries_of] = lambda: queries
    app.dependency_overrides[runs_of] = lambda: FakeRuns(queries)
    app.dependency_overrides[checks_of] = lambda: FakeChecks(queries)
    app.dependency_overrides[overview_of] = lambda: FakeOverview(queries)
    return app


@dataclass
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a page is made of: its text, links, forms, and every address it makes a browser ask for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.text = ""
        self.links: list[str] = []
        self.asked_for: list[str] = []
        self.forms: list[Form] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        elif tag in ("input", "select", "button") and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        self.asked_for += [
            given[name] for name in ("src", "href") if name in given and tag in ("link", "img", "script")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


@dataclass
class ConsoleSession:
    """Somebody in front of a browser."""

    client: httpx.AsyncClient
    queries: FakeQueries

    async def page(self, path: str, status: int = 200) -> Page:
        """A page that must have this status."""
        response = await self.client.get(path)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        return Page(response.text)

    async def log_in(
        self, name: str, password: str | None = None, path: str = "/console/login", code: str = ""
    ) -> httpx.Response:
        """Fill in the login form and submit it; the password is the name twice unless another is given."""
        form = (await self.page(path)).forms[0]
        fields = {**form.fields, "name": name, "password": name * 2 if password is None else password, "code": code}
        return await self.client.post(form.action, data=fields)

    def be_logged_in_as(self, name: str) -> None:
        """Be logged in as somebody."""
        self.hold(self.queries.session_of(name))

    def hold(self, session: str) -> None:
        """Have this session in the pocket."""
        self.client.cookies.set(SESSION_COOKIE, session, domain=HOST, path="/console")


def browser(queries: FakeQueries, scheme: str = "http") -> httpx.AsyncClient:
    """A browser of its own, with empty pockets."""
    transport = httpx.ASGITransport(application(queries))
    return httpx.AsyncClient(transport=transport, base_url=f"{scheme}://{HOST}")
