"""Fixtures: a migrated database for each test, the application on it, a clock that tests move.

`--database postgresql` and `--redis` run the same tests on those; `make test` does both.
"""

import gc
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, ClassVar
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from joserfc.jwk import RSAKey
from redis import Redis
from typing_extensions import override
from werkzeug.routing import Map, Rule, RuleFactory

from adapters.sql import schema
from adapters.sql.tables import audit_event
from config.settings import Settings
from idp.app import Application, create_app
from idp.services import Services
from idp.wiring import Given
from tests.auditing import Watch, watched
from tests.fakes import FixedClock
from tests.servers import running_postgres, running_redis

ROOT = "tests-root-f3Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4Jt0Ps"

#: Modules about what stands in a request, a document or a token, and about a server that brings its
#: own database: the store answers nothing there that grants and journeys do not ask of it too.
_STORELESS = """
    test_authorization_bad_input test_fapi2_message_signing test_fapi2_security_profile
    test_form_post_response_mode test_guarded_fetching test_gunicorn test_headers test_jarm
    test_oidc_conformance_basic test_oidc_conformance_config test_oidc_conformance_fapi_ciba
    test_oidc_conformance_form_post test_oidc_core_claims_parameter test_oidc_core_encryption
    test_oidc_core_id_token test_oidc_core_userinfo test_oidc_discovery test_profiles
    test_rfc6749_client_authentication test_rfc7636_pkce test_rfc8705_mtls test_rfc8707_resource
    test_rfc8725_forgeries test_rfc9068_access_token test_rfc9101_jar test_rfc9207_iss
    test_rfc9457_problems test_rfc9700_redirect_uri test_rfc9728_protected_resource_metadata
    test_third_party_initiated_login
"""
STORELESS = frozenset(_STORELESS.split())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.addoption("--variants", type=int, help="run at most so many parameter sets of a test")
    parser.addoption("--walks", type=int, help="the same for tests that walk in Chromium")
    parser.addoption("--redis", action="store_true", help="keep rate limits in a real Redis")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep `--variants` parameter sets of each test, other ones with each order of the tests."""
    for item in items:
        if item.path.stem in STORELESS:
            item.add_marker("storeless")
    most = config.getoption("--variants")
    walks = config.getoption("--walks") or most
    if most is None:
        return
    seen: Counter[str] = Counter()
    kept, left = [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] += 1
        is_kept = seen[name] <= (walks if item.get_closest_marker("browser") else most)
        is_kept = is_kept or item.get_closest_marker("always") is not None
        (kept if is_kept else left).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def pytest_collection_finish() -> None:
    """Look for lost objects less often, and never among modules and thousands of tests.

    They stay to the end; to go through them again and again took a tenth of a run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def make_database(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[], str]]:
    """Return what makes a migrated, empty database and gives its URL."""
    with ExitStack() as stack:
        if request.config.getoption("--database") == "postgresql":
            databases = PostgresDatabases(stack.enter_context(running_postgres()))
            stack.callback(databases.close)
            yield databases
        else:
            # in memory where there is such a folder: waiting for a disk is no part of these tests
            memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - ours alone
            folder = stack.enter_context(TemporaryDirectory(prefix="siapkerja-", dir=memory))
            yield _sqlite_maker(Path(folder))


def _sqlite_maker(folder: Path) -> Callable[[], str]:
    template = folder / "template.db"
    _fill(f"sqlite:///{template}")

    def make() -> str:
        path = folder / f"{uuid4().hex}.db"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    return make


class CompiledTemplates(BytecodeCache):
    """Templates that one test compiled, for the next ones."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()


class SharedMap(Map):
    """URL rules that are compiled for the first application and found again by the next ones."""

    _known: ClassVar[dict[tuple[object, ...], Map]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._given: list[Rule] = []

    @override
    def add(self, rulefactory: RuleFactory) -> None:
        self._given.extend(rulefactory.get_rules(self))
        self._remap = True

    @override
    def update(self) -> None:
        if not self._remap:
            return
        key = tuple(
            (rule.rule, rule.endpoint, frozenset(rule.methods or ()), repr(rule.defaults))
            for rule in self._given
        )
        if key not in self._known:
            whole = Map(host_matching=self.host_matching)
            for rule in self._given:
                whole.add(rule.empty())
            whole.update()
            self._known[key] = whole
        known = self._known[key]
        self._matcher, self._rules_by_endpoint = known._matcher, known._rules_by_endpoint
        self._remap = False


Application.url_map_class = SharedMap


class RsaKeys:
    """RSA keys cost a fifth of a second each: tests get the same ones, in the same order.

    So do tests alone that begin with an empty database: in one that outlives a test, the key that
    the next one makes would be there already.
    """

    def __init__(self, make: Callable[[int], RSAPrivateKey]) -> None:
        self._make = make
        self._made: dict[int, list[RSAPrivateKey]] = {}
        self._places: Counter[int] = Counter()
        self._lock = Lock()
        self._is_shared = False

    def begin(self, *, is_shared: bool) -> None:
        """Begin a test, or what stands between tests."""
        self._places.clear()
        self._is_shared = is_shared

    def __call__(self, size: int) -> RSAPrivateKey:
        if not self._is_shared:
            return self._make(size)
        with self._lock:
            made, place = self._made.setdefault(size, []), self._places[size]
            self._places[size] += 1
            if place == len(made):
                made.append(self._make(size))
            return made[place]


RSA_KEYS = RsaKeys(RSAKey.binding.generate_private_key)
RSAKey.binding.generate_private_key = staticmethod(RSA_KEYS)  # type: ignore[method-assign]


class PostgresDatabases:
    """Databases of one cluster. Making one costs a hundred milliseconds, emptying one a few.

    Emptying goes over a connection that stays open: a new one would have to read the catalogue and
    to plan all statements again, which costs five times as much.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._server = url.rpartition("/")[0]
        self._free: list[str] = []
        self._emptying: dict[str, psycopg.Connection] = {}
        self._execute("CREATE DATABASE template_siapkerja")
        _fill(f"{self._server}/template_siapkerja")
        with psycopg.connect(f"{self._server}/template_siapkerja", autocommit=True) as connection:
            connection.execute(_KEEP_FIRST_ROWS)

    def __call__(self) -> str:
        if self._free:
            return self._free.pop()
        name = f"t{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE template_siapkerja")
        return f"{self._server}/{name}"

    def give_back(self, url: str) -> None:
        """Bring a database back to its first rows; one that a test bent otherwise is left alone."""
        try:
            if url not in self._emptying:
                self._emptying[url] = psycopg.connect(url, autocommit=True)
                self._emptying[url].execute("SET lock_timeout = '2s'")
            self._emptying[url].execute("SELECT first.restore()")
        except psycopg.Error:
            if url in self._emptying:
                self._emptying.pop(url).close()
        else:
            self._free.append(url)

    def close(self) -> None:
        for connection in self._emptying.values():
            connection.close()

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


