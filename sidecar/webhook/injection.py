"""
What is added to a pod, and the patch that adds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sidecar import strict
from sidecar.api.parse import Object
from sidecar.errors import SettingsError

Patch = list[dict[str, Any]]
"""
Operations of a JSON Patch (RFC 6902).
"""


@dataclass(frozen=True, slots=True)
class Injection:
    """
    What is added to a pod.

    Attributes:
        labels: Labels of the pod.

        containers: Init containers, before the pod's own.

        volumes: Volumes, before the pod's own.
    """

    labels: Mapping[str, str]
    containers: tuple[Object, ...]
    volumes: tuple[Object, ...]

    @classmethod
    def from_file(cls, file: Path, images: Mapping[str, str] | None = None) -> Self:
        """
        Read it from the template of a workload: deploy/kubernetes/component/pod/pod.yaml.

        Args:
            file: YAML of something with a `spec.template`.

            images: Images for containers, by their names, instead of those in the file.

        Raises:
            SettingsError: The file is something else, or has no such container.
        """
        template = _member(_member(strict.read(file), file, "spec"), file, "spec.template")
        spec = _member(template, file, "spec.template.spec")
        metadata = _member(template, file, "spec.template.metadata")
        labels = _member(metadata, file, "spec.template.metadata.labels")
        containers = _named(spec, file, "initContainers")
        volumes = _named(spec, file, "volumes")
        if not containers:
            raise SettingsError(f"{file} must have spec.template.spec.initContainers")
        for name, image in (images or {}).items():
            _give_image(containers, file, name, image)
        return cls(labels, tuple(containers), tuple(volumes))

    def patch(self, pod: Object) -> Patch:
        """
        Make the patch that adds to a pod what it lacks; for one that lacks nothing, an empty one.

        Args:
            pod: The pod, as it is admitted.
        """
        spec = pod["spec"]
        return [
            *self._labelled(pod.get("metadata") or {}),
            *_prepended("/spec/initContainers", spec.get("initContainers"), self.containers),
            *_prepended("/spec/volumes", spec.get("volumes"), self.volumes),
        ]

    def _labelled(self, metadata: Object) -> Patch:
        there = metadata.get("labels")
        missing = {
            name: value for name, value in self.labels.items() if (there or {}).get(name) != value
        }
        if missing and there is None:
            return [_add("/metadata/labels", missing)]
        return [_add(f"/metadata/labels/{_escaped(name)}", missing[name]) for name in missing]


def _prepended(at: str, there: Sequence[Object] | None, ours: Sequence[Object]) -> Patch:
    names = {each["name"] for each in there or ()}
    missing = [each for each in ours if each["name"] not in names]
    if missing and there is None:
        return [_add(at, missing)]
    return [_add(f"{at}/{index}", each) for index, each in enumerate(missing)]


def _add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def _escaped(name: str) -> str:
    """
    Write a name as a JSON pointer does (RFC 6901, section 3).
    """
    return name.replace("~", "~0").replace("/", "~1")


def _member(holder: Object, file: Path, path: str) -> Object:
    return strict.mapping(f"{path} in {file}", holder.get(path.rpartition(".")[2], {}))


def _named(spec: Object, file: Path, key: str) -> list[Object]:
    given = spec.get(key, [])
    if not isinstance(given, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in given
    ):
        raise SettingsError(f"spec.template.spec.{key} in {file} must be a list, each with a name")
    return given


def _give_image(containers: Sequence[Object], file: Path, name: str, image: str) -> None:
    for container in containers:
        if container["name"] == name:
            container["image"] = image
            return
    raise SettingsError(f"{file} has no container {name!r} to give an image to")
