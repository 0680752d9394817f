"""One effect for a form that is sent twice: the second click gets the first one's answer."""

import json
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, Final, ParamSpec

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

from idp.domain.ids import decode_base64url, encode_base64url
from idp.web.context import services
from idp.web.security import check_form_token, is_same_origin

P = ParamSpec("P")

_NOTHING_DONE: Final = frozenset({403, 429})
#: What of an answer is kept.
_KEPT: Final = ("Location", "Content-Type", "Retry-After")


def once(
    *, keep_pages: bool = True
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a POST view act once for each rendered form.

    `keep_pages`: whether answers with a body are kept (sealed, ten minutes). A page that may show
    the mother's name again is not: only its redirects are, and anything else may be sent anew.
    Neither is what says that nothing was done: a form from elsewhere must not answer for ours, and
    who was asked to wait may send the same page again after the wait.
    """

    def around(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*given: P.args, **named: P.kwargs) -> ResponseReturnValue:
            nonce = check_form_token(request.form.get("csrf_token", ""))
            if request.method != "POST" or nonce is None or not is_same_origin():
                return view(*given, **named)
            digest = _submission(nonce)
            submissions = services().submissions
            while not submissions.begin(digest):
                answer = submissions.wait_for_answer(digest)
                if answer is not None:
                    return _revived(answer)
            try:
                response = make_response(view(*given, **named))
            except BaseException:
                submissions.release(digest)
                raise
            if response.status_code == 303 or (keep_pages and _did_something(response)):
                submissions.finish(digest, _preserved(response))
            else:
                submissions.release(digest)
            return response

        return guarded

    return around


def _did_something(response: Response) -> bool:
    return response.status_code < 500 and response.status_code not in _NOTHING_DONE


def _submission(nonce: bytes) -> bytes:
    """Return the name of what was sent: where, by which rendered form, with which fields.

    A form that was filled in anew after the back button is another submission. The nonce, which is
    kept nowhere, is the key: nothing can be tried against the digest.
    """
    fields = sorted(pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token")
    sent = f"form\n{request.full_path}\n{json.dumps(fields)}"
    return hmac_digest(nonce, sent.encode(), sha256)


def _preserved(response: Response) -> bytes:
    kept: dict[str, Any] = {
        "status": response.status_code,
        "headers": [[name, response.headers[name]] for name in _KEPT if name in response.headers],
        "cookies": response.headers.getlist("Set-Cookie"),
        "body": encode_base64url(response.get_data()),
    }
    return json.dumps(kept).encode()


def _revived(answer: bytes) -> Response:
    kept = json.loads(answer)
    response = Response(decode_base64url(kept["body"]), status=kept["status"])
    for name, value in kept["headers"]:
        response.headers[name] = value
    for cookie in kept["cookies"]:
        response.headers.add("Set-Cookie", cookie)
    return response
