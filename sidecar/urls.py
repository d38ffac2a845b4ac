"""
Addresses that an operator gives.
"""

from urllib.parse import SplitResult, urlsplit

from sidecar.errors import SettingsError


def parts_of(url: str) -> SplitResult:
    """
    Split an address; one that cannot be split has no parts.
    """
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def names_a_host(parts: SplitResult) -> bool:
    """
    Say whether an address has a host, a port that may be or none, and no name and password.
    """
    try:
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def check_receiver(key: str, url: str) -> None:
    """
    Let an address pass that something can be sent to.

    Args:
        key: Its name for people.

        url: The address.

    Raises:
        SettingsError: It is none, or holds what is for nobody to see.
    """
    parts = parts_of(url)
    if parts.scheme not in ("http", "https") or not names_a_host(parts) or parts.fragment:
        # Not what was set: a password might be in it.
        raise SettingsError(
            f"{key} must be http://… or https://…, with a host, and no name and password"
        )
