"""A person with a browser without script, between portals and the provider on real HTTP."""

import re
from collections.abc import Callable, Mapping
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

STEPS_MAX = 25

Habit = Callable[[], dict[str, str]]


class Person:
    """Fills in the provider's pages as far as there is a habit for their path.

    `code`: where a code sent by SMS or e-mail is read.
    """

    def __init__(self, account: Mapping[str, Any], code: Callable[[], str] | None = None) -> None:
        self.browser = httpx.Client(trust_env=False, timeout=20)
        self.habits: dict[str, Habit] = {
            "/masuk": lambda: {
                "identifier": account["email"],
                "password": account["password"],
            },
            "/izin": lambda: {"decision": "allow"},
        }
        if code is not None:
            self.habits["/masuk/metode"] = lambda: {"channel": "email"}
            self.habits["/masuk/kode"] = lambda: {"code": code()}

    def open(self, url: str, *, until: str | None = None) -> httpx.Response:
        """Go where redirects and habits lead; stop at a page, or before an URL that begins so."""
        return self._go_on(self.browser.get(url), until)

    def send(self, page: httpx.Response, *, to: str, **fields: str) -> httpx.Response:
        """Send the page's form to the path `to` with these fields, and go on."""
        return self._go_on(self._submit(page, fields, to), None)

    def _go_on(self, response: httpx.Response, until: str | None) -> httpx.Response:
        for _ in range(STEPS_MAX):
            if response.is_redirect:
                there = urljoin(str(response.url), response.headers["Location"])
                if until is not None and there.startswith(until):
                    return response
                response = self.browser.get(there)
                continue
            habit = self.habits.get(urlsplit(str(response.url)).path)
            if habit is None or response.status_code != 200:
                return response
            response = self._submit(response, habit())
        raise AssertionError(f"no end after {STEPS_MAX} pages: {response.url}")

    def _submit(
        self, page: httpx.Response, fields: Mapping[str, str], to: str | None = None
    ) -> httpx.Response:
        action, hidden = read_form(page, fields, to)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(str(page.url)))
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        return self.browser.post(action, data={**hidden, **fields}, headers=headers)

    def close(self) -> None:
        self.browser.close()


def read_form(
    page: httpx.Response, fields: Mapping[str, str], to: str | None = None
) -> tuple[str, dict[str, str]]:
    """Return address and hidden fields of the first form with these fields, or to this path."""
    for attributes, inside in re.findall(r"<form\b([^>]*)>(.*?)</form>", page.text, re.S):
        names = set(re.findall(r'\bname="([^"]*)"', inside))
        there = urljoin(str(page.url), unescape(_attribute(attributes, "action")))
        if not set(fields) <= names or to not in {None, urlsplit(there).path}:
            continue
        hidden = {
            unescape(_attribute(tag, "name")): unescape(_attribute(tag, "value"))
            for tag in re.findall(r"<input\b[^>]*>", inside)
            if 'type="hidden"' in tag
        }
        return there, hidden
    raise AssertionError(f"no form with {sorted(fields)} on {page.url}: {page.text[:2000]}")


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return found[1] if found else ""