_KEEP_FIRST_ROWS = """
CREATE SCHEMA first;
DO $$
DECLARE
  name text;
  is_filled boolean;
  -- rows go and come in any order
  body text := 'SET LOCAL session_replication_role = replica;';
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE first.%I AS TABLE public.%I', name, name);
    EXECUTE format('SELECT EXISTS (SELECT FROM first.%I)', name) INTO is_filled;
    body := body || format('DELETE FROM public.%I;', name);
    IF is_filled THEN
      body := body || format('INSERT INTO public.%I SELECT * FROM first.%I;', name, name);
    END IF;
  END LOOP;
  -- statements that stand in the function are planned once for a connection
  EXECUTE format(
    'CREATE FUNCTION first.restore() RETURNS void LANGUAGE plpgsql AS %L',
    'BEGIN ' || body || ' END'
  );
END $$;
"""


def _fill(url: str) -> None:
    """Bring a template database up to date, with keys in it and an empty audit log."""
    schema.upgrade(url)
    with environment(SIAPKERJA_DATABASE_URL=url, **BASE):
        app = create_app(Settings.from_env(), Given(clock=FixedClock()))
    app.wiring.services.keys.ensure()
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.begin() as connection:
            connection.execute(sa.delete(audit_event))
        engine.dispose()


BASE = {
    "SIAPKERJA_ENV": "test",
    "SIAPKERJA_SECRET_KEY": ROOT,
    # hashing is tested with its real parameters where hashing is the subject
    "SIAPKERJA_PASSWORD_MEMORY_KIB": "64",
    "SIAPKERJA_PASSWORD_PASSES": "1",
    "SIAPKERJA_LOG_LEVEL": "WARNING",
}


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set exactly these of our variables for a while."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SIAPKERJA")}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("SIAPKERJA")]:
            del os.environ[name]
        os.environ.update(kept)


_READ: dict[tuple[tuple[str, str], ...], Settings] = {}


def settings_on(database_url: str, **variables: str) -> Settings:
    """Return what the environment says; reading it costs as much as a small test."""
    key = tuple(sorted(variables.items()))
    if any(name.endswith("_FILE") for name in variables):
        return Settings.from_env()
    if key not in _READ:
        _READ[key] = Settings.from_env()
    return _READ[key].model_copy(update={"database_url": database_url})


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a real Redis, or an empty one where limits stay in the database."""
    if not request.config.getoption("--redis"):
        yield ""
        return
    with running_redis() as url:
        yield url


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> Iterator[str]:
    url = make_database()
    yield url
    if isinstance(make_database, PostgresDatabases):
        make_database.give_back(url)


@pytest.fixture
def limits_url(redis_url: str) -> str:
    """Return the URL of a Redis in which nobody counted anything yet."""
    if redis_url:
        with Redis.from_url(redis_url) as connection:
            connection.flushall()
    return redis_url


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def make_app(
    database_url: str, limits_url: str, clock: FixedClock
) -> Iterator[Callable[..., Application]]:
    """Return what builds the application on this test's database, with further settings."""
    made: list[Application] = []

    def make(given: Given | None = None, **variables: str) -> Application:
        chosen = {**BASE, "SIAPKERJA_REDIS_URL": limits_url, **variables}
        url = chosen.pop("SIAPKERJA_DATABASE_URL", database_url)
        with environment(SIAPKERJA_DATABASE_URL=url, **chosen):
            app = create_app(settings_on(url, **chosen), given or Given(clock=clock))
        app.jinja_env.bytecode_cache = COMPILED
        made.append(app)
        return app

    yield make
    for app in made:
        app.stop()
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture(autouse=True)
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Fail any test in which a state changed without an audit event."""
    RSA_KEYS.begin(is_shared="database_url" in request.fixturenames)
    with watched() as watching:
        yield watching
    RSA_KEYS.begin(is_shared=False)
    assert watching.silent_changes == []


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    return make_app()


@pytest.fixture
def services(app: Application) -> Services:
    return app.wiring.services


@pytest.fixture
def browser(app: Application) -> FlaskClient:
    """A browser without script: keeps cookies, follows nothing by itself."""
    return app.test_client()
