"""
Answers, completed with what the bundle says of its agreement (contract, sections 1 and 3).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sidecar.engine.bundle_info import Agreement, BundleInfo
from sidecar.engine.decision import Decision, entries, objects
from sidecar.errors import SidecarError

BARE: Final = "bare"


def complete(
    decision: Decision,
    asked: Mapping[str, Any],
    info: BundleInfo,
    decision_id: str,
    max_age_s: int,
) -> dict[str, Any]:
    """
    Make the answer to one evaluation.

    Args:
        decision: What the policy decided.

        asked: The evaluation; its `context.answer` says how much is wanted.

        info: What the bundle that decided says of itself.

        decision_id: The decision's name.

        max_age_s: For how many seconds the caller may use it again.

    Returns:
        `decision`, and `context` where the policy gave one.
    """
    context = decision.context
    if context is None:
        return {"decision": decision.allowed}
    if asked.get("context", {}).get("answer") == BARE:
        obligations = context.get("obligations")
        if decision.allowed and obligations:
            return {"decision": True, "context": {"obligations": obligations}}
        return {"decision": decision.allowed}
    whole = {**context, "decision_id": decision_id}
    if info.agreement is not None:
        _explain(whole, info.agreement)
        whole["policy"] = _policy(info.agreement, decision.revision, max_age_s)
    return {"decision": decision.allowed, "context": whole}


def failed(error: SidecarError) -> dict[str, Any]:
    """
    Make the answer to an evaluation in a batch on which no decision could be made.
    """
    return {"decision": False, "context": {"error": error.described()}}


def _explain(context: dict[str, Any], agreement: Agreement) -> None:
    clauses = context.get("clauses")
    if isinstance(clauses, list):
        context["clauses"] = [_described(clause, agreement.clauses) for clause in clauses]
    templates = agreement.sentences.get(str(context.get("reason")))
    if isinstance(templates, dict):
        words = _words(context)
        for whom, template in templates.items():
            context[f"reason_{whom}"] = _filled(template, words)


def _described(clause: Any, registry: Mapping[str, Mapping[str, Any]]) -> Any:
    if isinstance(clause, dict) and (known := registry.get(str(clause.get("id")))):
        return {**clause, **known}
    return clause


def _filled(template: Any, words: Mapping[str, str]) -> Any:
    """
    Fill in one sentence, or one in each language.
    """
    if isinstance(template, dict):
        return {language: _filled(text, words) for language, text in template.items()}
    text = str(template)
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", word)
    return text


def _words(context: Mapping[str, Any]) -> dict[str, str]:
    return {
        "clauses": _listed(entry.get("id") for entry in objects(context.get("clauses"))),
        "missing_facts": _listed(entries(context.get("missing_facts"))),
        "problems": _listed(entry.get("at") for entry in objects(context.get("problems"))),
        "permitted": str(len(entries(context.get("permitted")))),
        "denied": str(len(entries(context.get("denied")))),
    }


def _listed(words: Iterable[Any]) -> str:
    return ", ".join(map(str, words))


def _policy(agreement: Agreement, revision: str, max_age_s: int) -> dict[str, Any]:
    return {
        "agreement": agreement.id,
        "version": agreement.version,
        "revision": revision,
        "switches": dict(agreement.switches),
        "max_age_s": max_age_s,
    }
