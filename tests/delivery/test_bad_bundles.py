"""
Bundles that must never decide: each is refused, the last good one stays at work, and it is said
why.
"""

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.credentials import Keys
from tests.delivery.bundle_server import BundleServer, bundle_server
from tests.delivery.workshop import DATA, POLICY, WALK, Files, Workshop, packed, with_manifest
from tests.e2e.serve import Sidecar, running
from tests.running import eventually

MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Scene:
    """
    A sidecar that fetches two bundles, and works by good ones.

    Attributes:
        sidecar: The sidecar.

        server: Where it fetches from.

        workshop: Where bundles are made.
    """

    sidecar: Sidecar
    server: BundleServer
    workshop: Workshop

    def offer(self, content: bytes) -> None:
        """
        Offer a policy.
        """
        self.server.put("policy.tar.gz", content)

    def failing(self) -> str | None:
        """
        Say why the newest bundle is not active.
        """
        found: str | None = self.sidecar.get("/readyz").json["failing"]
        return found

    def failures(self, code: str) -> float:
        """
        Say how often that was counted.
        """
        return self.sidecar.counts("privacy_bundle_activation_failures_total")[(code,)]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, opa_binary: Path) -> Iterator[Scene]:
    """
    A scene, with the revision 5 at work.
    """
    folder = tmp_path_factory.mktemp("delivery")
    keys = Keys(folder)
    for name in ("ours", "theirs"):
        keys.make(name)
    workshop = Workshop(folder, opa_binary, keys)
    with ExitStack() as held:
        server = held.enter_context(bundle_server(folder / "served"))
        server.put("policy.tar.gz", packed(workshop.signed(workshop.park(5), "ours")))
        server.put("pond.tar.gz", packed(workshop.signed(_pond(), "ours")))
        fetching = folder / "opa.yaml"
        fetching.write_text(
            f"services: {{shop: {{url: '{server.url}'}}}}\n"
            "bundles:\n"
            + "".join(
                f"  {name}: {{service: shop, resource: {name}.tar.gz, "
                "polling: {min_delay_seconds: 1, max_delay_seconds: 1}}\n"
                for name in ("policy", "pond")
            ),
            "utf-8",
        )
        sidecar = held.enter_context(
            running(
                f"signing: {{keys: ['{folder}/ours.pub']}}\n"
                f"bundles: {{config: '{fetching}', min_revision: 4, bytes: {MOST_BYTES}}}\n"
            )
        )
        yield Scene(sidecar, server, workshop)


def _pond() -> Files:
    manifest = {"revision": "pond-1", "roots": ["pond"], "metadata": {}}
    data = {"pond": {"depth": 2}}
    return {".manifest": json.dumps(manifest).encode(), DATA: json.dumps(data).encode()}


def _roots(files: Files) -> None:
    with_manifest(files, lambda manifest: manifest.update(roots=["park", "pond"]))


def _decision(path: str) -> Callable[[Files], None]:
    return lambda files: with_manifest(
        files, lambda manifest: manifest["metadata"]["authzen"].update(decision=path)
    )


def _rego(rule: str) -> Callable[[Files], None]:
    def spoil(files: Files) -> None:
        files[POLICY] += f"\n{rule}\n".encode()

    return spoil


def _data(name: str, document: object) -> Callable[[Files], None]:
    def spoil(files: Files) -> None:
        data = json.loads(files[DATA])
        data["park"]["agreement"][name] = document
        files[DATA] = json.dumps(data).encode()

    return spoil


def _stray(files: Files) -> None:
    data = json.loads(files[DATA])
    files[DATA] = json.dumps({**data, "meadow": {}}).encode()


def _nothing(files: Files) -> None:
    del files[".manifest"]


def _no_authzen(files: Files) -> None:
    with_manifest(files, lambda manifest: manifest["metadata"].pop("authzen"))


def _of_another_type(files: Files) -> None:
    with_manifest(files, lambda manifest: manifest["metadata"]["authzen"].update(reads="all"))


def _broken_promise(files: Files) -> None:
    files[POLICY] = files[POLICY].replace(b'"swims_well", "age"', b'"swims_well"')


