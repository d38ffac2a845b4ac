"""
Asks the sidecar before information is touched: the enforcement point (PEP) of AuthZEN 1.0.

It knows nothing of billing, and can be taken over as it stands. Whatever is not plainly a
permission keeps the information where it is:

* a refusal, an obligation that nobody knows, or one that cannot be carried out: Refused;
* no answer, an error, an answer of another shape: NotDecided.

What comes along with a refusal is left alone: none of the questions here has such an obligation.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

_log = logging.getLogger(__name__)

# Connecting, and reading: more than the sidecar gives OPA, so that it is the sidecar that says why.
_TIMEOUTS_S: Final = (0.5, 3.0)
# Asking changes nothing, so it may be repeated; one that was slow once is not asked to be so again.
_RETRY: Final = Retry(
    total=2,
    read=0,
    status_forcelist=(503,),
    allowed_methods=None,
    backoff_factor=0.1,
    raise_on_status=False,
    respect_retry_after_header=False,
)
# Of this type an obligation's id says all that there is to do.
_TYPE: Final = "custom"


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is to be done, with what, and why.

    Attributes:
        action: A name of the vocabulary, as all names here.

        company: Whose information it is.

        categories: The kinds of information; never the information itself.

        purpose: What it is done for.

        facts: What we attest. A fact that we do not know is left out.

        recipient: Who gets the information, by type and id; None where it stays here.
    """

    action: str
    company: str
    categories: Sequence[str]
    purpose: str
    facts: Mapping[str, Any]
    recipient: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """
    What may be done, its obligations being carried out.

    Attributes:
        categories: The kinds of information that may be touched, in the question's order.

        decision_id: The decision's name in the sidecar's answer.
    """

    categories: tuple[str, ...]
    decision_id: str | None


Duty = Callable[[Question, Permission], None]
"""
Carries out one obligation, before the information is touched; raises NotFulfilled where it cannot.
"""


class NotFulfilled(Exception):
    """
    An obligation cannot be carried out.
    """


class NotDecided(Exception):
    """
    There is no decision: neither a permission nor a refusal. The question may be asked again.

    Attributes:
        retry_after: When, as the header of that name says it.
    """

    def __init__(self, retry_after: str = "1") -> None:
        super().__init__()
        self.retry_after = retry_after


class Refused(Exception):
    """
    It may not be done.

    Attributes:
        reason: A sentence for the user.

        decision_id: The decision's name in the sidecar's answer.
    """

    def __init__(self, reason: str, decision_id: str | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.decision_id = decision_id


class _Obligation(msgspec.Struct, frozen=True):
    id: str
    type: str


class _Context(msgspec.Struct, frozen=True):
    permitted: tuple[str, ...] | None = None
    obligations: tuple[_Obligation, ...] = ()
    reason_user: dict[str, str] = {}


class _Answer(msgspec.Struct, frozen=True):
    decision: bool
    context: _Context = _Context()


class Privacy:
    """
    Asks a sidecar, and carries out what comes with its permissions.

    Args:
        url: Where the sidecar listens.

        subject: Who acts, by type and id.

        duties: How each obligation that we know is carried out, by its id.
    """

    def __init__(self, url: str, subject: Mapping[str, str], duties: Mapping[str, Duty]) -> None:
        self._url = f"{url.rstrip('/')}/access/v1/evaluation"
        self._subject = subject
        self._duties = duties
        self._session = requests.Session()
        # Neither a proxy nor a password out of the environment gets between.
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRY))

    def permit_all(self, question: Question, request_id: str | None = None) -> Permission:
        """
        Ask for all categories: one that is denied spoils the whole.

        Args:
            question: What is to be done.

            request_id: The name of the request that we serve, for both logs.

        Raises:
            Refused: It may not be done, or not with all of them.
            NotDecided: There is no decision.
        """
        return self._permit(question, request_id, partly=False)

    def permit_some(self, question: Question, request_id: str | None = None) -> Permission:
        """
        Ask for what may be had of the categories: at least one.

        Args:
            question: What is to be done.

            request_id: The name of the request that we serve, for both logs.

        Raises:
            Refused: It may not be done with any of them.
            NotDecided: There is no decision.
        """
        return self._permit(question, request_id, partly=True)

    def _permit(self, question: Question, request_id: str | None, *, partly: bool) -> Permission:
        answer, decision_id = self._ask(question, request_id)
        permission = Permission(_permitted(question, answer), decision_id)
        whole = answer.decision and len(permission.categories) == len(question.categories)
        if not (whole or (partly and permission.categories)):
            _log.info("refused by decision %s", decision_id)
            raise Refused(answer.context.reason_user.get("en", "This is not allowed."), decision_id)
        self._carry_out(answer.context.obligations, question, permission)
        _log.info("permitted by decision %s", decision_id)
        return permission

    def _ask(self, question: Question, request_id: str | None) -> tuple[_Answer, str | None]:
        headers = {} if request_id is None else {"X-Request-ID": request_id}
        try:
            response = self._session.post(
                self._url,
                json=_evaluation(self._subject, question),
                headers=headers,
                timeout=_TIMEOUTS_S,
                allow_redirects=False,
            )
            if response.status_code != 200:
                _log.warning("not decided, status %d", response.status_code)
                raise NotDecided(response.headers.get("Retry-After", "1"))
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (requests.RequestException, msgspec.MsgspecError, UnicodeDecodeError) as wrong:
            _log.warning("not decided, %s", type(wrong).__name__)
            raise NotDecided() from wrong
        return answer, response.headers.get("X-Decision-ID")

    def _carry_out(
        self, obligations: Sequence[_Obligation], question: Question, permission: Permission
    ) -> None:
        """
        Carry out all obligations, or refuse: none before all are known.
        """
        if not all(each.type == _TYPE and each.id in self._duties for each in obligations):
            _log.warning("unknown obligation in decision %s", permission.decision_id)
            raise Refused("This comes with a duty that we do not know.", permission.decision_id)
        for obligation in obligations:
            try:
                self._duties[obligation.id](question, permission)
            except NotFulfilled as wrong:
                _log.warning("%s cannot be carried out", obligation.id)
                reason = "This comes with a duty that we cannot carry out."
                raise Refused(reason, permission.decision_id) from wrong


def _evaluation(subject: Mapping[str, str], question: Question) -> dict[str, Any]:
    context: dict[str, Any] = {"purpose": question.purpose, "facts": question.facts}
    if question.recipient is not None:
        context["recipient"] = question.recipient
    return {
        "subject": subject,
        "action": {"name": question.action},
        "resource": {
            "type": "information",
            "id": question.company,
            "properties": {"categories": question.categories},
        },
        "context": context,
    }


def _permitted(question: Question, answer: _Answer) -> tuple[str, ...]:
    """
    Take what was asked for and is permitted; a policy that names no categories decides on all.
    """
    named = answer.context.permitted
    if named is None:
        named = tuple(question.categories) if answer.decision else ()
    return tuple(category for category in question.categories if category in named)
