"""
Records in a chain: each one holds the digest of the one before it, so that none can be changed,
taken out or moved without the next one telling.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

NOTHING: Final = "0" * 64
"""
Stands for the digest of the record before the first.
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """
    How far a chain goes.

    Attributes:
        id: The chain's name: each process has its own.

        seq: The number of its last record, from 1; 0 where there is none yet.

        digest: The last record's digest: SHA-256 of its line, without the line end.
    """

    id: str
    seq: int = 0
    digest: str = NOTHING

    def linked(self, records: Sequence[bytes]) -> tuple[bytes, "Chain"]:
        """
        Put records into the chain.

        Args:
            records: Each one an object of JSON.

        Returns:
            Their lines, and the chain as it is then. This one stays as it is: whoever cannot write
            the lines goes on with it.
        """
        digest = self.digest
        chained = f',"chain":{{"id":"{self.id}","seq":'
        lines: list[bytes] = []
        for seq, record in enumerate(records, self.seq + 1):
            line = record[:-1] + f'{chained}{seq},"previous":"{digest}"}}}}'.encode()
            digest = digest_of(line)
            lines.append(line)
        # So that the last one ends, too.
        lines.append(b"")
        return b"\n".join(lines), replace(self, seq=self.seq + len(records), digest=digest)


def digest_of(line: bytes) -> str:
    """
    Return a line's digest.
    """
    return hashlib.sha256(line).hexdigest()
