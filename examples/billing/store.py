"""
What the billing service keeps, in SQLite.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SCHEMA: Final = Path(__file__).with_name("schema.sql")
# Which kind of information stands in which column of `information`.
_COLUMNS: Final = {
    "company_name": "company_name",
    "phone_number": "phone_number",
    "payment_information": "payment_information",
}


def prepare(file: Path) -> None:
    """
    Make the tables and the first rows of a database, where they are not there yet.
    """
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(_SCHEMA.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Carrier:
    """
    Who brings goods to companies.

    Attributes:
        id: Its name here.

        address: Where orders are sent.

        bound: Whether it signed to follow the relevant laws.

        needs: The kinds of information that its contract needs.
    """

    id: str
    address: str
    bound: bool
    needs: tuple[str, ...]


class Store:
    """
    Reads and writes on a connection; nothing lasts before it is committed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def has_contract(self, company: str) -> bool:
        """
        Say whether we have a contract with a company.
        """
        found = self._connection.execute("SELECT 1 FROM contracts WHERE company = ?", [company])
        return found.fetchone() is not None

    def carrier(self, name: str) -> Carrier | None:
        """
        Find a carrier; None where there is none of that name.
        """
        found = self._connection.execute(
            "SELECT id, address, bound, needs FROM carriers WHERE id = ?", [name]
        ).fetchone()
        return found and Carrier(found[0], found[1], bool(found[2]), tuple(found[3].split()))

    def information(self, company: str, categories: Sequence[str]) -> dict[str, str]:
        """
        Read what we know about a company, of some kinds and of no others.
        """
        columns = ", ".join(_COLUMNS[category] for category in categories)
        found = self._connection.execute(
            f"SELECT {columns} FROM information WHERE company = ?", [company]
        ).fetchone()
        return dict(zip(categories, found, strict=True))

    def queries(self, company: str) -> list[str]:
        """
        Read what a company searched for in our help.
        """
        found = self._connection.execute(
            "SELECT query FROM queries WHERE company = ? ORDER BY id", [company]
        )
        return [query for (query,) in found]

    def forget_addresses(self, company: str) -> None:
        """
        Delete from where a company searched.
        """
        self._connection.execute(
            "UPDATE queries SET ip_address = NULL WHERE company = ?", [company]
        )

    def send(self, carrier: Carrier, content: Any) -> None:
        """
        Put something into the outbox.
        """
        self._connection.execute(
            "INSERT INTO outbox (address, content) VALUES (?, ?)",
            [carrier.address, json.dumps(content)],
        )
