"""Reports made by hand, of which an index reads what they tell of their pixels and of their runs."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.table import Table

from darkmask.core.atomic import sha256_file
from darkmask.core.categories import Category
from darkmask.masks.file import write_categories
from darkmask.reports.overview.write import write_overview

SHAPE = (16, 16)


@dataclass
class Told:
    """What a report is made to tell of NRCALONG: its bad pixels by category, their rates, and what is odd about it."""

    day: str | None = "2024-06-01"
    bad: dict[Category, list[tuple[int, int]]] = field(default_factory=lambda: {Category.HOT: [(3, 4)]})
    rates: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    hot: float = 0.001
    darks: str = ""
    verdict: str = "pass"
    simulated: bool = False
    finished: str = "2026-01-02T00:00:00+00:00"


def write_report(reports: Path, name: str, told: Told) -> Path:
    """Write the part of a report that an index reads."""
    folder = reports / name
    (folder / "catalogues").mkdir(parents=True)
    image = np.zeros(SHAPE, dtype=np.uint16)
    for category, pixels in told.bad.items():
        for x, y in pixels:
            image[y, x] |= category.bit
    write_categories(folder / "masks" / "nrcalong_full_categories.fits", image, "NRCALONG", "FULL")
    lines = [f'"a, b" {x} {y} {rate} {error}' for (x, y), (rate, error) in told.rates.items()]
    head = "# %ECSV 1.0\ncategories x y rate_electrons rate_electrons_error\n"
    (folder / "catalogues" / "nrcalong_full.ecsv").write_text(head + "\n".join(lines) + "\n")
    check = {
        "id": "CNT-HOT",
        "detector": "NRCALONG",
        "subarray": "FULL",
        "required": True,
        "outcome": "pass",
        "blocking": False,
        "measured": told.hot,
        "unit": "fraction",
        "low": 0.0,
        "high": 1.0,
        "message": "found",
    }
    if told.verdict == "fail":
        check |= {"outcome": "fail", "blocking": True}
    observed = told.day and {"first": told.day, "last": told.day}
    results = {
        "schema": 1,
        "verdict": told.verdict,
        "complete": told.verdict != "incomplete",
        "scope": "all of it",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": told.finished,
        "frame": 16,
        "delivery": {
            "name": name,
            "sha256": "0",
            "detectors": ["NRCALONG"],
            "simulated": told.simulated,
            "observed": observed,
        },
        "criteria": {"name": "nircam", "sha256": "0"},
        "engine": {"name": "native", "search": "flight", "version": "0.2.0"},
        "checks": [check],
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "report.html").write_text("<html><body>\n<h1>a report</h1></body></html>")
    (folder / "junit.xml").write_text("<testsuites/>")
    list_files(folder, told.darks or name)
    return folder


def list_files(folder: Path, darks: str) -> None:
    """Write the manifest of what lies in a report folder."""
    sums = {part: {p.name: sha256_file(p) for p in (folder / part).glob("*")} for part in ("masks", "catalogues")}
    report = {name: sha256_file(folder / name) for name in ("results.json", "report.html", "junit.xml")}
    inputs = {"jump.fits": darks, "base/mask.fits": "another"}
    manifest = {**sums, "injections": {}, "report": report, "inputs": inputs, "base": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def deliveries(reports: Path) -> dict[str, dict]:
    """Return what the index of a folder says of each report."""
    write_overview(reports)
    table = Table.read(reports / "index_deliveries.ecsv")
    return {row["report"]: dict(zip(table.colnames, row, strict=True)) for row in table}


def pixels(reports: Path) -> dict[tuple[int, int], dict]:
    """Return what the index of a folder says of each pixel, by (x, y)."""
    write_overview(reports)
    table = Table.read(reports / "index_pixels.ecsv")
    return {(int(row["x"]), int(row["y"])): dict(zip(table.colnames, row, strict=True)) for row in table}
