"""
`GET /.well-known/authzen-configuration`: where the endpoints are, and what is supported.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from flask import Response

from sidecar.api import paths
from sidecar.api.request import answered
from sidecar.engine.bundle_info import BundleInfo
from sidecar.engine.engine import Engine
from sidecar.signer import Signer

WELL_KNOWN: Final = "/.well-known/authzen-configuration"


class DiscoveryEndpoint:
    """
    Answers with the metadata of this decision point, as the active bundle has it.

    Args:
        public_url: Its identifier: the https address that callers use. No request has a say in it.

        engine: Who knows the active bundle.

        signer: Signs it, where a key is set.
    """

    def __init__(self, public_url: str, engine: Engine, signer: Signer | None) -> None:
        self._public_url = public_url
        self._engine = engine
        self._signer = signer

    @property
    def path(self) -> str:
        """
        Where it is found: the identifier's path comes after the well-known one (section 9.2.1).
        """
        return WELL_KNOWN + urlsplit(self._public_url).path.rstrip("/")

    def __call__(self) -> Response:
        """
        Say where the endpoints are that there are.
        """
        metadata = self._metadata(self._engine.bundle())
        if self._signer is not None:
            signed = self._signer.sign({**metadata, "iss": self._public_url})
            metadata["signed_metadata"] = signed
        return answered(metadata)

    def _metadata(self, info: BundleInfo) -> dict[str, Any]:
        base = self._public_url.rstrip("/")
        metadata: dict[str, Any] = {
            "policy_decision_point": self._public_url,
            "access_evaluation_endpoint": base + paths.EVALUATION,
            "access_evaluations_endpoint": base + paths.EVALUATIONS,
        }
        for kind in sorted(info.search):
            metadata[f"search_{kind}_endpoint"] = base + paths.SEARCH[kind]
        types = info.agreement.terms.get("obligation_type") if info.agreement else None
        if types:
            metadata["supported_obligations"] = sorted(types)
        return metadata
