"""Tables as ECSV: whatever they hold, the bytes are those of astropy's own writer."""

import io

import numpy as np
import pytest
from astropy.table import Column, MaskedColumn, Table
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from darkmask.core.ecsv import ecsv_text, write_ecsv, write_ecsv_in_parts

KINDS = {
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "float16": st.floats(width=16),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "bool": st.booleans(),
    "U16": st.one_of(
        st.sampled_from(["hot", "hot,warm", "RC|HOT", "a-b", "1e5", "nan", ""]),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), max_size=12),
    ),
}


def by_astropy(table: Table) -> str:
    out = io.StringIO()
    table.write(out, format="ascii.ecsv")
    return out.getvalue()


@st.composite
def tables(draw) -> Table:
    rows = draw(st.integers(0, 6))
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))
    table = Table(
        {f"c{i}": draw(arrays(np.dtype(kind), rows, elements=KINDS[kind])) for i, kind in enumerate(kinds)},
        meta={"detector": "NRCA1", "gain": 2.05},
    )
    table["c0"].description = "what it says: all of it"
    return table


@given(tables())
def test_bytes_are_those_of_astropy(table):
    assert ecsv_text(table) == by_astropy(table)


@pytest.mark.parametrize(
    "column",
    [
        MaskedColumn([1.5, 2.5], mask=[True, False]),
        Column(np.arange(6.0).reshape(2, 3)),
        Column(["two words", 'a "quoted" one']),
        Column([1.5, 2.5], unit="electron / s", description="has, a: unit"),
        Column(np.array([1 + 2j, 3])),
    ],
    ids=["masked", "of vectors", "of sentences", "with a unit", "complex"],
)
def test_columns_of_every_kind(column):
    table = Table({"x": [1, 2], "asked": column})
    assert ecsv_text(table) == by_astropy(table)


@given(tables(), st.integers(1, 5))
def test_a_table_written_in_parts_is_the_whole(tmp_path_factory, table, rows):
    path = tmp_path_factory.mktemp("parts") / "table.ecsv"
    write_ecsv_in_parts((table[first : first + rows] for first in range(0, max(len(table), 1), rows)), path)
    assert path.read_text(encoding="utf-8") == ecsv_text(table)


def test_a_part_that_only_astropy_can_write(tmp_path):
    table = Table({"x": np.arange(6), "said": ["a", "b", "two words", "c", "#d", "e"]})
    write_ecsv_in_parts((table[:2], table[2:4], table[4:]), tmp_path / "table.ecsv")
    assert (tmp_path / "table.ecsv").read_text() == by_astropy(table)


def test_a_table_comes_back(tmp_path):
    table = Table({"x": np.arange(3), "rate": np.float32([0.1, np.nan, 1e-30]), "names": ["hot", "hot,warm", "rc"]})
    write_ecsv(table, tmp_path / "table.ecsv")
    read = Table.read(tmp_path / "table.ecsv")
    assert read.dtype == table.dtype
    np.testing.assert_array_equal(read["rate"], table["rate"])
    assert list(tmp_path.iterdir()) == [tmp_path / "table.ecsv"]
