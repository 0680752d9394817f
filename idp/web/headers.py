"""Headers that stand on every answer: on pages, and on what machines and the front door say."""

from functools import lru_cache
from typing import Final

#: `Strict-Transport-Security`, two years with subdomains (`security.md` HD-2).
_HSTS: Final = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")

#: On answers that failed and are no pages: under it the failure is found again.
SUPPORT_CODE: Final = "X-Support-Code"

_ALWAYS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action {form_action}; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PERMISSIONS: Final = (
    "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
    "payment=(), usb=(), otp-credentials=(self), publickey-credentials-get=(self), "
    "publickey-credentials-create=(self)"
)
_OF_PAGES: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", _PERMISSIONS),
    ("X-Frame-Options", "DENY"),
)


#: Portals' own schemes are few, and nobody but an officer registers one.
_KEPT: Final = 256


@lru_cache(_KEPT)
def page_headers(*, is_secure: bool, form_action: str = "'self'") -> tuple[tuple[str, str], ...]:
    """Return what stands on each page. `form_action`: where its forms may end (CSP)."""
    policy = ("Content-Security-Policy", _POLICY.format(form_action=form_action))
    return (policy, *_OF_PAGES, *((_HSTS,) if is_secure else ()))


def bare_headers(*, is_secure: bool) -> tuple[tuple[str, str], ...]:
    """Return what stands on each answer that is no page. `is_secure`: the issuer is https."""
    return (*_ALWAYS, _HSTS) if is_secure else _ALWAYS
