"""
What an operator may set about where bundles come from, and which are good enough.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.errors import SettingsError
from sidecar.strict import between, existing, one_of

_WHEN_STALE: Final = ("serve", "refuse")
_GOLDEN: Final = ("refuse", "report", "ignore")


@dataclass(frozen=True, slots=True)
class Bundles:
    """
    Where bundles come from, and which are good enough.

    Attributes:
        config: A file of OPA's configuration with `services` and `bundles`, by which an OPA of our
            own fetches what decides. None where SIDECAR_BUNDLE decides, or an OPA elsewhere.

        beside: Bundles, folders or tarballs, that are loaded beside SIDECAR_BUNDLE.

        persistence: A folder that outlives the sidecar: what was active last is kept there, and
            when it was confirmed.

        bytes: How large a bundle may be that was fetched: its tarball, and each file in it.

        min_revision: The least number that a bundle's revision may begin with; None for any.

        max_staleness_s: How long ago the bundles may have been confirmed, before they are stale.
            None for ever.

        when_stale: Whether stale bundles go on deciding (serve), or no decision is made (refuse).

        golden: Whether a bundle that does not answer as it promises is not used (refuse), used and
            reported (report), or not asked for its promises (ignore).

        golden_within_s: How long asking for them may take; what is left then is not asked.
    """

    config: Path | None = None
    beside: tuple[str, ...] = ()
    persistence: Path | None = None
    bytes: int = 67_108_864
    min_revision: int | None = None
    max_staleness_s: float | None = None
    when_stale: str = "serve"
    golden: str = "refuse"
    golden_within_s: float = 5.0

    def __post_init__(self) -> None:
        """
        Refuse what is out of range, and what would have no effect.
        """
        existing("bundles.config", self.config)
        between("bundles.bytes", self.bytes, 4096, 1_073_741_824)
        if self.min_revision is not None:
            between("bundles.min_revision", self.min_revision, 0, 2**53)
        if self.max_staleness_s is not None:
            between("bundles.max_staleness_s", self.max_staleness_s, 1, 31_622_400)
        one_of("bundles.when_stale", self.when_stale, _WHEN_STALE)
        one_of("bundles.golden", self.golden, _GOLDEN)
        between("bundles.golden_within_s", self.golden_within_s, 0.1, 60)
        if self.when_stale == "refuse" and self.max_staleness_s is None:
            raise SettingsError(
                "bundles.when_stale must go with bundles.max_staleness_s, which is missing"
            )
        if self.persistence is not None and not self.persistence.is_dir():
            raise SettingsError(
                f"bundles.persistence must be a folder, got {str(self.persistence)!r}"
            )
