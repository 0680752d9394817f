"""Names in certificates, compared as RFC 9525 section 6 says."""

import pytest

from adapters.dukcapil.pinning import is_name_of


@pytest.mark.parametrize(
    ("host", "kind", "name", "is_name"),
    [
        ("dukcapil.example", "DNS", "dukcapil.example", True),
        ("Dukcapil.Example", "DNS", "DUKCAPIL.example", True),
        ("dukcapil.example", "DNS", "*.example", False),
        ("dukcapil.vpn.example", "DNS", "*.vpn.example", True),
        ("a.dukcapil.vpn.example", "DNS", "*.vpn.example", False),
        (".vpn.example", "DNS", "*.vpn.example", False),
        ("dukcapil.vpn.example", "DNS", "d*.vpn.example", False),
        ("dukcapil.vpn.example", "DNS", "*", False),
        ("evil-dukcapil.example", "DNS", "dukcapil.example", False),
        ("dukcapil.example", "URI", "dukcapil.example", False),
        ("10.20.30.40", "IP Address", "10.20.30.40", True),
        ("10.20.30.40", "IP Address", "10.20.30.41", False),
        ("10.20.30.40", "DNS", "10.20.30.40", False),
        ("10.20.30.40", "DNS", "*.20.30.40", False),
        ("fd00::1", "IP Address", "FD00:0:0:0:0:0:0:1", True),
        ("dukcapil.example", "IP Address", "10.20.30.40", False),
    ],
)
def test_a_certificate_is_for_one_server(host, kind, name, is_name):
    assert is_name_of(host, kind, name) is is_name
