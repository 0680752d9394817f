"""What SMS carriers call: delivery reports (`sms.md` section 5).

A report is proved by its carrier's own means, or by the secret in its address. Nothing of it is
logged; unknown messages are answered alike, so that nobody can ask which exist.
"""

from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.web.context import services, web_settings

hooks = Blueprint("hooks", __name__, url_prefix="/hooks")

#: The carrier may try a false one as often as it likes; it is told no more than this.
_FALSE: Final = ("", 403)


@hooks.post("/sms/<gateway>")
@hooks.post("/sms/<gateway>/<token>")
def sms_report(gateway: str, token: str = "") -> ResponseReturnValue:
    """Take a delivery report: 200 once it is noted, known or not."""
    del token
    try:
        services().reports.receive(
            gateway,
            request.get_data(cache=False),
            content_type=request.content_type or "",
            headers=dict(request.headers),
            url=web_settings().issuer + request.full_path.removesuffix("?"),
        )
    except Refused:
        return _FALSE
    return "", 200