# Spoilt, and then signed by the key that counts.
SIGNED: dict[str, tuple[str, Callable[[Files], None]]] = {
    "roots of another bundle": ("roots", _roots),
    "data outside its roots": ("roots", _stray),
    "a rule that does not parse": ("compile", _rego("decision :=")),
    "a rule with an unsafe variable": ("compile", _rego("p if q[x]; not r[y]\nq := {1}\nr := {1}")),
    "clauses that are a list": ("documents", _data("clauses", ["7-a"])),
    "a clause that is a text": ("documents", _data("clauses", {"7-a": "walk"})),
    "no such rule": ("entrypoint", _decision("park/decision/verdict")),
    "a decision that is a text": ("result", _decision("park/decision/sidecar_said")),
    "an answer that was promised otherwise": ("golden", _broken_promise),
    # It would own everything.
    "no manifest": ("roots", _nothing),
    "a manifest that names no decision": ("manifest", _no_authzen),
    "a manifest of another shape": ("manifest", _of_another_type),
}


def _odd(name: str, **members: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for key, value in members.items():
        setattr(entry, key, value)
    return entry


def _unsigned(scene: Scene) -> bytes:
    return packed(scene.workshop.park(6))


def _good(scene: Scene) -> Files:
    return scene.workshop.signed(scene.workshop.park(6), "ours")


def _altered(name: str) -> Callable[[Scene], bytes]:
    def spoil(scene: Scene) -> bytes:
        files = _good(scene)
        files[name] = files[name].replace(b"park", b"Park", 1)
        return packed(files)

    return spoil


def _spoilt(change: Callable[[Files], None]) -> Callable[[Scene], bytes]:
    def spoil(scene: Scene) -> bytes:
        files = scene.workshop.park(6)
        files[POLICY] += b'\nsidecar_said := "yes"\n'
        change(files)
        return packed(scene.workshop.signed(files, "ours"))

    return spoil


def _bomb(scene: Scene) -> bytes:
    # Compresses a thousand times, and is signed.
    files = scene.workshop.park(6)
    files["park/air/data.json"] = json.dumps({"air": " " * 50_000_000}).encode()
    return packed(scene.workshop.signed(files, "ours"))


def _oversize(scene: Scene) -> bytes:
    files = _good(scene)
    noise = "".join(f"{number * 7919 % 1_000_003:06d}" for number in range(2 * MOST_BYTES))
    return packed({**files, "park/noise.txt": noise.encode()})


BAD: dict[str, tuple[str, Callable[[Scene], bytes | None]]] = {
    "unsigned": ("signature", _unsigned),
    "signed by a stranger": (
        "signature",
        lambda scene: packed(scene.workshop.signed(scene.workshop.park(6), "theirs")),
    ),
    "a file altered after signing": ("signature", _altered(POLICY)),
    "the manifest altered after signing": ("signature", _altered(".manifest")),
    "a file added after signing": (
        "signature",
        lambda scene: packed({**_good(scene), "park/more.rego": b"package park.more\n"}),
    ),
    "a file removed after signing": (
        "signature",
        lambda scene: packed({name: file for name, file in _good(scene).items() if name != DATA}),
    ),
    "older than it may be": (
        "old",
        lambda scene: packed(scene.workshop.signed(scene.workshop.park(3), "ours")),
    ),
    "broken off": ("archive", lambda scene: packed(_good(scene))[:-2000]),
    "no tarball": ("archive", lambda _: b"no tarball"),
    "a bomb": ("size", _bomb),
    "too large": ("size", _oversize),
    "a link": (
        "archive",
        lambda scene: packed(
            _good(scene), _odd("park/link", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        ),
    ),
    # Whoever leads it out cannot have signed it: links alone are not.
    "a path that leads out": (
        "signature",
        lambda scene: packed(_good(scene), _odd("../../out.txt", size=3)),
    ),
    "gone": ("download", lambda _: None),
    **{name: (code, _spoilt(change)) for name, (code, change) in SIGNED.items()},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_does_not_decide(scene: Scene, name: str):
    """
    A bad bundle is refused for its cause, in /readyz, metric and log; the good one goes on
    deciding.
    """
    code, spoil = BAD[name]
    before = scene.failures(code)
    content = spoil(scene)
    if content is None:
        (scene.server.folder / "policy.tar.gz").unlink()
    else:
        scene.offer(content)

    assert eventually(lambda: scene.failing() == code), (scene.failing(), scene.sidecar.stderr)
    ready = scene.sidecar.get("/readyz")
    assert (ready.status, ready.json["state"]) == (200, "degraded")
    assert "the newest bundle is not used" in ready.json["reason"]
    assert scene.failures(code) > before
    assert "does not become active" in scene.sidecar.stderr
    answer = scene.sidecar.decide(WALK).json
    assert answer["decision"] is True
    assert answer["context"]["policy"]["revision"] == "5-park-walk"

    scene.offer(packed(scene.workshop.signed(scene.workshop.park(5), "ours")))
    assert eventually(lambda: scene.failing() is None), scene.sidecar.stderr
    assert scene.sidecar.get("/readyz").json["state"] == "ready"
