"""
What a bundle says of the registers that it looks up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.bundle.manifest import DataPath, segments


@dataclass(frozen=True, slots=True)
class RegisterSource:
    """
    What a bundle says of the registers that it looks up.

    Attributes:
        at: Where their entries are, below `data`.

        kinds: For each kind, the paths in an evaluation by which an entry is found: of its id, or
            of an object with ids by the facts that they are evidence for.

        faults: The rule that says what is wrong with the facts of entries.

        by_entry_alone: Whether a text at those paths counts by nothing but the entries that it
            selects: the policy's promise.
    """

    at: DataPath
    kinds: Mapping[str, tuple[str, ...]]
    faults: DataPath
    by_entry_alone: bool = False

    @classmethod
    def from_document(cls, document: Any) -> "RegisterSource":
        """
        Read the document that `metadata.agreement.registers` names.

        Raises:
            ValueError: It is of another shape.
        """
        match document:
            case {"at": str(at), "kinds": dict(kinds), "faults": str(faults)} if all(
                isinstance(paths, list) and all(isinstance(path, str) for path in paths)
                for paths in kinds.values()
            ):
                found_by = {kind: tuple(paths) for kind, paths in kinds.items()}
                alone = document.get("by_entry_alone", False)
                if not isinstance(alone, bool):
                    raise ValueError("by_entry_alone must be true or false")
                return cls(segments(at), found_by, segments(faults), alone)
        raise ValueError("registers must have at, kinds and faults")
