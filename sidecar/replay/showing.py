"""
One recorded decision, told to people: what was asked, what was decided, by which clauses in the
bundle's own words, and whether a bundle decides the same.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.api.answer import complete
from sidecar.engine.decision import Decision, entries, objects
from sidecar.errors import EngineError
from sidecar.replay.deciding import Policy
from sidecar.replay.recorded import Recorded
from sidecar.replay.verdict import Verdict

_VERDICTS: Final = {
    "permitted": "It was permitted",
    "partial": "It was permitted in part",
    "denied": "It was refused",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """
    A recorded decision, explained.

    Attributes:
        decision_id: The decision's name.

        sentence: What was asked and decided.

        reason: Why, in the bundle's words; empty where it has none.

        revision: The revision of the bundle that decided; empty where that is not recorded.

        clauses: The clauses that it cites: id, effect, and what the clause says in the bundle's
            words.

        stated: The facts that were stated.

        missing_facts: The facts that were missing.

        obligations: What a permission demanded.

        before: What was decided.

        after: What the bundle decides; None where it decides nothing.

        undecided: Why it decides nothing.

        bundle: The revision of the bundle.
    """

    decision_id: str
    sentence: str
    reason: str
    revision: str
    clauses: tuple[Mapping[str, str], ...]
    stated: Mapping[str, Any]
    missing_facts: tuple[str, ...]
    obligations: tuple[str, ...]
    before: Verdict
    after: Verdict | None
    undecided: str
    bundle: str

    @property
    def same(self) -> bool:
        """
        Whether the bundle permits and refuses the same.
        """
        before, after = self.before, self.after
        return after is not None and (before.allowed, _set(before)) == (after.allowed, _set(after))

    @property
    def today(self) -> str:
        """
        Say whether the bundle decides the same.
        """
        if self.after is None:
            return f"The bundle of today ({self.bundle}) decides nothing: {self.undecided}"
        if not self.same:
            return f"The bundle of today ({self.bundle}) decides otherwise: {_told(self.after)}."
        said = f"The bundle of today ({self.bundle}) decides the same"
        if (self.before.reason, set(self.before.clauses)) == (
            self.after.reason,
            set(self.after.clauses),
        ):
            return f"{said}, for the same reason and by the same clauses."
        return f"{said}, but not in the same way: {_told(self.after)}."

    def said(self) -> dict[str, Any]:
        """
        Write it as JSON has it.
        """
        return {
            "decision_id": self.decision_id,
            "sentence": self.sentence,
            "reason": self.reason,
            "revision": self.revision,
            "clauses": [dict(clause) for clause in self.clauses],
            "facts": dict(self.stated),
            "missing_facts": list(self.missing_facts),
            "obligations": list(self.obligations),
            "before": self.before.said(),
            "today": {
                "revision": self.bundle,
                "same": self.same,
                "sentence": self.today,
                "decides": self.after.said() if self.after else None,
            },
        }


def shown(record: Mapping[str, Any], policy: Policy) -> Shown:
    """
    Explain a record.

    Args:
        record: The record, as it was written.

        policy: The bundle whose words are used, and that decides again, on the record's own date.
    """
    info = policy.engine.bundle()
    kept = Recorded(
        record["decision_id"], json.dumps(record["input"]), json.dumps(record["result"])
    )
    # What the answer was like to whoever asked, or would have been if they had asked for all of it.
    allowed, context = kept.decided
    verdict = Verdict.of(allowed, context)
    decision = Decision(allowed, context, info.revision)
    told = complete(decision, {}, info, kept.decision_id, max_age_s=0)["context"]
    (outcome,) = policy.decide([kept.asked])
    decided = None if isinstance(outcome, EngineError) else outcome
    return Shown(
        decision_id=kept.decision_id,
        sentence=_sentence(record, kept),
        reason=_in_english(told.get("reason_admin")),
        revision=_revision(record),
        clauses=tuple(_clause(clause) for clause in objects(told.get("clauses"))),
        stated=_mapping(_mapping(kept.asked.get("context")).get("facts")),
        missing_facts=_texts(context.get("missing_facts")),
        obligations=_texts(context.get("obligations")),
        before=verdict,
        after=Verdict.of(decided.allowed, decided.context) if decided else None,
        undecided=outcome.message if isinstance(outcome, EngineError) else "",
        bundle=info.revision,
    )


def _sentence(record: Mapping[str, Any], kept: Recorded) -> str:
    asked, (allowed, said) = kept.asked, kept.decided
    context = _mapping(asked.get("context"))
    properties = _mapping(_mapping(asked.get("resource")).get("properties"))
    what = _listed(entries(properties.get("categories"))) or _typed(asked.get("resource"))
    purpose = context.get("purpose")
    purposes = _listed(purpose if isinstance(purpose, list) else [purpose] if purpose else [])
    recipient = _typed(context.get("recipient")) if "recipient" in context else ""
    question = (
        f"{record.get('requested_by') or 'Somebody'} asked whether {_typed(asked.get('subject'))}"
        f" may {_mapping(asked.get('action')).get('name')} {what}"
        + (f" for {purposes}" if purposes else "")
        + (f", with {recipient} as the recipient" if recipient else "")
    )
    when = f"{record['timestamp']}: " if record.get("timestamp") else ""
    outcome = said.get("outcome") or ("permitted" if allowed else "denied")
    verdict = _VERDICTS.get(str(outcome), _VERDICTS["denied"])
    because = f" ({said['reason']})" if said.get("reason") else ""
    permitted = _listed(entries(said.get("permitted")))
    denied = "; ".join(
        f"{entry.get('category')} was refused ({entry.get('reason')})"
        for entry in objects(said.get("denied"))
    )
    parts = [f"{permitted} was permitted" if permitted and not allowed else "", denied]
    details = "; ".join(filter(None, parts))
    return f"{when}{question}. {verdict}{because}{f': {details}' if details else ''}."


def _told(verdict: Verdict) -> str:
    what = "it is permitted" if verdict.allowed else "it is refused"
    if verdict.permitted and not verdict.allowed:
        what = f"{_listed(verdict.permitted)} alone is permitted"
    because = f" ({verdict.reason})" if verdict.reason else ""
    by = f", by {_listed(verdict.clauses)}" if verdict.clauses else ""
    return f"{what}{because}{by}"


def _set(verdict: Verdict) -> frozenset[str] | None:
    return None if verdict.permitted is None else frozenset(verdict.permitted)


def _clause(clause: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: str(clause.get(name, "")) for name in ("id", "effect", "says")}


def _revision(record: Mapping[str, Any]) -> str:
    bundles = _mapping(record.get("bundles")).values()
    return _listed(_mapping(bundle).get("revision", "") for bundle in bundles)


def _in_english(sentence: Any) -> str:
    return str(sentence.get("en", "")) if isinstance(sentence, dict) else str(sentence or "")


def _texts(value: Any) -> tuple[str, ...]:
    """
    Name what a list holds: texts, or objects with an id.
    """
    return tuple(
        str(entry.get("id", "")) if isinstance(entry, dict) else str(entry)
        for entry in entries(value)
    )


def _typed(entity: Any) -> str:
    return str(_mapping(entity).get("type", "something"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(words: Iterable[Any]) -> str:
    return ", ".join(map(str, words))
