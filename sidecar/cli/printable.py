"""
Text from records, written on a terminal.
"""


def printable(line: str) -> str:
    """
    Replace what is no character to print: a name in a record must not move a terminal's cursor.
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
