"""Old hashes as Django made them: `python make_django_vectors.py > django.jsonl`.

Needs Django, bcrypt and argon2-cffi, none of which the tests need.
"""

import json

from django.conf import settings
from django.contrib.auth import hashers

PASSWORDS = ("Rahasia#2019", "kata sandi dengan spasi ", "caf\u00e9\u2603\U0001f600 1234")


class Bcrypt(hashers.BCryptPasswordHasher):
    rounds = 4


class BcryptSha256(hashers.BCryptSHA256PasswordHasher):
    rounds = 4


class Argon2(hashers.Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 2, 128, 2


class Scrypt(hashers.ScryptPasswordHasher):
    work_factor, block_size, parallelism = 2**8, 8, 2


class Sha1(hashers.BasePasswordHasher):
    """Django's own until 5.0 (django.contrib.auth.hashers.SHA1PasswordHasher)."""

    algorithm = "sha1"

    def encode(self, password: str, salt: str) -> str:
        from hashlib import sha1

        return f"sha1${salt}${sha1((salt + password).encode()).hexdigest()}"  # noqa: S324 - the kind that old portals have


def main() -> None:
    settings.configure(USE_I18N=False)
    for number, password in enumerate(PASSWORDS):
        salt = ("seasalt", "aB3", "Kemnaker2020xyz")[number]
        made = {
            "pbkdf2_sha256": hashers.PBKDF2PasswordHasher().encode(password, salt, 1200 + number),
            "pbkdf2_sha1": hashers.PBKDF2SHA1PasswordHasher().encode(password, salt, 1500),
            "bcrypt": Bcrypt().encode(password, Bcrypt().salt()),
            "bcrypt_sha256": BcryptSha256().encode(password, BcryptSha256().salt()),
            "argon2": Argon2().encode(password, "saltsaltsalt"),
            "scrypt": Scrypt().encode(password, salt),
            "md5": hashers.MD5PasswordHasher().encode(password, salt),
            "sha1": Sha1().encode(password, salt),
        }
        for kind, text in made.items():
            told = {
                "maker": "django",
                "kind": f"django {kind}",
                "scheme": "django",
                "password": password,
                "hash": text,
                "params": {},
            }
            print(json.dumps(told))


main()
