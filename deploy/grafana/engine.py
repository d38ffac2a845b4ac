"""
The dashboard *Bundles and engine*: what decides, since when, and how OPA and the records are.
"""

from typing import Final

from deploy.grafana.board import CHOSEN, OF_TARGETS, Board, Panel

_RATE: Final = "$__rate_interval"
_RECORDS: Final = "privacy_decision_records_total"
_OPA: Final = f'job="opa",{OF_TARGETS}'


def _sum(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{CHOSEN}{more}}}[{_RATE}]))"


def _in_all(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (increase({metric}{{{CHOSEN}{more}}}[$__range]))"


ENGINE: Final = Board(
    "privacy-engine",
    "Privacy: bundles and engine",
    "What decides, and since when; how OPA is; what comes from memory; what becomes of records.",
    {
        "Bundles": [
            Panel(
                "Which revisions decide?",
                "Sidecars by revision. More than one for longer than a rollout takes: see the "
                "runbook several-revisions.",
                "short",
                {
                    "{{agreement}} {{version}}, {{revision}}": (
                        f"count by (agreement, version, revision) (privacy_bundle_info{{{CHOSEN}}})"
                    )
                },
                "stacked",
            ),
            Panel(
                "How old is what decides?",
                "Since when nobody has told that the bundle is the newest; 0 for one that is set. "
                "Above an hour: see the runbook bundle-stale.",
                "s",
                {"{{instance}}": f"privacy_bundle_age_seconds{{{CHOSEN}}}"},
                limit=3600,
            ),
            Panel(
                "How long ago was the last success?",
                "Of fetching and activating, by sidecar. All alike and growing: the server of "
                "bundles. One alone: that sidecar, or its network.",
                "s",
                {
                    "{{instance}}": (
                        f"time() - privacy_bundle_last_success_timestamp_seconds{{{CHOSEN}}}"
                    )
                },
                "bars",
            ),
            Panel(
                "Why was a bundle not activated?",
                "Failures in the time shown. See the runbook bundle-not-taken: it says what each "
                "code means.",
                "short",
                {"{{code}}": _in_all("privacy_bundle_activation_failures_total", "code")},
                "bars",
                limit=1,
            ),
        ],
        "Readiness": [
            Panel(
                "Can decisions be made?",
                "1 is ready. One at 0: see the runbook sidecar-not-ready. All at 0: no-decisions.",
                "short",
                {
                    "{{instance}}": f"privacy_ready{{{OF_TARGETS}}}",
                    "{{instance}}, {{job}} answers": f"up{{{OF_TARGETS}}}",
                },
            ),
            Panel(
                "How often was OPA started again?",
                "By the sidecar, in the time shown. More than twice in half an hour: see the "
                "runbook opa-restarting.",
                "short",
                {"{{instance}}": _in_all("privacy_engine_restarts_total", "instance")},
                "bars",
                limit=3,
            ),
            Panel(
                "What became of changed route tables?",
                "`refused` has a mistake, and the table before stays in force until a restart: "
                "see the runbook route-table-refused.",
                "short",
                {"{{result}}": _in_all("privacy_route_table_reads_total", "result")},
                "bars",
            ),
        ],
        "OPA": [
            Panel(
                "How much is OPA asked?",
                "By status. Anything but 200 in quantity: the policy fails, or the bundle is gone. "
                "Compare with the errors of the dashboard on decisions.",
                "reqps",
                {
                    "{{code}} {{handler}}": (
                        "sum by (code, handler) "
                        f"(rate(http_request_duration_seconds_count{{{_OPA}}}[{_RATE}]))"
                    )
                },
                "stacked",
            ),
            Panel(
                "How long does OPA take?",
                "For its data API, without the way to it. Growing with the load: more CPU. Growing "
                "with a bundle: measure it with `make bench-policies`.",
                "s",
                {
                    f"{share} %": (
                        f"histogram_quantile({share / 100}, sum by (le) "
                        f'(rate(http_request_duration_seconds_bucket{{{_OPA},handler="v1/data"}}'
                        f"[{_RATE}])))"
                    )
                    for share in (50, 99)
                },
            ),
            Panel(
                "How much memory does OPA hold?",
                "Close to the pod's limit: raise it, or set GOMEMLIMIT below it, before OPA is "
                "killed.",
                "bytes",
                {"{{instance}}": f"go_memory_classes_total_bytes{{{_OPA}}}"},
            ),
            Panel(
                "How much is decided from memory?",
                "Share of decisions that OPA was not asked for. A fall after a new bundle mends "
                "itself; a lasting one: it reads more of a request (`reads`), or memory is small.",
                "percentunit",
                {
                    "from memory": (
                        f'sum(rate(privacy_decision_cache_total{{{CHOSEN},result="hit"}}[{_RATE}]))'
                        f" / sum(rate(privacy_decision_cache_total{{{CHOSEN}}}[{_RATE}]))"
                    )
                },
            ),
        ],
        "Records": [
            Panel(
                "What becomes of records?",
                "`dropped` and `refused` must not be. `shipped` well below `written`: see the "
                "runbook records-backing-up.",
                "ops",
                {"{{result}}": _sum(_RECORDS, "result")},
            ),
            Panel(
                "How many records are lost?",
                "In the time shown; what is lost cannot be had back. See the runbook "
                "records-dropped.",
                "short",
                {"lost": f'sum(increase({_RECORDS}{{{CHOSEN},result="dropped"}}[$__range]))'},
                "value",
                limit=1,
            ),
        ],
    },
)
