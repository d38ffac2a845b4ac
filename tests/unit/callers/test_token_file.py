"""
sidecar.callers.token_file
"""

from pathlib import Path

import pytest

from sidecar.callers.token_file import TokenFile, read
from sidecar.errors import SettingsError
from tests.credentials import replace

SECRET = "zzSECRETzz"


def test_each_token_has_its_caller(tmp_path: Path):
    """
    A token is its caller's, who may have two of them; anything else is nobody's.
    """
    file = tmp_path / "tokens"
    file.write_text("# ours\n\n billing  t-1==\nbilling t-2\n\tshop t.3~+/\n  # more\n", "utf-8")
    tokens = TokenFile(file)
    given = ["t-1==", "t-2", "t.3~+/", "t-1", "t-1=", "t-11", "", "billing", "T-2", "# ours"]

    assert [tokens.name(token) for token in given] == ["billing", "billing", "shop", *[None] * 7]


def test_no_token_is_kept(tmp_path: Path):
    """
    What stays in memory are digests.
    """
    file = tmp_path / "tokens"
    file.write_text(f"billing {SECRET}\n", "utf-8")

    assert SECRET not in repr(read(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SECRET, "line 1: it must be a name and a token"),
        (f"a b\n{SECRET}\n", "line 2: it must be a name and a token"),
        (f"# c\n\na {SECRET} c", "line 3: it must be a name and a token"),
        (f"a {SECRET}\nb {SECRET}\n", "line 2: this token stands twice"),
        (f"a {SECRET},x", "line 1: a token is letters, digits and -._~+/, and may end in ="),
        (f"a ={SECRET}", "line 1: a token is letters, digits and -._~+/, and may end in ="),
        ("a \xe9", "line 1: a token is letters, digits and -._~+/, and may end in ="),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, content: str, said: str):
    """
    The message says which line is wrong, and never what stands there.
    """
    file = tmp_path / "tokens"
    file.write_text(content, "utf-8")
    with pytest.raises(SettingsError) as wrong:
        read(file)

    assert wrong.value.message == f"SIDECAR_TOKENS_FILE, {said}"


def test_what_cannot_be_read(tmp_path: Path):
    """
    A file that is not there, a folder, and what is no text are refused.
    """
    bad = tmp_path / "bad"
    bad.write_bytes(b"a \xff\n")
    said = []
    for file in (tmp_path / "no", tmp_path, bad):
        with pytest.raises(SettingsError) as wrong:
            read(file)
        said.append(wrong.value.message)

    assert said == [
        "SIDECAR_TOKENS_FILE cannot be read: No such file or directory",
        "SIDECAR_TOKENS_FILE cannot be read: Is a directory",
        "SIDECAR_TOKENS_FILE must be text in UTF-8",
    ]


def test_it_is_read_again(tmp_path: Path):
    """
    What was put in counts at once, what was taken out does not, and a broken file lets nobody in.
    """
    file = tmp_path / "tokens"
    replace(file, "billing t-1\n")
    tokens = TokenFile(file)
    assert tokens.name("t-1") == "billing"

    replace(file, "billing t-2\n")
    assert [tokens.name("t-1"), tokens.name("t-2")] == [None, "billing"]
    replace(file, "billing t-2\nbroken\n")
    assert tokens.name("t-2") is None
    file.unlink()
    assert tokens.name("t-2") is None
    replace(file, "billing t-2\n")
    assert tokens.name("t-2") == "billing"


def test_what_is_written_in_place_is_seen(tmp_path: Path):
    """
    Many writes of one length in one moment, to the same file: each of them counts.
    """
    file = tmp_path / "tokens"
    file.write_text("billing t-000\n", "utf-8")
    tokens = TokenFile(file)

    for n in range(100):
        file.write_text(f"billing t-{n:03}\n", "utf-8")
        assert tokens.name(f"t-{n:03}") == "billing"
