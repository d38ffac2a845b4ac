"""
How far a long command is, on stderr.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import click

_T = TypeVar("_T")

option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, on stderr. By default on a terminal.",
)


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Shows how far something is, where that is wanted.

    Attributes:
        wanted: Whether it is; None for on a terminal alone.
    """

    wanted: bool | None

    def bar(self, label: str, length: int) -> "Bar":
        """
        Begin to show something.

        Args:
            label: What is done.

            length: How much there is to do.
        """
        return Bar(label, length, sys.stderr.isatty() if self.wanted is None else self.wanted)


class Bar:
    """
    Shows how far one thing is.

    Args:
        label: What is done.

        length: How much there is to do.

        shown: Whether it is shown.
    """

    def __init__(self, label: str, length: int, shown: bool) -> None:
        self._bar = click.progressbar(length=length, label=label, file=sys.stderr, hidden=not shown)
        # A file gets lines, where a terminal has one that changes.
        self._lines = shown and not sys.stderr.isatty()

    def __enter__(self) -> "Bar":
        self._bar.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._bar.__exit__(None, None, None)

    def advance(self, steps: int = 1) -> None:
        """
        Say that more of it is done.
        """
        self._bar.update(steps)
        if self._lines:
            click.echo(self._bar.format_progress_line(), err=True)

    def through(self, items: Iterable[_T], every: int) -> Iterator[_T]:
        """
        Go through items, each one a step.

        Args:
            items: The items.

            every: After how many of them it is told.
        """
        done = 0
        for done, item in enumerate(items, 1):
            yield item
            if done % every == 0:
                self.advance(every)
        self.advance(done % every)
