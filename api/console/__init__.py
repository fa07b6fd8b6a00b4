"""The console: pages in Chinese for finance staff and operators, read only, behind a login.

In: a session cookie, a page's address and filters. Out: HTML without any script, reports as files.
Always: every answer carries a strict content security policy, money is never cached, every text is escaped.
Does not own: what a settlement is (the settlement does) or who people are (api/people.py does).
"""

from api.console.pages import ROUTER

__all__ = ["ROUTER"]
