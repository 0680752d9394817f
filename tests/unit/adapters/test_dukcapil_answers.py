"""What the registry's answers mean, `dukcapil.md` sections 3 to 5, without a network."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dukcapil.answers import outcome_of_status, read_answer
from adapters.dukcapil.question import Credentials, clean_name, elements_of, request_body
from idp.domain.identity.nik import parse_nik
from idp.domain.identity.registry import ElementAnswer, RegistryOutcome, RegistryQuery

NIK = parse_nik("3273011708909001")
ASKED = ("NIK", "NAMA_LGKP", "NAMA_LGKP_IBU")
MATCHING = {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)", "NAMA_LGKP_IBU": "Sesuai (100)"}


def read(*entries, asked=ASKED, threshold=90, **envelope):
    body = json.dumps({"content": list(entries), "quotaLimiter": 56616, **envelope}).encode()
    return read_answer(body, nik=NIK, asked=asked, threshold=threshold)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("Sesuai", "match"),
        ("Sesuai (100)", "match"),
        ("Sesuai (90)", "match"),
        ("Sesuai (90.5)", "match"),
        ("Sesuai(95)", "match"),
        ("  sesuai   ( 92 ) ", "match"),
        ("SESUAI (99)", "match"),
        ("Sesuai (89)", "mismatch"),
        ("Sesuai (0)", "mismatch"),
        ("Tidak Sesuai (59)", "mismatch"),
        ("tidak  sesuai", "mismatch"),
        ("Tidak Sesuai (100)", "mismatch"),
        ("Sesuai (101)", "no_answer"),
        ("Sesuai (١٠٠)", "no_answer"),
        ("Sesuai (-1)", "no_answer"),
        ("Sesuai sebagian", "no_answer"),
        ("Ya", "no_answer"),
        ("", "no_answer"),
        (None, "no_answer"),
        (True, "no_answer"),
        (100, "no_answer"),
        (["Sesuai"], "no_answer"),
    ],
)
def test_a_free_text_element_matches_only_by_word_and_number(value, answer):
    reading = read({**MATCHING, "NAMA_LGKP": value})

    assert reading.elements["NAMA_LGKP"] == answer
    assert reading.outcome == ("match" if answer == "match" else "mismatch")


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("Sesuai", "match"),
        ("Sesuai (100)", "match"),
        ("Sesuai (99)", "mismatch"),
        ("Tidak Sesuai", "mismatch"),
    ],
)
def test_a_coded_element_needs_all_of_it(value, answer):
    reading = read({**MATCHING, "TGL_LHR": value}, asked=(*ASKED, "TGL_LHR"))

    assert reading.elements["TGL_LHR"] == answer
    assert "TGL_LHR" not in reading.score_buckets


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("3273011708909001", "match"),
        (3273011708909001, "match"),
        ("3273011708909002", "mismatch"),
        ("Tidak Sesuai", "mismatch"),
        ("٣٢٧٣٠١١٧٠٨٩٠٩٠٠١", "mismatch"),
    ],
)
def test_an_echoed_nik_must_be_the_one_that_was_sent(value, outcome):
    assert read({**MATCHING, "NIK": value}).outcome == outcome


@pytest.mark.parametrize("missing", ASKED)
def test_a_missing_element_is_no_match(missing):
    entry = {name: value for name, value in MATCHING.items() if name != missing}

    reading = read(entry)

    assert reading.outcome == "mismatch"
    assert reading.elements[missing] is ElementAnswer.NO_ANSWER


@pytest.mark.parametrize("missing_key", ["nik", "Nama_Lgkp"])
def test_keys_are_read_in_any_case(missing_key):
    entry = {key.lower(): value for key, value in MATCHING.items()}

    assert read(entry).outcome == "match"


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        ("00", "", "match"),
        ("01", "Data Ditemukan", "match"),
        (None, "Data ditemukan.", "match"),
        ("01", "Terima kasih", "match"),
        (None, "Terima kasih", "unknown"),
        ("03", "Login gagal", "config_error"),
        ("04", "IP tidak sesuai", "config_error"),
        ("05", "Kuota akses hari ini telah habis", "quota_exhausted"),
        ("05", None, "quota_exhausted"),
        (None, "Kuota akses hari ini telah habis", "quota_exhausted"),
        ("06", None, "outside_hours"),
        ("07", "Parameter tidak valid", "request_error"),
        ("08", None, "not_verifiable"),
        ("09", "User, password dan IP tidak boleh kosong", "config_error"),
        ("10", None, "config_error"),
        ("11", "Data Ditemukan, Meninggal Dunia", "deceased"),
        (11, None, "deceased"),
        ("12", "Data Ditemukan, Data Ganda", "duplicate"),
        ("13", "Data Tidak Ditemukan", "not_found"),
        (None, "Data tidak ditemukan", "not_found"),
        (None, "DATA  TIDAK\nDITEMUKAN", "not_found"),
        ("14", "Data Ditemukan, Status Non Aktif silahkan hubungi", "inactive"),
        (None, "Status nonaktif", "inactive"),
        ("15", "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil", "not_found"),
        ("16", "Instansi tidak aktif", "config_error"),
        (None, "Instansi tidak aktif", "config_error"),
        ("17", "User ID tidak aktif", "config_error"),
        (3, "Login gagal", "config_error"),
        ("99", None, "unknown"),
        ("", "", "match"),
        ([], None, "unknown"),
        ("1'; DROP", None, "unknown"),
    ],
)
def test_codes_and_texts_beside_matching_elements(code, text, outcome):
    entry = {"RESPONSE_CODE": code, "RESPON": text, **MATCHING}

    reading = read({key: value for key, value in entry.items() if value is not None})

    assert reading.outcome == outcome
    assert not reading.contradicts


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        ("13", "Data Ditemukan, Meninggal Dunia", "deceased"),
        ("15", "Meninggal Dunia", "deceased"),
        ("00", "Data Ditemukan, Data Ganda", "duplicate"),
        ("11", "Data Tidak Ditemukan", "deceased"),
        ("05", "Data Tidak Ditemukan", "not_found"),
    ],
)
def test_where_code_and_text_disagree_the_stricter_counts_and_somebody_looks(code, text, outcome):
    reading = read({"RESPONSE_CODE": code, "RESPON": text, **MATCHING})

    assert reading.outcome == outcome
    assert reading.contradicts


@pytest.mark.parametrize("key", ["RESPON", "RESPONSE", "RESPONSE_DESC", "respon"])
def test_the_text_has_four_names(key):
    assert read({key: "Data Ditemukan, Meninggal Dunia"}).outcome == "deceased"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"Sesuai"',
        b'{"content":[]}',
        b'{"content":null}',
        b'{"content":[[]]}',
        b'{"content":[{}]}',
        b'{"content":[{"ALAMAT":"Sesuai"}]}',
        json.dumps({"content": MATCHING}).encode(),
        json.dumps({"content": [MATCHING, MATCHING]}).encode(),
        json.dumps(MATCHING).encode(),
        json.dumps({"content": [MATCHING]}).encode()[:-2],
        b'{"content":[{"NIK":"Sesuai","NIK":"Sesuai","NAMA_LGKP":"Sesuai"}]}',
        b'{"content":[{"NIK":"Sesuai","nik":"Tidak Sesuai"}]}',
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b"<html></html>",
        b"1" * 60_000,
    ],
)
def test_what_is_no_answer_is_a_bad_one(body):
    reading = read_answer(body, nik=NIK, asked=ASKED, threshold=90)

    assert reading.outcome is RegistryOutcome.BAD_ANSWER


@given(st.binary(max_size=400))
def test_no_bytes_at_all_make_it_fail(body):
    assert read_answer(body, nik=NIK, asked=ASKED, threshold=90).outcome != "match"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("Sesuai"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ASKED, "RESPONSE_CODE", "RESPON", "content", "quotaLimiter"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_no_document_makes_it_fail_and_a_match_has_every_element(entry, quota):
    body = json.dumps({"content": [entry], "quotaLimiter": quota}).encode()

    reading = read_answer(body, nik=NIK, asked=ASKED, threshold=90)

    if reading.outcome == "match":
        assert dict(reading.elements) == dict.fromkeys(ASKED, ElementAnswer.MATCH)


@pytest.mark.parametrize(
    ("told", "left"),
    [(56616, 56616), ("56616", 56616), (0, 0), (-1, None), (True, None), ("x", None), (1.5, None)],
)
def test_the_quota_is_a_number_or_nothing(told, left):
    assert read(MATCHING, quotaLimiter=told).quota_left == left


@pytest.mark.parametrize(("score", "bucket"), [(100, 100), (99, 90), (90, 90), (59, 50), (0, 0)])
def test_scores_leave_as_buckets_only(score, bucket):
    assert read({**MATCHING, "NAMA_LGKP": f"Sesuai ({score})"}).score_buckets["NAMA_LGKP"] == bucket


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None),
        (201, "bad_answer"),
        (302, "bad_answer"),
        (400, "bad_answer"),
        (401, "config_error"),
        (403, "config_error"),
        (404, "bad_answer"),
        (429, "unavailable"),
        (500, "unavailable"),
        (502, "unavailable"),
        (503, "unavailable"),
    ],
)
def test_a_status_speaks_before_the_body(status, outcome):
    assert outcome_of_status(status) == outcome


# What is asked ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Budi Santoso", "BUDI SANTOSO"),
        ("  budi \t\n santoso ", "BUDI SANTOSO"),
        ("Sukardi", "SUKARDI"),
        ("Dr. Ir. H. Budi, M.Sc.", "DR. IR. H. BUDI, M.SC."),
        ("O’Neill", "O'NEILL"),
        ("D`Souza", "D'SOUZA"),
        ("Ma´ruf", "MA'RUF"),
        ("Anne-Marie", "ANNE-MARIE"),
        (unicodedata.normalize("NFD", "José"), "JOSÉ"),
        ("BU\u0000DI\u200b", "BUDI"),
        ("istiqomah", "ISTIQOMAH"),
        ("straße", "STRASSE"),
        ("\u0390", "\u03aa\u0301"),
        ("\u0149", "'N"),
    ],
)
def test_names_are_cleaned_without_losing_anything_of_theirs(typed, sent):
    assert clean_name(typed) == sent


@given(st.text())
def test_cleaning_twice_changes_nothing_more(typed):
    once = clean_name(typed)

    assert clean_name(once) == once


def test_the_body_is_that_of_the_protocol():
    query = RegistryQuery(NIK, {"NAMA_LGKP": "Budi Santoso", "NAMA_LGKP_IBU": "Siti Aminah"})
    credentials = Credentials(user_id="u", password="p", ip_user="10.20.30.40")

    body = json.loads(request_body(elements_of(query, ASKED), credentials, threshold=90))

    assert body == {
        "USER_ID": "u",
        "PASSWORD": "p",
        "IP_USER": "10.20.30.40",
        "TRESHOLD": "90",
        "NIK": "3273011708909001",
        "NAMA_LGKP": "BUDI SANTOSO",
        "NAMA_LGKP_IBU": "SITI AMINAH",
    }


def test_the_credentials_keys_may_be_lower_case():
    credentials = Credentials(user_id="u", password="p", ip_user="ip", key_case="lower")

    body = json.loads(request_body({"NIK": NIK.digits}, credentials, threshold=80))

    assert body == {
        "user_id": "u",
        "password": "p",
        "ip_user": "ip",
        "TRESHOLD": "80",
        "NIK": NIK.digits,
    }


def test_neither_query_nor_credentials_print_what_they_hold():
    query = RegistryQuery(NIK, {"NAMA_LGKP": "BUDI SANTOSO"})
    credentials = Credentials(user_id="the-user", password="the-password", ip_user="10.0.0.1")

    printed = f"{query!r} {query} {credentials!r} {credentials}"

    for secret in (NIK.digits, "BUDI", "the-user", "the-password"):
        assert secret not in printed
