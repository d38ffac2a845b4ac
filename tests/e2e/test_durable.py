"""
Records against answers, by their ids, while processes are killed, the disk is full, and the
receiver is away or slow. `make bench-records` runs this at full size.
"""

import json
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from sidecar.records.verify import verify_folder
from tests.e2e.keeping import Load, Receiver, ids_of, in_files, shipping, stopped
from tests.e2e.serve import running
from tests.running import eventually

FULL: Final = "RECORDS_FULL" in os.environ
ANSWERS: Final = 10_000 if FULL else 2000
# The last one is of all processes at once.
SOME: Final = 10_000 if FULL else 400
KILLS: Final = 20 if FULL else 8
AWAY_S: Final = 60.0 if FULL else 1.0
SLOW_S: Final = 2.0 if FULL else 0.2
WITHIN_S: Final = 1200 if FULL else 120


def _told(what: str, **figures: object) -> None:
    """
    Print what was counted: at full size, that is what somebody wants to read.
    """
    print(f"{what}: {', '.join(f'{name} {value}' for name, value in figures.items())}")


def _equal(load: Load, recorded: Counter[str]) -> None:
    """
    See that each answer has its record, once; and that there are no more beside those of callers
    who were cut off before they were told.
    """
    assert set(load.decisions) - set(recorded) == set()
    assert max(recorded.values()) == 1
    assert len(recorded) - len(load.decisions) <= load.interrupted


def _in(folder: Path) -> Counter[str]:
    return Counter(record["decision_id"] for record in in_files(folder))


def test_a_kill_loses_none_that_was_answered(tmp_path: Path):
    """
    Workers are killed under load, at random moments: each answer has its record on the disk, and
    the chains are whole once what was torn is cut.
    """
    chosen = random.Random(7)
    moments = sorted(chosen.sample(range(1, ANSWERS), KILLS - 1))
    config = f"""
records: {{sink: file, mode: durable, folder: {tmp_path}, segment_bytes: 20000}}
server: {{workers: 2}}
"""
    with running(config) as sidecar, Load(sidecar) as load:
        for moment in moments:
            assert load.answered(moment, WITHIN_S), sidecar.stderr
            assert eventually(lambda: len(sidecar.workers()) == 2), sidecar.stderr
            os.kill(chosen.choice(sorted(sidecar.workers())), signal.SIGKILL)
        assert load.answered(ANSWERS, WITHIN_S), sidecar.stderr
        # The last time all at once; OPA ends with its master.
        os.killpg(sidecar.process.pid, signal.SIGKILL)
        sidecar.process.wait()

    recorded = _in(tmp_path)
    assert len(load.decisions) >= ANSWERS
    _equal(load, recorded)
    # The next start mends what the last kill left open.
    with running(config) as sidecar:
        assert eventually(lambda: not list(tmp_path.glob("*.open.jsonl")))
        stopped(sidecar)
    found = verify_folder(tmp_path)
    assert found.problems == []
    assert found.records == len(recorded)
    _told(
        "killed",
        kills=KILLS,
        answers=len(load.decisions),
        records=len(recorded),
        interrupted=load.interrupted,
    )


@contextmanager
def _small_disk(at: Path, kib: int) -> Iterator[Path]:
    """
    Have a disk of its own, which gets full.
    """
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", at], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


def _refused(load: Load) -> bool:
    """
    Wait until a caller is told once more that there is no decision.
    """
    before = load.refused
    return eventually(lambda: load.refused > before, WITHIN_S)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a disk that gets full")
def test_a_full_disk_costs_no_record_of_an_answer(tmp_path: Path):
    """
    While the disk is full decisions are refused; once there is room they go on, also after a kill
    in between: each answer has its record, and none is torn.
    """
    with _small_disk(tmp_path / "disk", 1024) as disk:
        folder = disk / "records"
        folder.mkdir()
        ballast = [disk / f"ballast-{number}" for number in range(3)]
        for file in ballast:
            file.write_bytes(bytes(150_000))
        config = f"""
records: {{sink: file, mode: durable, folder: {folder}, segment_bytes: 50000}}
server: {{workers: 2}}
"""
        with running(config) as sidecar, Load(sidecar) as load:
            for file in ballast:
                assert _refused(load), sidecar.stderr
                os.kill(min(sidecar.workers()), signal.SIGKILL)
                assert _refused(load), sidecar.stderr
                before = len(load.decisions)
                file.unlink()
                assert load.answered(before + 20, WITHIN_S), sidecar.stderr
            stopped(sidecar)
        recorded = _in(folder)
        _equal(load, recorded)
        assert verify_folder(folder).problems == []
        assert verify_folder(folder).records == len(recorded)
    _told("disk full", answers=len(load.decisions), refused=load.refused, records=len(recorded))


