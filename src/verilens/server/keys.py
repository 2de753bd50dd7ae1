"""Keys: `vl_<id>_<secret>`, kept as a hash.

The secret is 256 random bits, so nobody finds it by trying however fast the hash is: plain SHA-256
is enough, unlike for passwords that people choose.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import delete, insert, select, update

from verilens.errors import ConfigError
from verilens.server.database import Database, keys

Scope = Literal["submit", "read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
USED_S = 60.0  # how exact the time of last use is
_FORM = re.compile(r"vl_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key without its secret. rate: requests a minute; None, as max_bytes: what the server says.

    Times in seconds since 1970.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    rate: float | None = None
    max_bytes: int | None = None
    created: float = 0.0
    last_used: float | None = None

    def may(self, scope: Scope) -> bool:
        """Tell whether the key is good for this; admin is for everything."""
        return scope in self.scopes or "admin" in self.scopes


LOCAL = Key(id="local", name="this machine", scopes=SCOPES, rate=float("inf"))


def create(
    database: Database,
    name: str,
    scopes: Sequence[str],
    rate: float | None = None,
    max_bytes: int | None = None,
) -> tuple[Key, str]:
    """Return a new key, and the text that is shown once and kept nowhere. ConfigError."""
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise ConfigError(f"scopes are {', '.join(SCOPES)}; not {', '.join(unknown) or 'none'}")
    identity, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    with database.writing() as db:
        now = database.now(db)
        row = {"id": identity, "digest": _digest(secret), "name": name, "rate": rate}
        row |= {"scopes": " ".join(ordered), "max_bytes": max_bytes, "created": now}
        db.execute(insert(keys).values(row))
    key = Key(id=identity, name=name, scopes=ordered, rate=rate, max_bytes=max_bytes, created=now)
    return key, f"vl_{identity}_{secret}"


def listed(database: Database) -> list[Key]:
    """Return every key, oldest first."""
    columns = [column for column in keys.c if column.name != "digest"]
    with database.reading() as db:
        rows = db.execute(select(*columns).order_by(keys.c.created)).mappings()
        return [Key(**{**row, "scopes": tuple(row["scopes"].split())}) for row in rows]


def remove(database: Database, identity: str) -> bool:
    """Delete a key; False when there is none."""
    with database.writing() as db:
        return db.execute(delete(keys).where(keys.c.id == identity)).rowcount > 0


def recognised(database: Database, text: str) -> Key | None:
    """Return the key that somebody showed; None when it is none of ours."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    with database.reading() as db:
        now = database.now(db)
        row = db.execute(select(keys).where(keys.c.id == match[1])).mappings().first()
    if row is None or not hmac.compare_digest(row["digest"], _digest(match[2])):
        return None
    if now - (row["last_used"] or 0.0) > USED_S:
        with database.writing() as db:
            db.execute(update(keys).where(keys.c.id == match[1]).values(last_used=now))
    facts = {name: value for name, value in row.items() if name != "digest"}
    return Key(**{**facts, "scopes": tuple(row["scopes"].split())})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
