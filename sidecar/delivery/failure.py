"""
Why a bundle does not become active: a code for metrics, a sentence for /readyz, and details for the
log.
"""

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[str, str]] = {
    "download": "it cannot be fetched",
    "signature": "it is not signed by a key that counts",
    "archive": "it is no sound tarball",
    "size": "it is larger than it may be",
    "manifest": "its manifest is wrong",
    "roots": "it wants what belongs to another bundle",
    "compile": "OPA does not compile it",
    "entrypoint": "its manifest names a rule that there is not",
    "result": "its decisions are of no shape that could be answered",
    "documents": "it lacks documents that its manifest names, or has them in another shape",
    "golden": "it does not answer as it promises",
    "old": "its revision is older than it may be",
    "other": "OPA does not take it",
}
"""
What may be wrong with a bundle, as a metric's label has it, and as a sentence does.
"""

# OPA tells most of its errors by their words alone. The first row that fits is taken.
_OPA_SAYS: Final = (
    ("download", ("request failed", "server replied", "dial tcp", "failed to pull")),
    ("signature", ("signature", "JWT", "verification key", "digest mismatch")),
    ("size", ("exceeded max size", "size limit", "exceeds")),
    ("roots", ("roots",)),
    ("archive", ("archive read failed", "gzip", "unexpected EOF")),
    ("manifest", ("manifest",)),
    ("compile", ("rego_", "yaml", "json", "merge")),
)


class Refused(Exception):
    """
    A bundle does not become active.

    Args:
        code: One of CODES.

        bundle: The bundle's name; empty where it is not known which of several it is.

        details: What exactly is wrong, for the log.
    """

    def __init__(self, code: str, bundle: str, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.bundle = bundle
        self.details = details


def code_of(said: str, *, fetched: bool = True) -> str:
    """
    Find the code for what OPA says of a bundle.

    Args:
        said: OPA's words.

        fetched: Whether OPA had got it when it said so.
    """
    if not fetched:
        return "download"
    return next((code for code, words in _OPA_SAYS if any(word in said for word in words)), "other")


def code_of_status(status: Mapping[str, Any]) -> str:
    """
    Find the code for what OPA's status says of a bundle.
    """
    if status.get("http_code"):
        return "download"
    if status.get("errors"):
        return "compile"
    return code_of(str(status.get("message", "")))
