"""
Whether a memory stays within its bound: `python -m bench.bound [QUESTIONS]`.

Keeps the decisions on that many different questions, ten million as a rule, each found again and
some with something made of it, and looks at what the process takes meanwhile. Ends with 1 where it
grows by more than the memory's bound.
"""

import random
import sys

from bench.processes import resident
from sidecar.engine.decision import Decision
from sidecar.engine.memory import Memory, Question
from sidecar.settings import Remembering

QUESTIONS = 10_000_000
LOOKS = 20


def fill(memory: Memory, first: int, number: int, sizes: random.Random) -> None:
    """
    Keep decisions on questions that nobody has asked before.
    """
    for index in range(first, first + number):
        question = Question((("decision", "r1"),), b"question-%020d" % index)
        context = {"reason": "permitted", "says": "." * sizes.randrange(2000)}
        memory.keep(question, Decision(True, context, "r1"))
        kept = memory.find(question)
        if kept is not None and index % 3 == 0:
            made = bytes(sizes.randrange(3000))
            memory.make(question, kept, made, len(made))


def grown(questions: int, bound: Remembering) -> list[int]:
    """
    Fill a memory, and say by how many bytes the process has grown at each look.
    """
    memory = Memory(bound.entries, bound.bytes)
    sizes = random.Random(8)
    before = resident()
    looks = []
    each = max(1, questions // LOOKS)
    for turn in range(LOOKS):
        fill(memory, turn * each, each, sizes)
        assert len(memory) <= bound.entries and memory.taken <= bound.bytes
        looks.append(resident() - before)
    return looks


def main(questions: str = str(QUESTIONS)) -> int:
    """
    Fill, look, and say whether it stays within the bound.
    """
    bound = Remembering(entries=1_000_000)
    looks = grown(int(questions), bound)
    in_mb = [look / 1_048_576 for look in looks]
    print(f"{int(questions):,} different questions, at most {bound.bytes / 1_048_576:.0f} MB:")
    print(f"grown by {in_mb[0]:.1f} MB after the first twentieth, {max(in_mb):.1f} MB at most,")
    print(f"{in_mb[-1]:.1f} MB at the end")
    return 0 if max(looks) <= bound.bytes else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
