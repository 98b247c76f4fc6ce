"""Make the page `docs/criteria-file.md` from the models that read a criteria file.

    PYTHONPATH=. python docs/criteria_file.py

Types, defaults and bounds are the models'; so is the meaning of a key that they describe. `criteria_meanings.py` says the
others. `tests/docs/test_reference_pages.py` holds the page and the models together.
"""

from pathlib import Path
from typing import Any

from criteria_meanings import MEANINGS
from pydantic import BaseModel

from darkmask.search.parameters import SearchParameters
from fixtures.criteria.model import (
    Campaign,
    Criteria,
    Criterion,
    FrameGeometry,
    GroundTest,
    Injection,
    MaskHeader,
    Plan,
    PlannedExposures,
    PlannedSubarray,
)
from fixtures.criteria.profiles import OVERRIDABLE

PAGE = Path(__file__).resolve().parent / "criteria-file.md"

_TOP = """\
# Criteria file

What a TOML file for `--criteria` may say: every table and key. This page is made from the models that read the file
(`PYTHONPATH=. python docs/criteria_file.py`), and a test holds them together.

A file changes what it `extends` and needs to say only what differs:

```toml
schema = 1
name = "nrc09"
extends = "strict"
description = "NRC-09, second delivery"

[plan]
subarrays = [{ detector = "NRCB1", name = "SUB64P" }]

[criteria.CNT-HOT]
high = 0.002
source = "operability requirement of the observatory"
```

It may be given by path, or by name when it lies in `checks/criteria/`. A key that no table has, a value of another type and a
criterion that no check asks make the file unusable: the run ends with exit code 4 and one sentence, and writes nothing.

## extends

| key | type | default | meaning |
|---|---|---|---|
| `extends` | text | `nircam` | the profile that this file adds to: `nircam`, `lenient`, `strict`, `demo`, or a path of another file |

Tables are merged key by key; anything else, lists included, is replaced. A chain of files that leads back to itself is refused.
`checks/criteria/nircam.toml` extends nothing and says everything, and only there do questions begin.
"""

_TABLES = (
    (Criteria, "The file", "", 'schema = 1\nname = "nrc09"\ndescription = "NRC-09, second delivery"'),
    (
        FrameGeometry,
        "[geometry]",
        "The frame that every file of a delivery must have. Real NIRCam detectors have the defaults; the simulated mini "
        "frames of `demo` have 256 pixels.",
        "[geometry]\nframe = 256",
    ),
    (
        Plan,
        "[plan]",
        "Checks are asked of what the plan names, and not of what happens to be there: a detector that is missing fails, and so "
        "does a subarray that is delivered and not planned.",
        '[plan]\ndetectors = ["NRCB1", "NRCBLONG"]\nsubarrays = [{ detector = "NRCB1", name = "SUB64P" }]\n'
        'excluded_observations = ["003"]\ncompare_engines = true',
    ),
    (PlannedSubarray, "Entries of subarrays", "", '[[plan.subarrays]]\ndetector = "NRCB1"\nname = "SUB64P"'),
    (
        PlannedExposures,
        "Entries of sets",
        "Exposures of one readout that were taken in one observation.",
        '[[plan.sets]]\ndetector = "NRCB1"\nsubarray = "FULL"\nobservation = "001"\nreadpatt = "RAPID"\ngroups = 108\n'
        "exposures = 5\nintegrations = 10\nfirst = 2022-04-01\nlast = 2022-04-02",
    ),
    (
        MaskHeader,
        "[mask]",
        "What the header of a mask says that the run makes. Masks that are given (`--masks`) are never changed.",
        '[mask]\nauthor = "A. Author"\npedigree = "INFLIGHT 2026-01-10 2026-02-20"\nuseafter = "2026-01-10T00:00:00"\n'
        'history = ["Made for the second delivery."]',
    ),
    (
        Injection,
        "[injection]",
        "From which strength on an injected defect must be found. Those of hot and warm pixels follow from the detection limit "
        "of the delivery.",
        "[injection]\ntelegraph = 80.0",
    ),
    (GroundTest, "[ground]", "", "[ground]\nhot_rate = 0.275"),
    (
        Campaign,
        "[campaign]",
        "For what the darks were taken. It decides nothing: the page shows it above the results, `results.json` and "
        "`manifest.json` hold it, and so does the HISTORY of each mask that the run makes. Plain ASCII, 120 characters at most.",
        '[campaign]\ntitle = "NRC-09: Darks"\nactivity = "NRC-09, APT 1062"\n\n[campaign.links]\n'
        '"NRCCOM-13" = "https://jira.stsci.edu/browse/NRCCOM-13"',
    ),
    (
        Criterion,
        "[criteria.ID]",
        "One table for each criterion, named by its id ([all of them](criteria.md)). A file that extends another may set "
        f"{', '.join(f'`{key}`' for key in sorted(OVERRIDABLE))}, and no other key: those are the question, and a pass must "
        "mean the same under all criteria. Bounds are finite numbers.",
        '[criteria.CNT-HOT]\nhigh = 0.002\nsource = "operability requirement of the observatory"\n'
        'reason = "Two in a thousand hot pixels cost the survey its depth."',
    ),
)


