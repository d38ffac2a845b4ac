"""
`sidecar agreement check`.
"""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from sidecar.agreement.text import sections
from sidecar.cli.agreement import agreement

TEXT = "1. Books\n\nBooks are lent.\n\n2. Fees\n\nNone.\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """
    The text, as a file.
    """
    file = tmp_path / "rules.txt"
    file.write_text(TEXT, "utf-8")
    return file


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    A bundle with a registry that was reviewed against the text.
    """
    folder = tmp_path / "bundle"
    monkeypatch.setenv("SIDECAR_BUNDLE", str(folder))
    (folder / "library/rules").mkdir(parents=True)
    (folder / "library/rules/data.yaml").write_text(yaml.safe_dump(_document()), "utf-8")
    manifest = {"metadata": {"agreement": {"clauses": "library/rules/clauses"}}}
    (folder / ".manifest").write_text(json.dumps(manifest), "utf-8")
    return folder


def _document() -> dict[str, object]:
    digests = {number: section.sha256 for number, section in sections(TEXT).items()}
    return {
        "sections": {number: {"sha256": sha256} for number, sha256 in digests.items()},
        "clauses": {f"{n}-x": {"section": n, "reviewed": sha} for n, sha in digests.items()},
    }


def _check(*arguments: str | Path) -> Result:
    return CliRunner().invoke(agreement, ["check", *map(str, arguments)])


@pytest.mark.usefixtures("bundle")
def test_nothing_changed(text):
    """
    The reviewed text exits 0.
    """
    done = _check(text)

    assert (done.exit_code, done.output) == (0, "nothing changed in 2 sections\n")


@pytest.mark.usefixtures("bundle")
def test_what_changed_is_listed(text):
    """
    Changed, new and gone sections are listed with their new digests, and the clauses up for
    review; the exit code is 1.
    """
    text.write_text("1. Books\n\nBooks are sold.\n\n3. Cats\n\nAre welcome.\n", "utf-8")
    now = sections(text.read_text("utf-8"))

    done = _check(text)

    assert done.output.splitlines() == [
        f"section 1: changed, sha256 {now['1'].sha256}",
        f"section 3: new, sha256 {now['3'].sha256}",
        "section 2: gone",
        "clause 1-x: up for review (section 1)",
        "clause 2-x: up for review (section 2)",
    ]
    assert done.exit_code == 1


def test_the_registry_may_be_json(text, bundle):
    """
    A bundle may keep its registry as JSON.
    """
    folder = bundle / "library/rules"
    (folder / "data.yaml").unlink()
    (folder / "data.json").write_text(json.dumps(_document()), "utf-8")

    assert _check(text).exit_code == 0


def test_another_registry(text, bundle, monkeypatch):
    """
    --registry names a file, and then no bundle is needed.
    """
    monkeypatch.setenv("SIDECAR_BUNDLE", str(bundle / "nowhere"))

    assert _check(text, "--registry", bundle / "library/rules/data.yaml").exit_code == 0


@pytest.mark.usefixtures("bundle")
def test_a_text_without_sections_is_wrong_use(text):
    """
    A text that is not numbered exits 2.
    """
    text.write_text("Just a letter.\n", "utf-8")

    done = _check(text)

    assert done.exit_code == 2
    assert "has no numbered sections" in done.output


@pytest.mark.usefixtures("bundle")
def test_a_text_that_is_no_text_is_wrong_use(text):
    """
    A file in another encoding exits 2.
    """
    text.write_bytes(b"1. B\xfccher\n")

    done = _check(text)

    assert done.exit_code == 2
    assert "is not text in UTF-8" in done.output


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("library/rules/data.yaml", "clauses: {}\n", "sections must be a mapping"),
        ("library/rules/data.yaml", "[", "while parsing"),
        ("library/rules/data.yaml", None, "holds no registry"),
        (".manifest", "{}", "names no registry"),
        (".manifest", "[", "names no registry"),
        (".manifest", None, "names no registry"),
    ],
)
def test_a_registry_that_cannot_be_read_is_wrong_use(text, bundle, name, content, message):
    """
    A manifest or registry that is absent or broken exits 2, with a sentence.
    """
    (bundle / name).unlink()
    if content is not None:
        (bundle / name).write_text(content, "utf-8")

    done = _check(text)

    assert done.exit_code == 2
    assert message in done.output
