"""
sidecar.errors
"""

from collections.abc import Iterator

import pytest

from sidecar import errors
from sidecar.errors import SidecarError


def _tree(root: type[SidecarError] = SidecarError) -> Iterator[type[SidecarError]]:
    yield root
    for below in root.__subclasses__():
        yield from _tree(below)


ALL = list(_tree())
STARTING = (errors.SettingsError, errors.MissingPart)
ANSWERED = [error for error in ALL if not issubclass(error, STARTING)]


def test_the_docstring_draws_the_tree():
    """
    Every class is drawn, under its parent, and nothing else is.
    """
    drawn: list[tuple[str, str]] = []
    parents = {0: "Exception"}
    for line in (errors.__doc__ or "").splitlines():
        stripped = line.lstrip()
        if stripped[:2] in ("* ", "x ", "+ "):
            depth = (len(line) - len(stripped)) // 2
            parents[depth + 1] = stripped.split()[1]
            drawn.append((parents[depth], parents[depth + 1]))

    assert sorted(drawn) == sorted((e.__bases__[0].__name__, e.__name__) for e in ALL)


def test_codes_tell_errors_apart():
    """
    No two classes share a code, and each has one of its own.
    """
    assert len({error.code for error in ALL}) == len(ALL)
    assert all("code" in vars(error) for error in ALL)
    assert errors.codes() == {error.code for error in ALL}


@pytest.mark.parametrize("error", ANSWERED)
def test_an_error_is_of_its_branch(error: type[SidecarError]):
    """
    What is wrong with a request is 4xx, what OPA could not decide is 503, the rest is 500.
    """
    statuses: dict[type, set[int]] = {
        errors.RequestError: {400, 401, 403, 404, 405, 413, 429},
        errors.EngineError: {503},
        SidecarError: {500},
    }
    branch = next(parent for parent in error.__mro__ if parent in statuses)

    assert error.status in statuses[branch]


@pytest.mark.parametrize("error", ANSWERED)
def test_messages_are_fixed_sentences(error: type[SidecarError]):
    """
    The message is the class's own, whatever the path, and reads as a sentence.
    """
    raised = error("/subject/id")

    assert raised.message == str(raised) == error.sentence
    assert raised.message[0].isupper() and raised.message.endswith(".")
    assert raised.described() == {
        "code": error.code,
        "message": error.sentence,
        "path": "/subject/id",
    }


def test_without_a_path_none_is_described():
    """
    A body has no `path` where there is none.
    """
    assert set(errors.NotFound().described()) == {"code", "message"}


def test_too_many_evaluations_are_at_their_place():
    """
    The path need not be said: there is only one.
    """
    assert errors.TooManyEvaluations().path == "/evaluations"


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.Unauthenticated(), {"WWW-Authenticate": 'Bearer realm="sidecar"'}),
        (
            errors.Unauthenticated(sent=True),
            {"WWW-Authenticate": 'Bearer realm="sidecar", error="invalid_token"'},
        ),
        (errors.TooManyRequests(retry_after_s=0.01), {"Retry-After": "1"}),
        (errors.TooManyRequests(retry_after_s=2.5), {"Retry-After": "3"}),
        (errors.Forbidden(), {}),
    ],
)
def test_some_say_in_the_head_what_to_do(error: SidecarError, headers: dict[str, str]):
    """
    Who is not known is told how to be, and who asks too often when to come again.
    """
    assert error.headers == headers


@pytest.mark.parametrize(
    ("error", "exit_code"), [(errors.SettingsError, 2), (errors.MissingPart, 3)]
)
def test_what_stops_the_start_says_what_it_is_about(
    error: type[errors.SettingsError], exit_code: int
):
    """
    It has a sentence of its own, and the exit code of the command line.
    """
    raised = error("limits.body must be above 0, got 0")

    assert str(raised) == raised.message == "limits.body must be above 0, got 0"
    assert raised.exit_code == exit_code
