"""
The keys that tokens are verified with: a JSON Web Key Set (RFC 7517), by file or by address.
"""

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import jwt
import msgspec
import structlog
import urllib3

from sidecar.errors import SettingsError
from sidecar.trust import client_context
from sidecar.watched import Watched

_log = structlog.stdlib.get_logger("sidecar")

_MOST_BYTES: Final = 1_048_576
_FETCH_WITHIN_S: Final = 3.0
_AGAIN_AFTER_S: Final = 5.0
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


@dataclass(frozen=True, slots=True)
class Key:
    """
    A public key.

    Attributes:
        public: The key, as the library takes it.

        algorithm: The one algorithm that it is for; None where its maker did not say.
    """

    public: Any
    algorithm: str | None


class KeySet:
    """
    Public keys, by their ids.
    """

    def __init__(self, keys: Mapping[str | None, Key]) -> None:
        self._keys = keys

    def __bool__(self) -> bool:
        """
        Whether there are any.
        """
        return bool(self._keys)

    def get(self, kid: str | None) -> Key | None:
        """
        Return the key of an id; without an id, the one key where there is but one.
        """
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)


class Keys(Protocol):
    """
    Where keys come from.
    """

    def current(self) -> KeySet:
        """
        Return those that hold now; none where they are not to be had.
        """

    def after_missing(self) -> KeySet:
        """
        Return those that hold now, where those before lacked one.
        """


class FileKeys:
    """
    Keys of a file, read again once it has changed. There are none while it cannot be used: that is
    logged.

    Args:
        file: The file.

        at: The settings that it is part of.
    """

    def __init__(self, file: Path, at: str) -> None:
        self._file = file
        self._at = at
        self._keys = Watched((file,), self._load)

    def current(self) -> KeySet:
        """
        Return what the file holds now.
        """
        return self._keys.current()

    def after_missing(self) -> KeySet:
        """
        Return what the file holds now: it is looked at each time.
        """
        return self._keys.current()

    def _load(self, _: object) -> KeySet:
        try:
            return read(self._file, self._at)
        except SettingsError as wrong:
            _log.error("no token is good by the file of keys", why=wrong.message)
            return KeySet({})


class FetchedKeys:
    """
    Keys that are fetched from an address by whoever needs them, one at a time, and kept. While the
    address is away, those that are there go on serving. No connection is kept, and no thread: made
    in a process, it can be forked.

    Args:
        url: The https address. Neither proxies nor `.netrc` are heeded, and redirections are not
            followed.

        ca: Certificates that the address's must be signed by; the system's where there are none.

        refresh_s: How old they may get.

        at: The settings that it is part of.
    """

    def __init__(self, url: str, ca: Path | None, refresh_s: float, at: str) -> None:
        self._url = url
        self._tls = tls_context(ca, at)
        self._refresh_s = refresh_s
        self._lock = threading.Lock()
        self._keys = KeySet({})
        self._fetched = self._tried = -float("inf")

    def current(self) -> KeySet:
        """
        Return those that are there, or fetch them where there are none or they are old.
        """
        if not self._keys:
            self._fetch(wait=True)
        elif time.monotonic() - self._fetched > self._refresh_s:
            # Others go on with what is there.
            self._fetch(wait=False)
        return self._keys

    def after_missing(self) -> KeySet:
        """
        Fetch them anew, unless that was just done: there may be a new one.
        """
        self._fetch(wait=True)
        return self._keys

    def _fetch(self, wait: bool) -> None:
        if not self._lock.acquire(blocking=wait):
            return
        try:
            # Whoever waited finds it done: any number of unknown ids makes one request.
            if time.monotonic() - self._tried < _AGAIN_AFTER_S:
                return
            try:
                self._keys = parsed(self._content())
                self._fetched = time.monotonic()
            except (urllib3.exceptions.HTTPError, ValueError) as wrong:
                _log.error("the keys of tokens could not be fetched", kind=type(wrong).__name__)
            finally:
                self._tried = time.monotonic()
        finally:
            self._lock.release()

    def _content(self) -> bytes:
        end = time.monotonic() + _FETCH_WITHIN_S
        timeout = urllib3.Timeout(total=_FETCH_WITHIN_S)
        content = b""
        with (
            urllib3.PoolManager(ssl_context=self._tls, timeout=timeout, retries=False) as pool,
            pool.request("GET", self._url, redirect=False, preload_content=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError("the answer is not 200")
            # The library's timeout is for each piece.
            while piece := answer.read1(65_536):
                content += piece
                if len(content) > _MOST_BYTES or time.monotonic() > end:
                    raise ValueError("the answer is too large, or takes too long")
        return content


def read(file: Path, at: str) -> KeySet:
    """
    Read a file of keys.

    Args:
        file: The file.

        at: The settings that it is part of.

    Raises:
        SettingsError: It cannot be read, or holds no key that can be used.
    """
    try:
        with file.open("rb") as opened:
            return parsed(opened.read(_MOST_BYTES))
    except OSError as wrong:
        raise SettingsError(f"{at}.jwks cannot be read: {wrong.strerror}") from wrong
    except ValueError as wrong:
        raise SettingsError(
            f"{at}.jwks must be a JSON Web Key Set with a public key that can verify"
        ) from wrong


def parsed(content: bytes) -> KeySet:
    """
    Take the public keys for signatures out of a key set; others are passed over (RFC 7517, 5).

    Raises:
        ValueError: It is no key set, or has no such key.
    """
    found: dict[str | None, Key] = {}
    try:
        document = msgspec.json.decode(content, type=dict[str, Any])
    except RecursionError as wrong:
        raise ValueError("nested too deeply") from wrong
    entries = document.get("keys")
    for entry in entries if isinstance(entries, list) else ():
        key = _key(entry)
        if key is not None:
            kid = entry.get("kid")
            found[kid if isinstance(kid, str) else None] = key
    if not found:
        raise ValueError("no key")
    return KeySet(found)


def tls_context(ca: Path | None, at: str) -> ssl.SSLContext:
    """
    Say whom an address of keys must be.

    Args:
        ca: Certificates that its own must be signed by; the system's where there are none.

        at: The settings that it is part of.

    Raises:
        SettingsError: `ca` cannot be used.
    """
    try:
        return client_context(ca)
    except OSError as wrong:
        raise SettingsError(f"{at}.ca must hold certificates in PEM") from wrong


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    if entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    # A private key has no business there, and only its public part is wanted.
    public = {name: value for name, value in entry.items() if name not in _PRIVATE}
    try:
        key = jwt.PyJWK(public)
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError):
        return None
    algorithm = entry.get("alg")
    return Key(key.key, algorithm if isinstance(algorithm, str) else None)
