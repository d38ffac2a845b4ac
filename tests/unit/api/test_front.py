"""
sidecar.api.front: what is answered at once, and what somebody has to wait for.
"""

from pathlib import Path

from sidecar.api.front import Front
from sidecar.api.request import Environ, Reply, finished
from sidecar.callers.gate import Gate
from sidecar.callers.settings import Callers, JwtSettings
from tests.credentials import AUDIENCE, ISSUER
from tests.unit.callers.test_keys import FIRST, SECOND, issuing

PATH = "/access/v1/here"


def asked(**more: str) -> Environ:
    """
    Make a request.
    """
    return {"REQUEST_METHOD": "POST", "PATH_INFO": PATH, **more}


def answers(environ: Environ) -> Reply:
    """
    Answer at once.
    """
    return Reply(b"{}")


def test_who_must_be_asked_for_keys_is_waited_for(tmp_path: Path):
    """
    Where a token can be verified only once keys were fetched, nothing is done before somebody
    waits. Then the token is looked at.
    """
    failures: list[str] = []
    with issuing(tmp_path) as (issuer, ca):
        callers = Callers(jwt=JwtSettings(issuer.url, ca, ISSUER, AUDIENCE))
        soon = Front(Gate(callers, certificates=False), failures.append).soon({PATH: answers})
        good = soon(asked(HTTP_AUTHORIZATION=f"Bearer {FIRST.token()}"))
        wrong = soon(asked(HTTP_AUTHORIZATION=f"Bearer {SECOND.token()}"))

        assert good is not None and wrong is not None
        assert not isinstance(good, Reply) and not isinstance(wrong, Reply)
        assert (issuer.asked, failures) == ([], [])

        assert (finished(good).status, finished(wrong).status) == (200, 401)
        assert failures == ["unauthenticated"]
        assert len(issuer.asked) == 1


def test_what_need_not_wait_is_answered_at_once():
    """
    A reply has its length; whatever else is asked for is for others.
    """
    soon = Front(None, lambda code: None).soon({PATH: answers})
    got = soon(asked(HTTP_X_REQUEST_ID="r-1"))

    assert isinstance(got, Reply)
    assert got.headers == {"X-Request-ID": "r-1", "Content-Length": "2"}
    for other in ({"REQUEST_METHOD": "GET"}, {"PATH_INFO": "/"}, {"HTTP_UPGRADE": "h2c"}):
        assert soon(asked() | other) is None


def test_what_fails_while_it_is_waited_for():
    """
    It is answered as what fails at once.
    """

    def waits(environ: Environ) -> Reply:
        raise KeyError("SECRET")

    failures: list[str] = []
    soon = Front(None, failures.append).soon({PATH: lambda environ: lambda: waits(environ)})
    got = soon(asked())

    assert got is not None and not isinstance(got, Reply)
    reply = finished(got)
    assert (reply.status, failures) == (500, ["internal_error"])
    assert b"SECRET" not in reply.body
