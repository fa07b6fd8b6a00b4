"""The console: pages in Chinese behind a login, where settlements are read, reviewed, approved and locked.

In: a session cookie, a page's address and filters, forms. Out: HTML without any script, reports as files.
Always: every answer carries a strict content security policy, money is never cached, every text is escaped; a form is
taken from the page that showed it only; a decision goes through the same door as the API's (api/actions/decisions.py).
Does not own: what a settlement is (the settlement does) or who people are (api/auth/people.py does).
"""

from api.console.router import ROUTER

__all__ = ["ROUTER"]
