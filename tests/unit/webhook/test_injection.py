"""
What is added to a pod, and the patch that adds it.
"""

from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import SettingsError
from sidecar.webhook.injection import Injection

POD = """
spec:
  template:
    metadata:
      labels: {guarded: "yes", example/side~car: present}
    spec:
      initContainers:
        - {name: first, image: one:1}
        - {name: second, image: two:2}
      volumes:
        - {name: socket, emptyDir: {}}
"""


def injection(folder: Path, content: str = POD, **images: str) -> Injection:
    """
    Read what is added from a file.
    """
    file = folder / "pod.yaml"
    file.write_text(content, "utf-8")
    return Injection.from_file(file, images)


def patched(pod: Any, operations: list[dict[str, Any]]) -> Any:
    """
    Apply a patch of nothing but `add` (RFC 6902, section 4.1).
    """
    for operation in operations:
        assert operation["op"] == "add"

        *way, last = (
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        )
        holder = pod
        for step in way:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        if isinstance(holder, list):
            assert int(last) <= len(holder)

            holder.insert(int(last), operation["value"])
        else:
            holder[last] = operation["value"]
    return pod


def test_a_plain_pod_gets_all_of_it(tmp_path: Path):
    """
    Labels, init containers and volumes, also where the pod has none of the three.
    """
    pod = {"metadata": {}, "spec": {"containers": [{"name": "app"}]}}

    patched(pod, injection(tmp_path).patch(pod))

    assert pod == {
        "metadata": {"labels": {"guarded": "yes", "example/side~car": "present"}},
        "spec": {
            "containers": [{"name": "app"}],
            "initContainers": [
                {"name": "first", "image": "one:1"},
                {"name": "second", "image": "two:2"},
            ],
            "volumes": [{"name": "socket", "emptyDir": {}}],
        },
    }


def test_ours_come_before_what_is_there(tmp_path: Path):
    """
    The pod's own init containers find the sidecar started, and keep their order.
    """
    pod: dict[str, Any] = {
        "metadata": {"labels": {"app": "a", "guarded": "no"}},
        "spec": {
            "initContainers": [{"name": "own"}, {"name": "other"}],
            "volumes": [{"name": "data"}],
        },
    }

    patched(pod, injection(tmp_path).patch(pod))

    spec = pod["spec"]
    assert [each["name"] for each in spec["initContainers"]] == ["first", "second", "own", "other"]
    assert [each["name"] for each in spec["volumes"]] == ["socket", "data"]
    assert pod["metadata"]["labels"] == {
        "app": "a",
        "guarded": "yes",
        "example/side~car": "present",
    }


@pytest.mark.parametrize(
    "pod",
    [
        {"metadata": {}, "spec": {}},
        {"metadata": {"labels": None}, "spec": {"initContainers": None, "volumes": None}},
        {"metadata": {"labels": {}}, "spec": {"initContainers": [], "volumes": []}},
        {"metadata": {"labels": {"guarded": "yes"}}, "spec": {"initContainers": [{"name": "x"}]}},
        {"metadata": {}, "spec": {"initContainers": [{"name": "second"}]}},
    ],
)
def test_a_second_time_nothing_is_added(tmp_path: Path, pod: dict[str, Any]):
    """
    Whatever a pod had before: once it has all of it, the patch is empty.
    """
    adding = injection(tmp_path)

    patched(pod, adding.patch(pod))

    assert adding.patch(pod) == []


def test_containers_may_be_given_images(tmp_path: Path):
    """
    Those that are named, and no others.
    """
    containers = injection(tmp_path, second="registry.example/two:3").containers

    assert [each["image"] for each in containers] == ["one:1", "registry.example/two:3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("spec: 1", "spec in "),
        ("spec: {template: []}", "spec.template in "),
        ("spec: {template: {spec: 1}}", "spec.template.spec in "),
        ("spec: {template: {spec: {}}}", "must have spec.template.spec.initContainers"),
        (
            "spec: {template: {spec: {initContainers: [{image: x}]}}}",
            "must be a list, each with a name",
        ),
        ("spec: {template: {spec: {volumes: {}}}}", "spec.template.spec.volumes in "),
        ("spec: {template: {metadata: {labels: []}}}", "spec.template.metadata.labels in "),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str):
    """
    A sentence names the file and the place.
    """
    with pytest.raises(SettingsError) as refused:
        injection(tmp_path, content)

    assert message in refused.value.message
    assert "pod.yaml" in refused.value.message


def test_an_image_for_nobody_is_refused(tmp_path: Path):
    """
    A misspelt name does not leave a container with the image that it had.
    """
    with pytest.raises(SettingsError, match=r"has no container 'secnd' to give an image to"):
        injection(tmp_path, secnd="x")
