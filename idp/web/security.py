"""What stands on every answer, and what every unsafe request must show."""

from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

from flask import Flask, Response, abort, g, request

from idp.domain.ids import decode_base64url, encode_base64url
from idp.web.context import admin_here, cookie_name, flow, services, signed_in, web_settings
from idp.web.front import body_limit
from idp.web.headers import page_headers

#: As long as a registration goes on (docs/decisions/flow-cookie.md).
FLOW_SECONDS: Final = 1800
LANGUAGE_SECONDS: Final = 365 * 86400
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FIELDS_MAX: Final = 100
_MULTIPART: Final = "multipart/form-data"
#: What people's browsers send; an empty type comes with an empty body.
_FORM_TYPES: Final = frozenset({"application/x-www-form-urlencoded", _MULTIPART, ""})
#: Blueprints whose requests are forms.
_FORMS: Final = frozenset({"citizen", "partner", "portal", "admin"})

_NONCE_BYTES: Final = 16


def init_app(app: Flask) -> None:
    """Look at what kind of body comes; put headers and cookies on every answer."""
    app.before_request(_check_body)
    app.after_request(_finish)


def _check_body() -> None:
    """Refuse a form in any other dress than an HTML form's, or with too many fields (IN-1, IN-2).

    Counted before parsing; parts of a multipart form are counted by Flask itself.
    """
    if request.method in SAFE_METHODS or request.blueprint not in _FORMS:
        return
    request.max_content_length = request.max_form_memory_size = body_limit(request.path)
    if request.mimetype not in _FORM_TYPES:
        abort(415)
    if request.mimetype != _MULTIPART and request.get_data().count(b"&") >= FIELDS_MAX:
        abort(413)


def may_leave_to(*schemes: str) -> None:
    """Let this page's form end at a portal.

    Chromium checks `form-action` along the whole chain of redirects, also beyond the portal's first
    address, so the page of a waiting client allows https and the client's own scheme.
    """
    allowed = ["'self'", "https:", *(f"{scheme}:" for scheme in schemes if scheme)]
    if not web_settings().is_production:
        allowed += ["http://localhost:*", "http://127.0.0.1:*"]
    g.form_action = " ".join(dict.fromkeys(allowed))


def is_same_origin() -> bool:
    """Return whether the browser says that our own page sent this request.

    `Sec-Fetch-Site` decides where there is one, else `Origin`; a client that sends neither is no
    browser that could be misled, and still needs the form's token.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is None or origin == web_settings().issuer


def make_form_token() -> str:
    """Return a token for one rendered form: a submission id and its MACs over this browser.

    Bound to the session, or before sign-in to the browser. Where somebody is signed in it is also
    bound to browser and person, so that it outlives a new session of the same person, who may have
    signed in again in another tab; a form that shows one person's data is never sent as another's.
    """
    nonce = services().entropy.bytes(_NONCE_BYTES)
    key = services().vault.keys("csrf")[0]
    bindings = [request.cookies.get(cookie_name(_session())) or flow(), *_person_here()]
    return encode_base64url(nonce + b"".join(_mac(nonce, binding, key) for binding in bindings))


def check_form_token(token: str) -> bytes | None:
    """Return the submission id of a token made for this browser, `None` for any other."""
    try:
        value = decode_base64url(token)
    except ValueError:
        return None
    if len(value) not in {2 * _NONCE_BYTES, 3 * _NONCE_BYTES}:
        return None
    nonce, first, second = (
        value[at : at + _NONCE_BYTES] for at in (0, _NONCE_BYTES, 2 * _NONCE_BYTES)
    )
    cookies = [request.cookies.get(cookie_name(name)) for name in (_session(), "flow")]
    if _fits(first, nonce, *filter(None, cookies)):
        return nonce
    return nonce if second and _fits(second, nonce, *_person_here()) else None


def _fits(mac: bytes, nonce: bytes, *bindings: str) -> bool:
    return any(
        compare_digest(mac, _mac(nonce, binding, key))
        for key in services().vault.keys("csrf")
        for binding in bindings
    )


def _session() -> str:
    """Return the cookie of the session to which this page's forms belong: the console's is own."""
    return "asid" if request.blueprint == "admin" else "sid"


def _person_here() -> tuple[str, ...]:
    """Return the binding to this browser and whoever is signed in, none where nobody is."""
    if request.blueprint == "admin":
        here = admin_here()
        return (f"{flow()}\nadmin {here.admin.id.hex}",) if here is not None else ()
    found = signed_in()
    return (f"{flow()}\n{found[1].id.hex}",) if found is not None else ()


def _mac(nonce: bytes, binding: str, key: bytes) -> bytes:
    return hmac_digest(key, nonce + binding.encode(), sha256)[:_NONCE_BYTES]


def set_cookie(response: Response, name: str, value: str, *, max_age: int | None) -> None:
    """Set one of our cookies; nothing outside this module does."""
    response.set_cookie(
        cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        secure=web_settings().is_secure,
        httponly=True,
        samesite="Lax",
    )


def expire_cookie(response: Response, name: str) -> None:
    """Take one of our cookies back."""
    response.delete_cookie(
        cookie_name(name),
        path="/",
        secure=web_settings().is_secure,
        httponly=True,
        samesite="Lax",
    )


def _finish(response: Response) -> Response:
    headers = response.headers
    # once, and not by `setdefault` for each of ours, which searches the list twice (`make bench`)
    given = {name.lower() for name, _ in headers}
    form_action = g.get("form_action", "'self'")
    for name, value in page_headers(is_secure=web_settings().is_secure, form_action=form_action):
        if name.lower() not in given:
            headers.add(name, value)
    is_static = request.endpoint == "static" and response.status_code < 400
    if not is_static and "cache-control" not in given:
        headers.add("Cache-Control", "no-store")
    if request.endpoint != "static":
        if g.get("flow"):
            # renewed with every page, so that a registration can be resumed for its 30 minutes
            set_cookie(response, "flow", g.flow, max_age=FLOW_SECONDS)
        if g.get("new_lang"):
            set_cookie(response, "lang", g.new_lang, max_age=LANGUAGE_SECONDS)
    return response


def begin_session(response: Response, cookie: str) -> None:
    """Give the browser its session; it ends with the browser, or on the server."""
    set_cookie(response, "sid", cookie, max_age=None)


def begin_admin_session(response: Response, cookie: str) -> None:
    """Give the browser its session in the console; it ends with the browser, or on the server."""
    set_cookie(response, "asid", cookie, max_age=None)


def remember_device(response: Response, cookie: str) -> None:
    """Give the browser the name under which an account knows it."""
    set_cookie(response, "device", cookie, max_age=web_settings().device_seconds)
