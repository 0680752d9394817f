"""Portals' logos: fetched once, drawn anew, shown from our own address (contract 6.21)."""

import re
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image, PngImagePlugin

from adapters.images import PillowImages
from idp.app import Application
from idp.ports.images import NoImage
from tests.dynamic import Registration, a_registration
from tests.key_server import KeyServer, running_key_server
from tests.portal import Portal, a_portal, an_account, sign_in

SHOWN = re.compile(r'<img class="lg" src="(/logo/[^"]+)"')
MARKER = b"penanda-rahasia"


def a_picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB") -> bytes:
    """Return a picture of one colour, with something in it that must not go out."""
    picture = Image.new(mode, size, "red" if mode in {"RGB", "RGBA"} else 0)
    written = BytesIO()
    more: dict[str, Any] = {}
    if kind == "PNG":
        more["pnginfo"] = PngImagePlugin.PngInfo()
        more["pnginfo"].add_text("Comment", MARKER.decode())
    elif kind in {"JPEG", "GIF"}:
        more["comment"] = MARKER
    picture.save(written, kind, **more)
    return written.getvalue()


@pytest.fixture
def publishing() -> Iterator[KeyServer]:
    """The portal's own web server."""
    with running_key_server() as server:
        server.raw = a_picture()
        yield server


@pytest.fixture
def app(make_app: Callable[..., Application], publishing: KeyServer) -> Application:
    return make_app(
        SIAPKERJA_FETCH_PRIVATE_HOSTS=publishing.host,
        SIAPKERJA_OAUTH_REGISTRATION="open",
        SIAPKERJA_LIMITS_FACTOR="1000",
    )


@pytest.fixture
def registration(app: Application, browser: FlaskClient, publishing: KeyServer) -> Registration:
    return a_registration(app, browser, logo_uri=f"http://{publishing.host}/logo.png")


def login_page(portal: Portal) -> str:
    visitor = portal.app.test_client()
    return visitor.get(visitor.get(portal.authorization_url()).headers["Location"]).text


def shown(page: str) -> str | None:
    found = SHOWN.search(page)
    return found[1] if found is not None else None


def test_sign_in_and_consent_show_the_logo_from_our_own_address(
    app: Application, browser: FlaskClient, registration: Registration
) -> None:
    """`oidcc-registration-logo-uri`."""
    portal = registration.portal()
    on_login = shown(login_page(portal))
    sign_in(app, browser, an_account(app))
    on_consent = shown(browser.get(portal.start().headers["Location"]).text)

    assert on_login is not None
    assert on_login == on_consent
    answer = browser.get(on_login)
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


def test_the_logo_is_drawn_anew(
    browser: FlaskClient, registration: Registration, publishing: KeyServer
) -> None:
    address = shown(login_page(registration.portal())) or ""

    body = browser.get(address).data

    assert MARKER in (publishing.raw or b"")
    assert MARKER not in body
    with Image.open(BytesIO(body)) as drawn:
        assert (drawn.format, drawn.size, drawn.info) == ("PNG", (176, 176), {})
        assert drawn.getpixel((88, 88)) == (255, 0, 0, 255)
        # what is not square stands on nothing
        assert drawn.getpixel((88, 10))[3] == 0


def test_the_logo_is_fetched_once(
    browser: FlaskClient, registration: Registration, publishing: KeyServer
) -> None:
    for _ in range(3):
        browser.get(shown(login_page(registration.portal())) or "")
    registration.update(client_name="Nama Baru")

    assert publishing.asked == 1


def test_another_address_brings_another_logo(
    browser: FlaskClient, registration: Registration, publishing: KeyServer
) -> None:
    old = shown(login_page(registration.portal())) or ""
    publishing.raw = a_picture(size=(30, 30))

    registration.update(logo_uri=f"http://{publishing.host}/new.png")

    new = shown(login_page(registration.portal())) or ""
    assert new != old
    assert [browser.get(address).status_code for address in (old, new)] == [404, 200]
    registration.update(logo_uri=None)
    assert shown(login_page(registration.portal())) is None
    assert browser.get(new).status_code == 404


