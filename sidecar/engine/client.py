"""
The one door to OPA: the only module that knows which client is used.
"""

import inspect
from collections.abc import Mapping, Sequence
from contextlib import ContextDecorator
from copy import copy
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final, Self

import msgspec
import requests.exceptions as requests_errors
import urllib3.exceptions as urllib3_errors

from sidecar.engine.decision import ABSENT
from sidecar.engine.endpoint import Endpoint
from sidecar.engine.library import OpaClient
from sidecar.engine.library import errors as theirs
from sidecar.engine.transport import Session
from sidecar.errors import (
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineNonsense,
    EngineTimeout,
    EngineUnreachable,
    EvaluationFailed,
)
from sidecar.observability.spans import spanned

# The first row that fits is taken. A refused connection counts as too slow with urllib3, and what
# is too slow to connect counts as unreachable with requests: hence this order.
_THEIR_ERRORS: Final[tuple[tuple[type[BaseException], type[EngineError]], ...]] = (
    (urllib3_errors.EmptyPoolError, EngineBusy),
    (urllib3_errors.FullPoolError, EngineBusy),
    (urllib3_errors.NewConnectionError, EngineUnreachable),
    (urllib3_errors.TimeoutError, EngineTimeout),
    (requests_errors.Timeout, EngineTimeout),
    (TimeoutError, EngineTimeout),
    (urllib3_errors.ClosedPoolError, EngineUnreachable),
    (urllib3_errors.SSLError, EngineUnreachable),
    (urllib3_errors.ProxyError, EngineUnreachable),
    (requests_errors.ChunkedEncodingError, EngineNonsense),
    (requests_errors.ConnectionError, EngineUnreachable),
    (ConnectionError, EngineUnreachable),
    (theirs.ConnectionsError, EngineUnreachable),
    (theirs.SSLError, EngineUnreachable),
    (HTTPException, EngineNonsense),
    (urllib3_errors.HTTPError, EngineNonsense),
    (urllib3_errors.ProxySchemeUnsupported, EngineNonsense),
    (requests_errors.RequestException, EngineNonsense),
    (urllib3_errors.HTTPWarning, EngineNonsense),
    (requests_errors.RequestsWarning, EngineNonsense),
    (OSError, EngineUnreachable),
    (theirs.QueryExecuteError, EngineFailed),
    (theirs.PolicyNotFoundError, EngineFailed),
    (theirs.PathNotFoundError, EngineFailed),
    (theirs.PatchDataError, EngineFailed),
    (theirs.DeleteDataError, EngineFailed),
    (theirs.DeletePolicyError, EngineFailed),
    (theirs.RegoParseError, EngineFailed),
    (theirs.FileError, EngineFailed),
    (theirs.TypeException, EngineFailed),
)
_CATCHALL: Final = tuple(their for their, _ in _THEIR_ERRORS)


class translated_errors(ContextDecorator):
    """
    Raise our errors for theirs, so that nobody else knows which client is used.

    Raises:
        EngineError: Whatever the client, its transport or OPA complains of.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, wrong: BaseException | None, __: object) -> None:
        if isinstance(wrong, _CATCHALL):
            raise _ours(wrong)() from wrong


def _ours(wrong: BaseException) -> type[EngineError]:
    if isinstance(wrong, requests_errors.HTTPError):
        return _refused(wrong.response)
    reason = _reason(wrong)
    return next(our for their, our in _THEIR_ERRORS if isinstance(reason, their))


def _reason(wrong: BaseException) -> BaseException:
    """
    Find what a connection broke by: urllib3 wraps it.
    """
    inner = wrong.args[-1] if isinstance(wrong, urllib3_errors.ProtocolError) else None
    return inner if isinstance(inner, _CATCHALL) else wrong


def _refused(response: Any) -> type[EngineError]:
    """
    Tell an evaluation that failed from any other error status. Nothing but an error's code is read:
    OPA's messages quote the input.
    """
    if response is None or response.status_code < 400:
        return EngineNonsense
    try:
        body = response.json()
    except requests_errors.InvalidJSONError:
        return EngineFailed
    match body:
        case {"errors": [{"code": str(code)}, *_]} if code.startswith("eval_"):
            return EvaluationFailed
    return EngineFailed


class _Bundle(msgspec.Struct):
    revision: str


class _Provenance(msgspec.Struct):
    version: str
    bundles: dict[str, _Bundle] = {}


class _Body(msgspec.Struct):
    # OPA says who it is when it is asked to: what does not is something else that listens there.
    provenance: _Provenance
    result: Any = ABSENT


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What OPA answered.

    Attributes:
        result: The value asked for; ABSENT where it is undefined.

        revisions: Revision of each active bundle, by its name.
    """

    result: Any
    revisions: Mapping[str, str]

    @classmethod
    def from_body(cls, body: Any) -> "Answer":
        """
        Read an answer's body.

        Raises:
            EngineNonsense: OPA would not say this.
        """
        try:
            said = msgspec.convert(body, _Body)
        except msgspec.ValidationError as wrong:
            raise EngineNonsense() from wrong
        revisions = {name: bundle.revision for name, bundle in said.provenance.bundles.items()}
        return cls(said.result, revisions)


class Opa(OpaClient):  # type: ignore[misc]
    """
    The client, with our transport and our errors. Safe to share between threads, and to fork.

    Args:
        endpoint: Where OPA listens, and how it is asked.
    """

    # A failing builtin must be an error: it would read as undefined, and a prohibition fail open.
    # Written out, for the client would write it anew each time; it takes dots for slashes.
    _QUESTION: Final = "?provenance=true&strict-builtin-errors=true"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        super().__init__(
            host=endpoint.host, port=endpoint.port, ssl=endpoint.tls, timeout=endpoint.timeout()
        )

    def _init_session(self) -> Session:
        return Session(self._endpoint)

    @spanned("opa", lambda answer: {"sidecar.revisions": sorted(answer.revisions.values())})
    def ask(self, path: Sequence[str], question: Mapping[str, Any], items: int = 1) -> Answer:
        """
        Ask for a rule's or a document's value, with strict builtin errors.

        Args:
            path: Its segments below `data`: plain names, checked where they were read.

            question: The input.

            items: How many evaluations it holds: OPA gets more time for more.

        Raises:
            EvaluationFailed: A builtin failed, or two rules contradict each other.
            EngineError: There is no answer, or none that makes sense.
        """
        asking = self if items == 1 else self._patient(items)
        return Answer.from_body(asking.query_rule(question, "/".join(path) + self._QUESTION))

    def check_health(
        self, query: Mapping[str, str] | None = None, diagnostic_url: str | None = None
    ) -> bool:
        """
        Say whether OPA is well; whatever goes wrong, it is not.
        """
        try:
            with translated_errors():
                return bool(super().check_health(query, diagnostic_url))
        except EngineError:
            return False

    def _patient(self, items: int) -> Self:
        # The client's timeout is an attribute: a twin has its own, and shares the connections.
        twin = copy(self)
        twin.timeout = self._endpoint.timeout(items)
        return twin


for _name, _method in inspect.getmembers(OpaClient, inspect.isfunction):
    # Whatever else is called of theirs raises our errors too.
    if not _name.startswith("_") and _name not in vars(Opa):
        setattr(Opa, _name, translated_errors()(_method))
