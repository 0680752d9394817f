"""What templates may call: asset addresses, the language switch, marks of portals."""

from collections.abc import Callable
from typing import Final, cast
from urllib.parse import quote, urlencode

from flask import Flask, g, request
from flask_babel import get_locale
from jinja2 import pass_context
from jinja2.runtime import Context

from idp.domain.protocol.client import Client
from idp.web.context import services
from idp.web.details import words_of

#: Every text of the templates without variables: by language, and whether it is HTML.
_TEXTS: Final[dict[tuple[str, bool, str], str]] = {}

#: More than the pages have in all languages.
_TEXTS_MAX: Final = 10_000

_TONES: Final = ("", "t", "o", "g")


def init_app(app: Flask) -> None:
    """Give every template its helpers."""
    app.jinja_env.globals.update(in_language=in_language, now=present_time)
    app.jinja_env.filters.update(initials=initials, tone=tone, details_words=words_of)
    gettext = _remembering(cast("Callable[..., str]", app.jinja_env.globals["gettext"]))
    app.jinja_env.globals.update(gettext=gettext, _=gettext)
    app.context_processor(lambda: {"locale": g.get("locale", "id")})
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _remembering(gettext: Callable[..., str]) -> Callable[..., str]:
    """Return Flask-Babel's function for templates, which looks up a text without variables once.

    It finds the catalogue and formats the text anew for each word of a page otherwise.
    """

    @pass_context
    def remembered(context: Context, text: str, /, **variables: object) -> str:
        if variables:
            return gettext(context, text, **variables)
        locale = get_locale()
        language = locale.language if locale is not None else ""
        key = (language, bool(context.eval_ctx.autoescape), text)
        found = _TEXTS.get(key)
        if found is None:
            found = gettext(context, text)
            if len(_TEXTS) < _TEXTS_MAX:
                _TEXTS[key] = found
        return found

    return remembered


def present_time() -> int:
    """Return the app's time."""
    return services().clock.now()


def in_language(code: str) -> str:
    """Return this page's address in another language; the waiting request stays in it."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    # a path that begins with two slashes would name another host
    path = "/" + quote(request.path.lstrip("/"))
    return f"{path}?{urlencode([*kept, ('lang', code)])}"


def initials(name: str) -> str:
    """Return up to two letters that stand for a logo."""
    words = [word for word in name.replace("(", " ").split() if word[:1].isalnum()]
    if len(words) > 1:
        return (words[0][0] + words[1][0]).upper()
    return (words[0][:2] if words else "?").upper()


def tone(client: Client) -> str:
    """Return one of four colours, the same for a client every time."""
    return _TONES[sum(client.client_id.encode()) % len(_TONES)]
