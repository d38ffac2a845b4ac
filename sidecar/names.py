"""
Names that sort by time.
"""

import random
import time


def new_id() -> str:
    """
    Make a name, for a decision say: a UUID of version 7, so that names sort by time (RFC 9562).
    """
    # A name is no secret. Python seeds this anew in a fork, and does not let go of its lock for it.
    stamp = time.time_ns() // 1_000_000
    number = (stamp << 80) | random.getrandbits(80)
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
