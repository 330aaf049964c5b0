"""Hashes of secrets, and tokens."""

from __future__ import annotations

import base64
import re

import pytest

from clacks_events import ConfigError
from clacks_events.agent.secrets import Cost, hash_secret, new_token, parse_hash, user_of_token

CHEAP = Cost(10, 1, 1)
SALT = "A" * 22
HASH = "A" * 43


def test_a_hash_fits_its_secret_alone() -> None:
    hashed = hash_secret("correct horse", CHEAP)
    assert hashed.matches("correct horse")
    for wrong in ("", "correct horse ", "Correct horse", "correct horse\0", "x" * 5000, "\udcff"):
        assert not hashed.matches(wrong)


def test_a_hash_is_written_and_read_as_phc_string() -> None:
    hashed = hash_secret("s", Cost(11, 2, 3))
    assert re.fullmatch(r"\$scrypt\$ln=11,r=2,p=3\$[\w+/]{22}\$[\w+/]{43}", str(hashed))
    assert parse_hash(str(hashed)) == hashed
    assert str(parse_hash(str(hashed))) == str(hashed)


def test_a_hash_of_another_program_is_read() -> None:
    # RFC 7914, 12: P="pleaseletmein", S="SodiumChloride", N=16384, r=8, p=1, the whole 64 bytes.
    digest_of_rfc = bytes.fromhex(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
    )
    digest = base64.b64encode(digest_of_rfc).decode().rstrip("=")
    salt = base64.b64encode(b"SodiumChloride").decode().rstrip("=")
    hashed = parse_hash(f"$scrypt$ln=14,r=8,p=1${salt}${digest}")
    assert hashed.matches("pleaseletmein")
    assert not hashed.matches("pleaseletmeout")


def test_two_hashes_of_one_secret_differ() -> None:
    assert str(hash_secret("s", CHEAP)) != str(hash_secret("s", CHEAP))


def test_it_takes_32_mib_unless_told_otherwise() -> None:
    assert hash_secret("s").cost == Cost(15, 8, 1)
    assert Cost().memory == 32 * 1024 * 1024


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert hash_secret("gr\u00fc\u00dfe", CHEAP).matches("gru\u0308\u00dfe")


@pytest.mark.parametrize("secret", ["", "x" * 1025, "a\nb", "a\0", "\x7f", "a\udcff"], ids=ascii)
def test_what_nobody_could_send_is_no_secret(secret: str) -> None:
    with pytest.raises(ConfigError, match="a secret has"):
        hash_secret(secret, CHEAP)


@pytest.mark.parametrize(
    "cost",
    [
        "ln=9,r=8,p=1",
        "ln=19,r=1,p=1",
        "ln=31,r=8,p=1",
        "ln=15,r=0,p=1",
        "ln=10,r=33,p=1",
        "ln=10,r=8,p=0",
        "ln=10,r=8,p=5",
        "ln=17,r=8,p=1",
        "ln=15,r=32,p=1",
        "ln=999,r=999,p=999",
    ],
)
def test_costs_are_bounded(cost: str) -> None:
    with pytest.raises(ConfigError, match=r"outside of|would take \d+ MiB"):
        parse_hash(f"$scrypt${cost}${SALT}${HASH}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        f"$scrypt$ln=15,r=8$p=1${SALT}${HASH}",
        f"$scrypt$ln=-1,r=8,p=1${SALT}${HASH}",
        f"$scrypt$ln=\u0661\u0665,r=8,p=1${SALT}${HASH}",
        f"$scrypt$ln=15,r=8,p=1${SALT}$",
        f"$scrypt$ln=15,r=8,p=1${SALT}${HASH}=",
        f"$scrypt$ln=15,r=8,p=1${SALT}${HASH}\n",
        f"$scrypt$ln=15,r=8,p=1$AAAA${HASH}",
        f"$scrypt$ln=15,r=8,p=1${SALT}$AAAA",
        f"$scrypt$ln=15,r=8,p=1${SALT}A${HASH}AA",
        f"$scrypt$ln=15,r=8,p=1${'A' * 400}${HASH}",
    ],
    ids=ascii,
)
def test_what_is_no_hash_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_hash(text)
    assert len(text) < 8 or text not in str(caught.value)


def test_a_hash_shows_neither_salt_nor_digest() -> None:
    assert repr(hash_secret("s", CHEAP)) == "SecretHash(cost=Cost(ln=10, r=1, p=1))"


@pytest.mark.parametrize("user", ["alice", "bob@example.org", "äöü ☃", "a.b:c/d?e&f", "x" * 255])
def test_a_token_says_whose_it_is(user: str) -> None:
    token = new_token(user)
    assert re.fullmatch(r"[\w-]+\.[\w-]{43}", token, re.ASCII)
    assert user_of_token(token) == user
    assert new_token(user) != token


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "YWxpY2U", "Y.x", "____.x", "ÄÖ.x", "é.x", "a b.c", "A" * 1025]
)
def test_what_is_no_token_is_nobodys(text: str) -> None:
    assert user_of_token(text) is None
