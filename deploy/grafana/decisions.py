"""
The dashboard *Decisions*: how many, what comes of them, how long they take, what goes wrong.
"""

from typing import Final

from deploy.grafana.board import CHOSEN, Board, Panel

_RATE: Final = "$__rate_interval"
_DURATION: Final = "privacy_decision_duration_seconds"


def _per_second(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{CHOSEN}{more}}}[{_RATE}]))"


def _quantile(quantile: float) -> str:
    buckets = f'sum by (le) (rate({_DURATION}_bucket{{{CHOSEN},stage="total"}}[{_RATE}]))'
    return f"histogram_quantile({quantile}, {buckets})"


def _all(metric: str, more: str = "") -> str:
    return f"sum(rate({metric}{{{CHOSEN}{more}}}[{_RATE}]))"


_QUICK: Final = _all(f"{_DURATION}_bucket", ',stage="total",le="0.01"')
_ANSWERS: Final = _all(f"{_DURATION}_count", ',stage="total"')

DECISIONS: Final = Board(
    "privacy-decisions",
    "Privacy: decisions",
    "How many evaluations are decided, what comes of them, how long they take, what goes wrong.",
    {
        "How much": [
            Panel(
                "How many evaluations are decided?",
                "A fall to nothing while services run means that they do not ask, or get no "
                "answer: look at the errors below, then at the services.",
                "reqps",
                {
                    "evaluations": _all("privacy_decisions_total"),
                    "answers": _ANSWERS,
                },
            ),
            Panel(
                "Which actions are asked for?",
                "`other` is an action that the vocabulary does not know: find the service that "
                "asks, and have it mended.",
                "reqps",
                {"{{action}}": _per_second("privacy_decisions_total", "action")},
                "stacked",
            ),
        ],
        "What comes of it": [
            Panel(
                "What is the outcome?",
                "A sudden change without a new bundle or a new service deserves a look: see which "
                "reason and which clause changed with it.",
                "reqps",
                {"{{outcome}}": _per_second("privacy_decisions_total", "outcome")},
                "stacked",
            ),
            Panel(
                "Why is it refused?",
                "`missing_fact`: the service must say more. `invalid_request`: mend the service. "
                "`prohibited`: talk to whoever built it.",
                "reqps",
                {
                    "{{reason}}": _per_second(
                        "privacy_decisions_total", "reason", ',outcome!="permitted"'
                    )
                },
                "stacked",
            ),
        ],
        "How long it takes": [
            Panel(
                "How long does an answer take?",
                "Above 10 ms at 99 %: look below where the time goes. A point is a trace: open it.",
                "s",
                {"50 %": _quantile(0.5), "90 %": _quantile(0.9), "99 %": _quantile(0.99)},
                limit=0.01,
                exemplars=True,
            ),
            Panel(
                "Where does the time go?",
                "Mean by stage. Much in `opa`: give it more CPU, or see whether memory hits fell. "
                "Much in `parse` or `answer`: large batches.",
                "s",
                {
                    "{{stage}}": _per_second(f"{_DURATION}_sum", "stage", ',stage!="total"')
                    + " / "
                    + _per_second(f"{_DURATION}_count", "stage", ',stage!="total"')
                },
                "stacked",
            ),
            Panel(
                "How many answers are slow?",
                "The objective allows one in a hundred to take over 10 ms. Above that for long: "
                "see the runbook latency-burn.",
                "percentunit",
                {"over 10 ms": f"1 - {_QUICK} / {_ANSWERS}"},
                limit=0.01,
            ),
            Panel(
                "Answers by how long they take",
                "Two humps are usual: from memory, and from OPA. A hump that moves to the right is "
                "a machine that has too much to do.",
                "reqps",
                {"at most {{le}} s": _per_second(f"{_DURATION}_bucket", "le", ',stage="total"')},
            ),
        ],
        "What goes wrong": [
            Panel(
                "Which errors are there?",
                "`engine_…`, `bundle_…`, `records_not_kept`: see the runbook availability-burn. "
                "The others are mistakes of callers: docs/decisions.md says what each means.",
                "reqps",
                {"{{code}}": _per_second("privacy_decision_errors_total", "code")},
                "stacked",
            ),
            Panel(
                "Is the objective for availability kept?",
                "Share of evaluations without a decision, of all sidecars, whatever is chosen "
                "above. Above 0.1 % for three days the budget is gone: stop changes, and mend.",
                "percentunit",
                {
                    "an hour": "privacy:failed:ratio_rate1h",
                    "a day": "privacy:failed:ratio_rate1d",
                    "three days": "privacy:failed:ratio_rate3d",
                },
                limit=0.001,
            ),
            Panel(
                "Which callers are turned away?",
                "`unauthenticated`: a token has run out. `forbidden`: a name is not on the list. "
                "`too_many_requests`: a caller asks too often. See the runbook callers-rejected.",
                "reqps",
                {
                    "{{code}}": _per_second(
                        "privacy_decision_errors_total",
                        "code",
                        ',code=~"unauthenticated|forbidden|too_many_requests"',
                    )
                },
            ),
        ],
    },
)