def test_a_receiver_that_is_away_under_load(tmp_path: Path):
    """
    It is away while callers go on; when it is back, it gets a record for each answer.
    """
    with Receiver() as receiver, shipping(receiver, tmp_path) as sidecar, Load(sidecar) as load:
        assert load.answered(100, WITHIN_S)
        receiver.away = True
        before = len(load.decisions)
        assert not eventually(lambda: sidecar.process.poll() is not None, AWAY_S)
        assert load.answered(before + SOME, WITHIN_S), sidecar.stderr
        receiver.away = False
        assert load.answered(len(load.decisions) + 100, WITHIN_S)
        load.end()
        assert eventually(lambda: ids_of(receiver.taken) >= set(load.decisions), WITHIN_S)
        assert eventually(lambda: not in_files(tmp_path), WITHIN_S)
        counts = sidecar.counts("privacy_decision_records_total")
        stopped(sidecar)

    taken = Counter(record["decision_id"] for record in receiver.taken)
    assert load.interrupted == load.refused == 0
    assert taken == Counter(load.decisions)
    assert counts["written",] == counts["shipped",] == len(load.decisions)
    assert verify_folder(tmp_path).problems == []
    _told("receiver away", seconds=AWAY_S, answers=len(load.decisions), taken=len(taken))


def test_a_slow_receiver_under_load(tmp_path: Path):
    """
    It takes its time for each upload: callers go on, and it gets a record for each answer.
    """
    with Receiver() as receiver, shipping(receiver, tmp_path) as sidecar, Load(sidecar) as load:
        receiver.takes_s = SLOW_S
        assert load.answered(SOME, WITHIN_S), sidecar.stderr
        load.end()
        assert eventually(lambda: ids_of(receiver.taken) >= set(load.decisions), WITHIN_S)
        stopped(sidecar)

    taken = Counter(record["decision_id"] for record in receiver.taken)
    assert taken == Counter(load.decisions)
    assert load.interrupted == load.refused == 0
    _told("receiver slow", seconds=SLOW_S, answers=len(load.decisions), taken=len(taken))


def test_best_effort_loses_what_its_counter_says():
    """
    A receiver is away and comes back: what it never got is as many as were counted as dropped.
    """
    with Receiver() as receiver:
        receiver.away = True
        config = f"records: {{sink: http, url: '{receiver.url}/logs', waiting: 100}}"
        with running(config) as sidecar, Load(sidecar) as load:
            assert load.answered(500, WITHIN_S)
            receiver.away = False
            assert load.answered(500 + SOME, WITHIN_S)
            load.end()
            answered = len(load.decisions)

            def settled() -> bool:
                return sum(sidecar.counts("privacy_decision_records_total").values()) >= answered

            assert eventually(settled, WITHIN_S)
            counts = sidecar.counts("privacy_decision_records_total")
            stopped(sidecar)

    lost = set(load.decisions) - ids_of(receiver.taken)
    assert load.interrupted == load.refused == 0
    assert counts["dropped",] == len(lost) > 0
    assert counts["shipped",] == len(receiver.taken)
    _told("best effort", answers=answered, taken=len(receiver.taken), dropped=len(lost))


def test_what_best_effort_gives_up_at_its_end_is_logged():
    """
    A receiver is away to the end: what waited for it, and what no longer fitted, is lost, and each
    worker logs how many that were.
    """
    with Receiver() as receiver:
        receiver.away = True
        config = (
            f"records: {{sink: http, url: '{receiver.url}/logs', waiting: 50}}\n"
            "server: {workers: 2}"
        )
        with running(config) as sidecar:
            with Load(sidecar) as load:
                assert load.answered(300, WITHIN_S)
            stopped(sidecar)
            logged = [json.loads(line) for line in sidecar.stderr.splitlines()]

    lost = [event["number"] for event in logged if event["event"] == "records were lost"]
    assert receiver.taken == [] and load.interrupted == load.refused == 0
    assert sum(lost) == len(load.decisions)
    assert max(lost) > 50
