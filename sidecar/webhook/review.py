"""
Admission reviews: read, and answered.
"""

import base64
from typing import Any, Final

from sidecar.api.parse import Object
from sidecar.api.request import encode
from sidecar.errors import MissingAttribute, WrongType
from sidecar.webhook.injection import Injection

_VERSION: Final = "admission.k8s.io/v1"
_KIND: Final = "AdmissionReview"


def answer(review: Object, injection: Injection) -> Object:
    """
    Answer a review: allowed, whatever it is about; with a patch where it is about a pod that lacks
    something (Kubernetes, admission.k8s.io/v1).

    Args:
        review: The review, as it came.

        injection: What pods get.

    Raises:
        MissingAttribute: It is no review that can be answered.
        WrongType: Something in it is of a wrong type.
    """
    request = _member(review, "request", dict, "/request")
    given: dict[str, Any] = {"uid": _member(request, "uid", str, "/request/uid"), "allowed": True}
    if request.get("resource") == {"group": "", "version": "v1", "resource": "pods"}:
        pod = _pod(request)
        if pod["spec"].get("hostNetwork") is True:
            given["warnings"] = ["no privacy sidecar: its ports would be the node's (hostNetwork)"]
        elif operations := injection.patch(pod):
            patch = base64.b64encode(encode(operations)).decode("ascii")
            given |= {"patchType": "JSONPatch", "patch": patch}
    return {"apiVersion": _VERSION, "kind": _KIND, "response": given}


def _pod(request: Object) -> Object:
    """
    Take the pod out of a request; the API server has validated its form already, but for a caller
    that is none.
    """
    at = "/request/object"
    pod: Object = _member(request, "object", dict, at)
    spec: Object = _member(pod, "spec", dict, f"{at}/spec")
    for name in ("initContainers", "volumes"):
        for index, each in enumerate(_optional(spec, name, list, f"{at}/spec/{name}") or ()):
            where = f"{at}/spec/{name}/{index}"
            if not isinstance(each, dict):
                raise WrongType(where)
            _member(each, "name", str, f"{where}/name")
    metadata = _optional(pod, "metadata", dict, f"{at}/metadata") or {}
    _optional(metadata, "labels", dict, f"{at}/metadata/labels")
    return pod


def _optional(holder: Object, name: str, kind: type, at: str) -> Any:
    value = holder.get(name)
    if value is not None and not isinstance(value, kind):
        raise WrongType(at)
    return value


def _member(holder: Object, name: str, kind: type, at: str) -> Any:
    value = _optional(holder, name, kind, at)
    if value is None:
        raise MissingAttribute(at)
    return value
