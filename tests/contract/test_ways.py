"""
The contract's cases, put to the application by each way that a request can take through it.
"""

import re

import pytest

from tests.contract.asking import Answer, Case, cases
from tests.contract.conftest import Sidecar

each_case = pytest.mark.parametrize(
    ("sidecar", "case"),
    [pytest.param(case.bundle, case, id=str(case)) for case in cases()],
    indirect=["sidecar"],
    scope="module",
)


def _nameless(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """
    Take an answer without its decision's name, and without what turns on how late in the day it is.
    """
    headers = dict(answer.headers)
    headers.pop("Date", None)
    name = headers.pop("X-Decision-ID", None)
    content = answer.content.replace((name or "-").encode(), b"-")
    return answer.status, headers, re.sub(rb'"max_age_s":[01]\b', b"", content)


@each_case
def test_every_way_gives_the_same_answer(sidecar: Sidecar, case: Case):
    """
    Whether Flask finds the endpoint or not, and whether OPA is asked, or a memory once or again:
    status, headers and body are the same, but for the decision's name.
    """
    expected = _nameless(sidecar.ways["routed"](case.request))

    assert _nameless(sidecar.ways["flask"](case.request)) == expected
    for _ in range(3):
        assert _nameless(sidecar.ways["remembering"](case.request)) == expected


@each_case
def test_the_server_s_short_way_is_no_other_one(sidecar: Sidecar, case: Case):
    """
    Whether the server's loop answers, or a thread: status, headers and body are the same, but for
    the decision's name and the time.
    """
    short, longer = sidecar.ways["gunicorn"], sidecar.ways["longer"]

    assert _nameless(longer(case.request)) == _nameless(short(case.request))
    assert _nameless(short(case.request)) == _nameless(longer(case.request))
