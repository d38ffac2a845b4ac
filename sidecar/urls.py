"""
Addresses that an operator gives.
"""

from urllib.parse import SplitResult, urlsplit


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
