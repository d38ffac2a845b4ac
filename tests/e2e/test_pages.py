"""
The reader of documentation pages.
"""

import pytest

from tests.e2e.pages import Block, asked_and_answered, blocks, cut, table

PAGE = """\
# A page

`a/b.json`:

```json
{}
```

Then

```sh
curl -s http://127.0.0.1:8080/
```

answers

```json
{"yes": true}
```

```json
{"alone": true}
```

| name | age |
|---|---|
| `ann` | 7 |
| `bob` | |

| `code` | do |
|---|---|
| `no` | nothing |
"""


def test_blocks_are_read_in_order(tmp_path):
    """
    Each block is read with its language and, where the line before names one, its file.
    """
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")

    assert blocks(page) == [
        Block("json", "{}\n", "a/b.json"),
        Block("sh", "curl -s http://127.0.0.1:8080/\n", None),
        Block("json", '{"yes": true}\n', None),
        Block("json", '{"alone": true}\n', None),
    ]


def test_a_request_goes_with_the_next_answer(tmp_path):
    """
    Only a curl command and the JSON block right after it make a pair.
    """
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")

    assert asked_and_answered(page) == [("curl -s http://127.0.0.1:8080/\n", {"yes": True})]


def test_a_table_is_found_by_a_column(tmp_path):
    """
    Its rows are read by the names of their columns; one that is not there is an error.
    """
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")

    assert table(page, "`code`") == [{"`code`": "`no`", "do": "nothing"}]
    assert table(page, "age") == [{"name": "`ann`", "age": "7"}, {"name": "`bob`", "age": ""}]
    with pytest.raises(LookupError):
        table(page, "size")


def test_an_answer_is_cut_to_what_is_shown():
    """
    What an object has beside is left out, and what it has not stays away; a list is not cut.
    """
    answer = {"a": [{"b": 1, "c": 2}], "d": [1, 2], "e": 3}

    assert cut(answer, {"a": [{"c": 9}], "d": [1], "f": 4}) == {"a": [{"c": 2}], "d": [1, 2]}
