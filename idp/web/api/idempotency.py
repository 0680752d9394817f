"""`Idempotency-Key`: a POST that is sent again gets the first one's answer for a day.

What was answered is kept sealed. Refusals are not: nothing was done, so the same key may try again.
"""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from idp.domain.ids import decode_base64url, encode_base64url
from idp.services.submissions import SubmissionService
from idp.web.api.answer import Answer
from idp.web.problems import FieldError, Problem

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = ("Idempotent-Replayed", "true")
KEEP_SECONDS: Final = 86400
KEY_MAX: Final = 255
RETRY_SECONDS: Final = 1
_KEY: Final = re.compile(r"[!-~]{1,255}")


def check_key(text: str) -> str:
    """Return a key as it came; raises `Problem` 400 for what is none."""
    if not _KEY.fullmatch(text):
        why = f"it must have 1 to {KEY_MAX} printable ASCII characters, without blanks"
        raise Problem(
            400,
            "idempotency.key",
            f"{HEADER} can not be used",
            errors=[FieldError("field.invalid", why, header=HEADER)],
        )
    return text


def digest_of_call(place: str, key: str) -> bytes:
    """Return the name under which a call's answer is kept; `place`: who called which address."""
    return sha256(f"api\n{place}\n{key}".encode()).digest()


def answered_once(
    submissions: SubmissionService, *, place: str, key: str, sent: Any, act: Callable[[], Answer]
) -> Answer:
    """Act, or return what was answered when `sent` came with this key before.

    `place`: who called which address. Raises `Problem` 409 while the first call is at work, 422
    where the key came with something else.
    """
    digest = digest_of_call(place, key)
    print_ = sha256(json.dumps(sent, sort_keys=True).encode()).digest()
    if not submissions.begin(digest):
        kept = submissions.find_answer(digest)
        if kept is None:
            raise Problem(
                409,
                "idempotency.at_work",
                "the first request with this key is still at work",
                headers=[("Retry-After", str(RETRY_SECONDS))],
            )
        return _revived(kept, print_)
    try:
        answer = act()
    except BaseException:
        submissions.release(digest)
        raise
    submissions.finish(digest, _preserved(answer, print_), seconds=KEEP_SECONDS)
    return answer


def _preserved(answer: Answer, print_: bytes) -> bytes:
    return json.dumps(
        {
            "print": encode_base64url(print_),
            "status": answer.status,
            "headers": [list(header) for header in answer.headers],
            "body": encode_base64url(answer.body),
        }
    ).encode()


def _revived(kept: bytes, print_: bytes) -> Answer:
    told = json.loads(kept)
    if not compare_digest(decode_base64url(told["print"]), print_):
        raise Problem(422, "idempotency.reused", "this key came with another request before")
    headers = tuple((name, value) for name, value in told["headers"])
    return Answer(told["status"], (*headers, REPLAYED), decode_base64url(told["body"]))
