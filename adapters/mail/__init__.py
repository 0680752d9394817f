"""E-mail."""

from adapters.mail.smtp import SmtpMailer, parse_mail_url
from idp.ports.clock import Clock
from idp.ports.gateways import Mailer
from idp.ports.metrics import Metrics

__all__ = ["build_mailer"]


def build_mailer(url: str, *, sender: str, clock: Clock, metrics: Metrics) -> Mailer:
    """Return who sends letters through `url` (`smtp://` or `smtps://`); raises `ValueError`."""
    return SmtpMailer(parse_mail_url(url), sender=sender, clock=clock, metrics=metrics)
