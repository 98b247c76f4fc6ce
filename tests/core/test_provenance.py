"""The code of a cached entry is its layer and those below; for kernels it is what is compiled into them."""

import subprocess
import sys
import tomllib

import pytest

from darkmask.core import kernels, provenance
from darkmask.core.provenance import LAYERS, PACKAGE, source_digest
from darkmask.simulate.build import _NOT_USED
from tests.support.project import ROOT


def layer_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "darkmask" and parts[1] in LAYERS else None


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Write a small package in place of ours."""
    for function in (source_digest, kernels._compiled_digest):
        function.cache_clear()
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "darkmask")
    monkeypatch.setattr(kernels, "PACKAGE", tmp_path / "darkmask")
    (tmp_path / "darkmask").mkdir()
    (tmp_path / "darkmask" / "__init__.py").write_text("")
    for layer in LAYERS:
        (tmp_path / "darkmask" / layer).mkdir()
        (tmp_path / "darkmask" / layer / "module.py").write_text(f"name = {layer!r}\n")
    yield tmp_path / "darkmask"
    for function in (source_digest, kernels._compiled_digest):
        function.cache_clear()


def changed_layers(source, layer: str) -> set[str]:
    """Return the layers whose digests change when a layer's module does."""
    before = {name: source_digest(name) for name in LAYERS}
    (source / layer / "module.py").write_text("name = None\n")
    source_digest.cache_clear()
    return {name for name in LAYERS if source_digest(name) != before[name]}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_change_makes_entries_stale_of_its_layer_and_those_above(source, layer):
    assert changed_layers(source, layer) == set(LAYERS[LAYERS.index(layer) :])


def test_a_layer_that_is_left_out_changes_nothing(source):
    before = source_digest("build", ("search",))
    (source / "search" / "module.py").write_text("name = None\n")
    source_digest.cache_clear()
    assert source_digest("build", ("search",)) == before


def test_the_layers_are_those_of_the_contract_that_lint_holds():
    """A digest of the layers below is enough only because imports point down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (c for c in settings["contracts"] if c["type"] == "layers" and c["containers"] == ["darkmask"])
    assert contract["layers"][::-1][: len(LAYERS)] == list(LAYERS)
    assert contract["exhaustive"] is True


def test_the_simulator_uses_no_layer_that_its_digest_leaves_out():
    names = [f"darkmask.simulate.{path.stem}" for path in (PACKAGE / "simulate").glob("*.py")]
    # These modules are imported inside functions.
    names += ["darkmask.pipeline.steps", "darkmask.pipeline.offline"]
    code = f"import sys; [__import__(name) for name in {names}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    used = {layer_of(name) for name in done.stdout.split()}
    assert "pipeline" in used
    assert not used & set(_NOT_USED)


KERNELS = {
    "of the kernel": ("search/kernel.py", True),
    "of a constant": ("core/limits.py", True),
    "of what a constant is made from": ("core/base.py", True),
    "of the fields of a tuple": ("core/tuples.py", True),
    "of a constant of plain Python": ("core/plain.py", False),
    "of nothing compiled": ("search/module.py", False),
}


@pytest.mark.parametrize("change", KERNELS)
def test_a_kernel_is_compiled_again_for_what_is_compiled_into_it(source, change):
    path, stale = KERNELS[change]
    (source / "core" / "base.py").write_text("BASE = 1\n")
    (source / "core" / "plain.py").write_text("PLAIN = 1\n")
    (source / "core" / "limits.py").write_text("from .base import BASE\nLIMIT = 2 * BASE\n")
    (source / "core" / "tuples.py").write_text("class Pair(NamedTuple):\n    one: int\n    other: int\n")
    (source / "search" / "kernel.py").write_text(
        "from darkmask.core.limits import LIMIT\nfrom darkmask.core.plain import PLAIN\n"
        "from darkmask.core.tuples import Pair\n\n\n"
        "def plain():\n    return PLAIN\n\n\n@kernel\ndef compiled(pair: Pair):\n    return LIMIT * pair.one\n"
    )
    before = kernels._compiled_digest()
    (source / path).write_text((source / path).read_text() + "# changed\n")
    kernels._compiled_digest.cache_clear()
    assert (kernels._compiled_digest() != before) == stale
