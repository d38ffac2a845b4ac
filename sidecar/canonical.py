"""
Values as bytes that are the same wherever the values are.
"""

from typing import Final

import msgspec

canonical: Final = msgspec.json.Encoder(order="deterministic").encode
"""
Writes JSON with its members in one order.
"""
