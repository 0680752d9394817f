"""JSON as the protocol writes it: what `json` writes, without blanks."""

import json
from typing import Any

import pytest

from idp.domain.protocol.client import ClientStatus
from idp.oidc.compact_json import encode_json


@pytest.mark.parametrize(
    "value",
    [
        "Siti Nurhaliza, S.Kom., é 訓練 \U0001f600",
        'quote " slash / back \\ line \n bell \x07 end \u2028',
        ["list", ("tuple", 1), [], {}],
        {"name": None, "": True, "é": False},
        [0, -1, 2**53 + 1, 2**63, 2**64, 10**40, 0.5],
        ClientStatus.ACTIVE,
    ],
)
def test_a_value_is_written_without_blanks_and_as_utf_8(value: Any) -> None:
    document = {"value": value, "further": [value]}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)

    assert encode_json(document).decode() == text


def test_what_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_json({"value": object()})
