"""
The reader of documentation pages.
"""

from tests.e2e.pages import Block, asked_and_answered, blocks

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
