"""Kernels take what belongs together by name: nobody checks the order of a dozen arrays."""

import ast

import numpy as np
import pytest

from darkmask.core.provenance import PACKAGE

MOST_PARAMETERS = 8


def kernels() -> dict[str, ast.FunctionDef]:
    """Return the functions that are compiled, by module and name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "kernel" for d in node.decorator_list):
                found[f"{path.relative_to(PACKAGE).with_suffix('')}.{node.name}".replace("/", ".")] = node
    return found


KERNELS = kernels()


def test_kernels_are_found():
    assert {"search.maps.blocks.measure_block", "search.official.reading._read_box"} <= set(KERNELS)


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_has_few_parameters(name):
    signature = KERNELS[name].args
    parameters = [*signature.posonlyargs, *signature.args, *signature.kwonlyargs]
    assert len(parameters) <= MOST_PARAMETERS, f"put some of {[p.arg for p in parameters]} into a NamedTuple"


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_names_the_type_of_each_tuple(name):
    """By that name its compiled code is found to be stale when the tuple's fields change."""
    plain = {p.arg for p in KERNELS[name].args.args if p.annotation is None}
    fields = {
        ast.unparse(node)
        for node in ast.walk(KERNELS[name])
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in plain
        and not hasattr(np.ndarray, node.attr)
    }
    assert not fields
