"""
The impact of a change as a page to look at: one file of HTML that needs nothing else.
"""

import json
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from sidecar.replay.impact import BY, CLOSED, OPENED, UNDECIDED, Flip, Impact

WORDS: Final = {
    OPENED: "refusals become permissions",
    CLOSED: "permissions become refusals",
    UNDECIDED: "are not decided any more",
}

_FLIPS: Final = 100


def page(impact: Impact, unacknowledged: int, against: str, baseline: str) -> str:
    """
    Write the page.

    Args:
        impact: What would be decided otherwise.

        unacknowledged: How many records open, and nobody said that they may.

        against: What the new bundle is called.

        baseline: What is compared with.
    """
    tallies = {what: impact.by(what) for what in BY}
    examples = [tally.flip for by in tallies.values() for tally in by.values()]
    # Each example is there to be looked at, whatever else is too much.
    shown = {id(flip) for flip in (*impact.flips[:_FLIPS], *examples)}
    flips = {flip: number for number, flip in enumerate(impact.flips, 1) if id(flip) in shown}
    return _page.render(
        impact=impact,
        unacknowledged=unacknowledged,
        against=against,
        baseline=baseline,
        words=WORDS,
        tallies=tallies,
        flips=flips,
        input_of=_input_of,
    )


def _input_of(flip: Flip) -> str:
    return json.dumps(flip.group.example.asked, indent=2, ensure_ascii=False)


_page: Final = Environment(
    loader=PackageLoader("sidecar.replay", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
).get_template("page.html")