def test_a_deleted_portal_leaves_no_logo(browser: FlaskClient, registration: Registration) -> None:
    address = shown(login_page(registration.portal())) or ""
    registration.delete()

    assert browser.get(address).status_code == 404


def test_an_operators_registration_has_its_logo_too(
    app: Application, browser: FlaskClient, publishing: KeyServer
) -> None:
    """Also where it is named by language alone."""
    portal = a_portal(app, browser, **{"logo_uri#id": f"http://{publishing.host}/logo.png"})

    assert shown(login_page(portal)) is not None


@pytest.mark.parametrize(
    "bend",
    [
        {"status": 404},
        {"status": 302, "headers": {"Location": "/logo.png"}},
        {"raw": b""},
        {"raw": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"},
        {"raw": b"<html>"},
        {"raw": b"\x89PNG\r\n\x1a\n"},
        {"raw": a_picture()[:60]},
        {"raw": b"x" * 1_048_577},
    ],
    ids=range(8),
)
def test_without_a_usable_logo_the_initials_stand_there(
    app: Application, browser: FlaskClient, publishing: KeyServer, bend: dict[str, Any]
) -> None:
    for name, value in bend.items():
        setattr(publishing, name, value)

    made = a_registration(app, browser, logo_uri=f"http://{publishing.host}/logo.png")

    page = login_page(made.portal())
    assert shown(page) is None
    assert ">PU</span>" in page


def test_ss_1_a_logo_at_a_private_address_is_not_asked_for(
    make_app: Callable[..., Application], publishing: KeyServer
) -> None:
    app = make_app(SIAPKERJA_OAUTH_REGISTRATION="open")
    browser = app.test_client()

    for host in ("127.0.0.1", "localhost", "[::1]"):
        address = f"http://{host}:{publishing.port}/logo.png"
        assert a_registration(app, browser, logo_uri=address)

    assert publishing.asked == 0


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "../jwks",
        "00000000-0000-0000-0000-000000000000-0123456789abcdef.png",
        "00000000-0000-0000-0000-000000000000-0123456789ABCDEF.png",
        "00000000-0000-0000-0000-000000000000.png",
        "\u0660" * 8 + "-0000-0000-0000-000000000000-0123456789abcdef.png",
    ],
)
def test_an_address_of_no_logo_is_not_found(browser: FlaskClient, path: str) -> None:
    assert browser.get(f"/logo/{path}").status_code == 404
    assert browser.post(f"/logo/{path}").status_code == 405


# --- pictures of every kind


def test_each_format_is_drawn() -> None:
    for kind, mode in (("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "P")):
        drawn = PillowImages().redrawn(a_picture(kind, mode=mode), side=16)
        assert MARKER not in drawn
        with Image.open(BytesIO(drawn)) as found:
            assert (found.format, found.size) == ("PNG", (16, 16))


def bombs() -> dict[str, bytes]:
    """Return pictures that are none, or more than they look."""
    honest = a_picture()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    def claiming(width: int, height: int) -> bytes:
        head = width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\x00\x00\x00"
        body = zlib.compress(b"\x00" * 1000)
        return (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
        )

    written = BytesIO()
    Image.new("RGB", (4, 4)).save(written, "TIFF")
    return {
        "30,000 by 30,000": claiming(30_000, 30_000),
        "a line": claiming(200_000, 1),
        "nothing": claiming(0, 0),
        "cut": honest[:60],
        "another format": written.getvalue(),
        "text": b"GIF89a" + b"x" * 100,
        "empty": b"",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
    }


@pytest.mark.parametrize("name", list(bombs()))
def test_fi_1_what_is_no_picture_or_too_much_of_one_is_refused(name: str) -> None:
    with pytest.raises(NoImage):
        PillowImages().redrawn(bombs()[name], side=16)
