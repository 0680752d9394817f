"""Hashes of old portals, against what PHP, Django, OpenSSL and Apache made of passwords."""

from collections.abc import Mapping

import pytest

from adapters.crypto.argon2id import Argon2id
from adapters.crypto.legacy_passwords import LegacyHashes
from idp.domain.errors import Refused
from idp.domain.identity.legacy import Credential, LegacyHash
from tests.old_hashes import KINDS, OLD_HASHES, OldHash

HASHES = LegacyHashes(lambda work: work(), Argon2id(64, 1, 1))

WEAK_SCHEMES = ("md5", "sha1", "sha2", "ldap", "recipe", "mysql", "vb", "ipb", "open", "joom")
STRONG_SCHEMES = ("sha256_crypt", "sha512_crypt")


def read(old: OldHash) -> LegacyHash:
    return HASHES.read(old.scheme, old.hash, old.params)


def of_kind(kind: str) -> list[OldHash]:
    return [old for old in OLD_HASHES if old.kind == kind]


def refusal(scheme: str, text: str, params: Mapping[str, object] | None = None) -> str:
    with pytest.raises(Refused) as caught:
        HASHES.read(scheme, text, params or {})
    return caught.value.code


@pytest.mark.parametrize("kind", KINDS)
def test_a_hash_of_another_maker_takes_its_password_and_no_other(kind: str) -> None:
    vectors = of_kind(kind)

    assert len(vectors) >= 3
    for old in vectors:
        hash_ = read(old)
        assert HASHES.verify(old.password, hash_)
        for wrong in ("", old.password[1:], "x" + old.password, old.password[:5].swapcase()):
            assert not HASHES.verify(wrong, hash_)


@pytest.mark.parametrize("kind", KINDS)
def test_a_weak_hash_is_wrapped_and_still_takes_its_password_only(kind: str) -> None:
    for old in of_kind(kind):
        hash_ = read(old)
        if not hash_.is_weak:
            assert hash_.credential is Credential.READY
            continue
        assert hash_.credential is Credential.WEAK
        wrapped = HASHES.wrap(hash_)
        assert wrapped.credential is Credential.READY
        assert wrapped.text.startswith("$argon2id$")
        assert hash_.text not in repr(wrapped.params) + wrapped.text
        assert HASHES.verify(old.password, wrapped)
        assert not HASHES.verify(old.password + "x", wrapped)


