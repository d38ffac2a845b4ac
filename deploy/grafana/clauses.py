"""
The dashboard *Clauses*: what permits and what refuses, for what purposes, and with which duties.
"""

from typing import Final

from deploy.grafana.board import CHOSEN, Board, Panel

_CITED: Final = "privacy_clause_decisions_total"
_TITLED: Final = "* on (clause) group_left (title) privacy:clause_with_rule"


def _in_all(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (increase({metric}{{{CHOSEN}{more}}}[$__range]))"


def _top(metric: str, by: str, more: str = "") -> str:
    return f"topk(15, {_in_all(metric, by, more)} > 0)"


def _clauses(effects: str) -> str:
    cited = _in_all(_CITED, "clause", f',effect=~"{effects}"')
    return f"topk(15, ({cited} > 0) {_TITLED})"


def _rate(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{CHOSEN}{more}}}[$__rate_interval]))"


CLAUSES: Final = Board(
    "privacy-clauses",
    "Privacy: clauses",
    "What permits and what refuses, clause by clause; for what purposes, and with which duties.",
    {
        "By clause": [
            Panel(
                "Which clauses permit?",
                "What the business runs on, for the time shown. One that is new here: ask who uses "
                "it, and whether its conditions are really met.",
                "short",
                {"{{clause}} {{title}}": _clauses("permits")},
                "bars",
            ),
            Panel(
                "Which clauses prohibit or limit?",
                "A limit is cited also where it is kept. One that grew: find the service and tell "
                "it, or the bundle that changed. See the runbook clause-shifted.",
                "short",
                {"{{clause}} {{title}}": _clauses("prohibits|limits")},
                "bars",
            ),
            Panel(
                "Which clauses oblige?",
                "Each is work that a service has to do. Ask now and then for the evidence.",
                "short",
                {"{{clause}} {{title}}": _clauses("obliges")},
                "bars",
            ),
            Panel(
                "Which clauses are never cited?",
                "Of those with a rule, in the time shown; choose two weeks. Either nobody does "
                "what they are about, or nobody asks: see the runbook clause-never-exercised.",
                "short",
                {
                    "{{clause}} {{title}}": (
                        f"privacy:clause_with_rule unless on (clause) "
                        f"({_in_all(_CITED, 'clause')} > 0)"
                    )
                },
                "bars",
            ),
            Panel(
                "What do clauses do?",
                "Citations by effect. They keep their proportions while services and bundle stay "
                "the same: a kink is a change of one of them.",
                "ops",
                {"{{effect}}": _rate(_CITED, "effect")},
                "stacked",
            ),
            Panel(
                "Has the share of a clause shifted?",
                "Share of all decisions of an hour, of all sidecars, whatever is chosen above. "
                "Compare with the day before; more than 20 % apart, PrivacyClauseShifted fires.",
                "percentunit",
                {"{{clause}} {{effect}}": "privacy:clauses:share_rate1h"},
            ),
        ],
        "By purpose": [
            Panel(
                "For which purposes is it asked?",
                "`other` is an unknown purpose, or several at once. Unknown ones are refused: find "
                "the service.",
                "short",
                {"{{purpose}}": _top("privacy_decisions_total", "purpose")},
                "bars",
            ),
            Panel(
                "For which purposes is it refused?",
                "Begin with the longest bar: its service waits for something, or should not try.",
                "short",
                {
                    "{{purpose}}": _top(
                        "privacy_decisions_total", "purpose", ',outcome!="permitted"'
                    )
                },
                "bars",
            ),
            Panel(
                "What prohibited things are tried?",
                "No fact would change the answer. Talk to whoever built the service: see the "
                "runbook prohibited-attempts.",
                "ops",
                {
                    "{{action}} for {{purpose}}": _rate(
                        "privacy_decisions_total", "action, purpose", ',reason="prohibited"'
                    )
                },
                "stacked",
            ),
            Panel(
                "Has the share of a reason shifted?",
                "Share of all decisions of an hour, of all sidecars, whatever is chosen above. "
                "More than 20 % apart from the day before, PrivacyRefusalsShifted fires.",
                "percentunit",
                {"{{reason}}": "privacy:refusals:share_rate1h"},
            ),
        ],
        "What is asked for in return": [
            Panel(
                "Which obligations are handed back?",
                "Services must carry these out. For each, know which one does, and how that is "
                "shown.",
                "short",
                {"{{obligation}}": _top("privacy_obligations_total", "obligation")},
                "bars",
            ),
            Panel(
                "Which facts are missing?",
                "Evaluations that a fact was missing for. Have the services state it, or put it "
                "into a register.",
                "short",
                {"{{fact}}": _top("privacy_missing_facts_total", "fact")},
                "bars",
            ),
            Panel(
                "What ends in the registers?",
                "Entries of the active registers by how soon they end. `past` and `7d`: have their "
                "authors renew them, see the runbook register-entries-end.",
                "short",
                {
                    "{{kind}} {{ends}}": (
                        "max by (kind, ends) "
                        f'(privacy_register_entries{{{CHOSEN},ends=~"past|7d|30d"}}) > 0'
                    )
                },
                "bars",
            ),
        ],
    },
)
