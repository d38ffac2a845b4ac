"""
Records of made-up traffic: the requests are drawn from the agreement's vocabulary, each is really
decided, and recorded as the sidecar records it.
"""

import gzip
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from sidecar.engine.decision import Decision
from sidecar.names import new_id
from sidecar.records.chain import Chain
from sidecar.records.folder import Segment
from sidecar.records.masked import Masking
from sidecar.records.masking import Ids
from sidecar.records.record import About, Form
from sidecar.replay.deciding import Policy
from tests.properties.generator import Requests

APPLICATIONS: Final = 12

_BEGIN: Final = datetime(2026, 11, 16, tzinfo=UTC)
_IDS: Final = Ids("hash", b"only for measurements")
_SEGMENT: Final = 8_000
_ENDPOINT: Final = "/access/v1/evaluation"


@dataclass(frozen=True, slots=True)
class History:
    """
    Some traffic.

    Attributes:
        records: How many decisions there are.

        questions: How many different requests there are among them; some are far more frequent.

        days: On how many days they were decided.

        seed: The same seed makes the same requests, in the same order.
    """

    records: int
    questions: int
    days: int = 7
    seed: int = 6

    def write(self, folder: Path, policy: Policy, sample: Path, sampled: int) -> None:
        """
        Write records as the sidecar keeps them: segments of a chain, compressed.

        Args:
            folder: Where to.

            policy: What decides.

            sample: A file of lines that gets some of them too.

            sampled: How many.
        """
        order = random.Random(self.seed)
        chosen = set(order.sample(range(self.records), sampled))
        recorded = self._recorded(policy, order)
        chain = Chain(new_id())
        number = 0
        with sample.open("wb") as some:
            for segment in range(1, self.records // _SEGMENT + 2):
                records = [*islice(recorded, _SEGMENT)]
                if not records:
                    break
                lines, chain = chain.linked(records)
                name = Segment(chain.id, segment, packed=True).name
                (folder / name).write_bytes(gzip.compress(lines, compresslevel=6))
                for line in lines.splitlines(keepends=True):
                    if number in chosen:
                        some.write(line)
                    number += 1

    def _recorded(self, policy: Policy, order: random.Random) -> Iterator[bytes]:
        days = [self._events(policy, day) for day in range(self.days)]
        # As with words, the second is half as frequent as the first.
        weights = [*accumulate(1 / rank for rank in range(1, self.questions + 1))]
        for number in range(self.records):
            time = _BEGIN + timedelta(days=self.days * number / self.records)
            index = bisect(weights, order.random() * weights[-1])
            made = days[(time - _BEGIN).days][min(index, self.questions - 1)]
            asked = made["input"]
            company = f"hmac-sha256:{order.getrandbits(256):064x}"
            caller = f"application-{order.randrange(APPLICATIONS)}"
            yield msgspec.json.encode(
                {
                    **made,
                    "decision_id": new_id(),
                    "timestamp": time.isoformat().replace("+00:00", "Z"),
                    "input": {**asked, "resource": {**asked["resource"], "id": company}},
                    "requested_by": _IDS.masked(caller),
                }
            )

    def _events(self, policy: Policy, day: int) -> list[dict[str, Any]]:
        """
        Decide on all requests on one day, and make a record of each.
        """
        date = (_BEGIN + timedelta(days=day)).date().isoformat()
        requests = list(Requests(self.seed).take(self.questions))
        dated = [{**request, "environment": {"date": date}} for request in requests]
        decided = policy.decide(dated)
        info = policy.engine.bundle()
        about = About(_ENDPOINT, 200, "somebody", None, None, {"parse": 0.0002, "opa": 0.0006})
        events = []
        masking, form = Masking(_IDS), Form(_IDS, "bench")
        for request, decision in zip(requests, decided, strict=True):
            assert isinstance(decision, Decision)
            masked = masking.masked(request, decision, info)
            (record,) = form.written([(b"", masked)], about)
            events.append(msgspec.json.decode(record))
        return events