@pytest.mark.parametrize("kind", KINDS)
def test_fast_digests_are_weak_and_slow_ones_are_not(kind: str) -> None:
    for old in of_kind(kind):
        hash_ = read(old)
        is_fast = hash_.scheme.startswith(WEAK_SCHEMES) and hash_.scheme not in STRONG_SCHEMES
        assert hash_.is_weak is (is_fast or hash_.scheme in {"md5_crypt", "apr_md5_crypt"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_says_itself_what_it_is_needs_no_name(kind: str) -> None:
    for old in of_kind(kind):
        if old.hash[0] in "$U{" or old.scheme == "django":
            assert HASHES.verify(old.password, HASHES.read("auto", old.hash, {}))


@pytest.mark.parametrize("kind", KINDS)
def test_neither_hash_nor_salt_show_in_the_text_form(kind: str) -> None:
    for old in of_kind(kind):
        hash_ = read(old)
        assert hash_.text not in repr(hash_)
        assert str(old.params.get("salt", "no salt")) not in repr(hash_)


@pytest.mark.parametrize("name", ["$2a$", "$2b$", "$2y$"])
def test_bcrypt_goes_by_three_names(name: str) -> None:
    old = of_kind("bcrypt")[0]

    assert HASHES.verify(old.password, HASHES.read("bcrypt", name + old.hash[4:], {}))


def test_bcrypt_sees_seventy_two_bytes_as_php_did() -> None:
    old = of_kind("bcrypt 72")[0]
    hash_ = read(old)

    assert HASHES.verify(old.password[:72], hash_)
    assert HASHES.verify(old.password[:72] + "whatever", hash_)
    assert not HASHES.verify(old.password[:71], hash_)


@pytest.mark.parametrize("kind", ["argon2id", "sha512_crypt", "drupal7", "pbkdf2_sha256", "sha1"])
def test_other_kinds_see_every_byte(kind: str) -> None:
    old = of_kind(kind)[0]

    assert not HASHES.verify(old.password + "z" * 72, read(old))


BCRYPT = "$2y$%s$" + "a" * 53
DRUPAL = "$S$%s" + "a" * 51
PHPASS = "$P$%s" + "a" * 30
COSTS = [
    ("bcrypt", BCRYPT % "14", {}),
    ("bcrypt", BCRYPT % "31", {}),
    ("bcrypt", BCRYPT % "99", {}),
    ("bcrypt", BCRYPT % "03", {}),
    ("argon2id", "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + "a" * 43, {}),
    ("argon2id", "$argon2id$v=19$m=65536,t=1000000000,p=1$c2FsdHNhbHQ$" + "a" * 43, {}),
    ("argon2id", "$argon2id$v=19$m=65536,t=1,p=1000$c2FsdHNhbHQ$" + "a" * 43, {}),
    ("django", "pbkdf2_sha256$1000000000$salt$" + "a" * 43 + "=", {}),
    ("django", f"pbkdf2_sha256${'9' * 500}$salt$" + "a" * 43 + "=", {}),
    ("django", "scrypt$1073741824$salt$8$1$" + "a" * 86 + "==", {}),
    ("django", f"scrypt${'9' * 400}$salt$8$1$" + "a" * 86 + "==", {}),
    ("scrypt", "$scrypt$ln=31,r=8,p=1$c2FsdA$" + "a" * 43, {}),
    ("scrypt", "$scrypt$ln=999999999999,r=8,p=1$c2FsdA$" + "a" * 43, {}),
    ("scrypt", "0" * 64, {"salt": "x", "n": 1 << 24, "r": 8}),
    ("pbkdf2_sha256", "0" * 64, {"salt": "x", "iterations": 1_000_000_000}),
    ("pbkdf2_sha256", "0" * 64, {"salt": "x", "iterations": "1000000000"}),
    ("sha256_crypt", "$5$rounds=1000000000$x$" + "a" * 43, {}),
    ("sha512_crypt", f"$6$rounds={'1' * 300}$x$" + "a" * 86, {}),
    ("phpass", PHPASS % "z", {}),
    ("drupal7", DRUPAL % "z", {}),
    ("md5", "0" * 32, {"iterations": 1_000_000_000}),
    ("sha1_salted", "0" * 40, {"salt": "x", "iterations": "1000000000"}),
    ("recipe", "0" * 32, {"recipe": "md5(pass)", "iterations": 1_000_000_000}),
]


@pytest.mark.parametrize(("scheme", "text", "params"), COSTS)
def test_a_hash_that_takes_too_much_work_is_refused_at_once(
    scheme: str, text: str, params: Mapping[str, object]
) -> None:
    # whoever did the work first would never come back from these
    assert refusal(scheme, text, params) == "hash.cost"


UNKNOWN = [
    ("rot13", "Enunfvn", {}),
    ("", "Enunfvn", {}),
    ("auto", "0" * 32, {}),
    ("auto", "$7$unknown", {}),
    ("auto", "plain text", {}),
    ("django", "unsalted$abc", {}),
    ("ldap", "{CLEARTEXT}geheim", {}),
    ("ssha", "{SSHA224}" + "a" * 44, {}),
]


@pytest.mark.parametrize(("scheme", "text", "params"), UNKNOWN)
def test_a_hash_of_an_unknown_kind_is_refused(
    scheme: str, text: str, params: Mapping[str, object]
) -> None:
    assert refusal(scheme, text, params) in {"hash.unknown", "hash.malformed"}


MALFORMED = [
    ("bcrypt", "$2y$10$tooshort", {}),
    ("bcrypt", "0" * 32, {}),
    ("bcrypt", "$2x$10$" + "a" * 53, {}),
    ("bcrypt", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + "a" * 43, {}),
    ("argon2id", "$argon2id$v=19$m=64", {}),
    ("argon2id", "$argon2id$v=19$m=a,t=b,p=c$c2FsdHNhbHQ$" + "a" * 43, {}),
    ("md5", "0" * 31, {}),
    ("md5", "0" * 40, {}),
    ("md5", "zz" * 16, {}),
    ("sha1", "0" * 32, {}),
    ("sha256", "$5$x$" + "a" * 43, {}),
    ("sha256_crypt", "$5$x$" + "a" * 42, {}),
    ("sha512_crypt", "$6$" + "s" * 17 + "$" + "a" * 86, {}),
    ("phpass", "$P$B" + "a" * 29, {}),
    ("drupal7", "$S$D" + "a" * 50, {}),
    ("md5_crypt", "$1$toolongsalt$" + "a" * 22, {}),
    ("ssha", "{SSHA}not base64!", {}),
    ("ssha", "{SSHA}" + "a" * 8, {}),
    ("django", "pbkdf2_sha256$x$salt$aaaa", {}),
    ("mysql41", "*" + "0" * 39, {}),
    ("bcrypt", "$2y$10$" + "a" * 52 + "\u00e9", {}),
    ("md5", "0" * 32 + "\x00", {}),
    ("md5", "0" * 10_000_000, {}),
]


@pytest.mark.parametrize(("scheme", "text", "params"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_hash_that_is_none_is_refused(
    scheme: str, text: str, params: Mapping[str, object]
) -> None:
    assert refusal(scheme, text, params) in {"hash.malformed", "hash.unknown"}


PARAMETERS = [
    ("md5_salted", "0" * 32, {}),
    ("md5_salted", "0" * 32, {"salt": "x", "salt_position": "somewhere"}),
    ("md5_salted", "0" * 32, {"salt": ["x"]}),
    ("md5_salted", "0" * 32, {"salt": "x" * 257}),
    ("md5_salted", "0" * 32, {"salt": "zz", "salt_encoding": "hex"}),
    ("md5_salted", "0" * 32, {"salt": "x", "salt_encoding": "rot13"}),
    ("md5_salted", "0" * 32, {"salt": "\ud800"}),
    ("md5", "0" * 32, {"encoding": "base58"}),
    ("md5", "0" * 32, {"iterations": 0}),
    ("md5", "0" * 32, {"iterations": -1}),
    ("md5", "0" * 32, {"iterations": True}),
    ("md5", "0" * 32, {"iterations": "many"}),
    ("md5", "0" * 32, {"iterations": 1.5}),
    ("pbkdf2_sha256", "0" * 64, {"salt": "x"}),
    ("pbkdf2_sha256", "0" * 64, {"iterations": 1000}),
    ("pbkdf2", "0" * 64, {"salt": "x", "iterations": 1000, "digest": "whirlpool"}),
    ("scrypt", "0" * 64, {"salt": "x", "n": 1000}),
    ("scrypt", "0" * 64, {"salt": "x"}),
    ("scrypt", "0" * 64, {"n": 1024}),
]


@pytest.mark.parametrize(("scheme", "text", "params"), PARAMETERS)
def test_parameters_that_make_no_sense_are_refused(
    scheme: str, text: str, params: Mapping[str, object]
) -> None:
    assert refusal(scheme, text, params) == "hash.parameters"


RECIPES = [
    "",
    "md5",
    "md5(",
    "md5()",
    "md5(pass",
    "md5(pass))",
    "md5(salt)",
    "md5(password)",
    "eval(pass)",
    "upper(md5(pass))",
    "raw_md5(pass)",
    "md5(pass . )",
    "md5(pass; salt)",
    "md5('quote)",
    "md5(" * 9 + "pass" + ")" * 9,
    "md5(" + "pass." * 60 + "pass)",
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_that_is_none_is_refused(recipe: str) -> None:
    assert refusal("recipe", "0" * 32, {"recipe": recipe, "salt": "x"}) == "hash.recipe"


def test_what_cannot_be_computed_can_not_be_wrapped_into_a_way_in() -> None:
    old = of_kind("bcrypt")[0]

    assert not HASHES.verify(old.password, HASHES.wrap(read(old)))


def test_the_lane_decides_whether_a_hash_is_tried() -> None:
    tried: list[object] = []
    hashes = LegacyHashes(tried.append, Argon2id(64, 1, 1))

    assert not hashes.verify("x", read(of_kind("md5")[0]))
    assert len(tried) == 1