def page() -> str:
    """Return the page: a section for each table, with every key.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        When nothing is said of a key.
    """
    parts = [_TOP]
    for model, title, about, example in _TABLES:
        parts.append(_section(f"## {title}", about, _rows(model), example))
    parts.append(_search())
    return "\n".join(parts)


def _search() -> str:
    parameters = SearchParameters()
    flight, official = parameters.of_search("flight"), parameters.of_search("official")
    rows = _rows(SearchParameters)
    sections = [
        "## [search]\n\nParameters that differ from their defaults: those of our `flight` search, and every keyword of "
        "`jwst_reffiles` 1.0.1, so that a call of `bad_pixels()` can be copied. Those that describe the mask (`author` to "
        "`output_file`) stand in `[mask]`.\n",
        _section(
            "### Of the flight search",
            "Used by `--search=flight`, the default. [categories.md](categories.md) says how.",
            {key: row for key, row in rows.items() if key in flight},
            "[search]\nhot_rate = 0.3\nnoise_significance = 6.0",
        ),
        _section(
            "### Of jwst_reffiles",
            "Used by `--search=official` and `--engine=jwst_reffiles`; `max_saturated_fraction` by the flight search too.",
            {key: row for key, row in rows.items() if key in official},
            '[search]\ndark_noisy_threshold = 6.0\ndark_do_not_use = ["hot", "rc"]\n'
            'flag_values = { hot = ["HOT"], rc = ["RC"], low_pedestal = ["OTHER_BAD_PIXEL"], high_cr = ["TELEGRAPH"] }',
        ),
        _section(
            "### Without effect",
            "Keywords of `jwst_reffiles` that change nothing in a search of darks: a run takes them, and warns that they are "
            "idle.",
            {key: row for key, row in rows.items() if key not in flight and key not in official},
            "[search]\ndead_search = true",
        ),
    ]
    return "\n".join(sections)


def _section(title: str, about: str, rows: dict[str, str], example: str) -> str:
    said = f"{about}\n\n" if about else ""
    table = "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows.values()])
    return f"{title}\n\n{said}{table}\n\n```toml\n{example}\n```\n"


def _rows(model: type[BaseModel]) -> dict[str, str]:
    """Return the row of each key of a model."""
    schema = model.model_json_schema(by_alias=True)
    rows = {}
    for key, field in schema["properties"].items():
        described = field.get("description") if "$ref" not in field else None
        meaning = described or MEANINGS[model.__name__][key]
        default = _default(model, key, key in schema.get("required", ()))
        rows[key] = f"| `{key}` | {_kind(field, schema)} | {default} | {meaning} |"
    return rows


def _default(model: type[BaseModel], key: str, required: bool) -> str:
    if required:
        return "must be given"
    field = next(f for name, f in model.model_fields.items() if key in (name, f.alias))
    if field.default is None or isinstance(field.default, BaseModel) or field.default in ({}, ""):
        return "none" if field.default is None or field.default == "" else "as below"
    return f"`{_toml(field.default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if abs(value) < 1e5 else str(value)


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """Say a JSON schema in words."""
    if "$ref" in field:
        return _kind(schema["$defs"][field["$ref"].rpartition("/")[2]], schema)
    if "anyOf" in field:
        return " or ".join(_kind(part, schema) for part in field["anyOf"] if part.get("type") != "null")
    if "const" in field or "enum" in field:
        return " or ".join(f"`{_toml(value)}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        least = ", at least one" if field.get("minItems") else ""
        return f"list of {_kind(field['items'], schema)}{least}"
    limits = [
        f"{words} {field[name]:g}"
        for name, words in (
            ("exclusiveMinimum", "more than"),
            ("minimum", "at least"),
            ("exclusiveMaximum", "less than"),
            ("maximum", "at most"),
        )
        if name in field
    ]
    if "pattern" in field:
        limits.append("of the form `" + field["pattern"].strip("^$").replace("|", "\\|") + "`")
    if "minLength" in field:
        limits.append("not empty" if field["minLength"] == 1 else f"{field['minLength']} characters or more")
    name = {"number": "number", "integer": "whole number", "boolean": "true or false", "string": "text"}
    return ", ".join([name.get(field.get("type", ""), "table"), *limits])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
