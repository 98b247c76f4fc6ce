"""A server on the loopback interface that answers as the archive (MAST) does to ``astroquery``.

The shapes are those of its invoke API (Mast.Caom.Filtered, Mast.Caom.Products, Mast.Jwst.Filtered.Nircam) and of its
download address, as ``astroquery.mast`` 0.4.11 sends and reads them.
"""

import io
import json
from collections import defaultdict
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from astropy.io import fits

from .loopback import LoopbackServer

_OBSERVATION_FIELDS = {
    "dataproduct_type": "string", "calib_level": "int", "obs_collection": "string", "obs_id": "string",
    "target_name": "string", "instrument_name": "string", "proposal_id": "string", "t_exptime": "float",
    "dataRights": "string", "obsid": "string",
}  # fmt: skip
_PRODUCT_FIELDS = {
    "obsID": "string", "obs_collection": "string", "dataproduct_type": "string", "obs_id": "string",
    "description": "string", "type": "string", "dataURI": "string", "productType": "string",
    "productSubGroupDescription": "string", "proposal_id": "string", "productFilename": "string", "size": "int",
    "parent_obsid": "string", "dataRights": "string", "calib_level": "int",
}  # fmt: skip
# Columns of the keyword search, and the cards that they are made of.
_KEYWORDS = {
    "subarray": "SUBARRAY", "readpatt": "READPATT", "ngroups": "NGROUPS", "nints": "NINTS", "date_obs": "DATE-OBS",
    "exp_type": "EXP_TYPE",
}  # fmt: skip


def client_environment(folder: Path, address: str) -> dict[str, str]:
    """Write a configuration of astroquery that names a server; return the environment in which it is read."""
    configuration = folder / "astropy"
    configuration.mkdir(parents=True)
    (configuration / "astroquery.cfg").write_text(f"[mast]\nserver = {address}\n")
    return {"XDG_CONFIG_HOME": str(folder), "NO_PROXY": "*"}


class Archive(LoopbackServer):
    """What the server holds, and how it misbehaves.

    Attributes
    ----------
    files : dict of str to bytes
        Content by name.
    sizes : dict of str to int
        The listed size, where it is not the length of the file.
    trouble : dict of str to list of str
        For a name or ``invoke``: what to do to the next requests, one after the other.
    asked : list of tuple
        Name and Range header of each download.
    restricted : set of str
        Names of files that are not public: listed, and refused.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.sizes: dict[str, int] = {}
        self.trouble: dict[str, list[str]] = defaultdict(list)
        self.asked: list[tuple[str, str | None]] = []
        self.restricted: set[str] = set()
        self.executing = 1
        archive = self

        class Handler(_Handler):
            held = archive

        super().__init__(Handler)

    def answer(self, request: dict) -> dict:
        """Return what the invoke API says."""
        if self.executing:
            self.executing -= 1
            return {"status": "EXECUTING"}
        if request["service"] == "Mast.Caom.Filtered":
            filters = {f["paramName"]: f for f in request["params"]["filters"]}
            assert filters["obs_collection"]["values"] == ["JWST"]
            assert filters["instrument_name"]["freeText"] == "NIRCAM%"
            rows = [self._observation(n) for n in self.files if int(n[2:7]) == int(filters["proposal_id"]["values"][0])]
            return _table(_OBSERVATION_FIELDS, rows)
        if request["service"] == "Mast.Jwst.Filtered.Nircam":
            filters = {f["paramName"]: f["values"] for f in request["params"]["filters"]}
            rows = [self._keywords(n) for n in self.files if n[2:7] == filters["program"][0].zfill(5)]
            columns = request["params"]["columns"].split(",")
            chosen = [row for row in rows if row["exp_type"] in filters["exp_type"]]
            fields = {column: "int" if column in ("ngroups", "nints") else "string" for column in columns}
            return _table(fields, [{column: row[column] for column in columns} for row in chosen])
        assert request["service"] == "Mast.Caom.Products"
        wanted = request["params"]["obsid"].split(",")
        return _table(
            _PRODUCT_FIELDS, [self._product(n) for n in self.files if self._observation(n)["obsid"] in wanted]
        )

    def _observation(self, name: str) -> dict:
        return {
            "dataproduct_type": "image", "calib_level": 1, "obs_collection": "JWST", "obs_id": name.rsplit("_", 1)[0],
            "target_name": "DARK", "instrument_name": "NIRCAM/IMAGE", "proposal_id": str(int(name[2:7])),
            "t_exptime": 343.6, "dataRights": "PUBLIC", "obsid": str(70_000_000 + sorted(self.files).index(name)),
        }  # fmt: skip

    def _keywords(self, name: str) -> dict:
        """Return what the archive knows of a file's header."""
        header = fits.Header()
        if name.endswith(".fits"):
            with fits.open(io.BytesIO(self.files[name])) as hdus:
                header = hdus[0].header
        said = {column: header.get(card) for column, card in _KEYWORDS.items()}
        return {"filename": name, "isRestricted": name in self.restricted, **said}

    def _product(self, name: str) -> dict:
        return {
            "obsID": self._observation(name)["obsid"], "obs_collection": "JWST", "dataproduct_type": "image",
            "obs_id": name.rsplit("_", 1)[0], "description": "exposure (L1b)", "type": "S",
            "dataURI": f"mast:JWST/product/{name}", "productType": "SCIENCE", "productSubGroupDescription": "UNCAL",
            "proposal_id": str(int(name[2:7])), "productFilename": name,
            "size": self.sizes.get(name, len(self.files[name])), "parent_obsid": self._observation(name)["obsid"],
            "dataRights": "PUBLIC", "calib_level": 1,
        }  # fmt: skip


def _table(fields: dict[str, str], rows: list[dict]) -> dict:
    paging = {"page": 1, "pageSize": 50_000, "pagesFiltered": 1, "rows": len(rows), "rowsFiltered": len(rows)}
    return {
        "status": "COMPLETE",
        "msg": "",
        "data": rows,
        "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
        "paging": paging | {"rowsTotal": len(rows)},
    }


class _Handler(BaseHTTPRequestHandler):
    held: Archive

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("/columnsconfig"):
            fields = _OBSERVATION_FIELDS if "Cone" in body else _PRODUCT_FIELDS
            self._json({name: {"text": name, "type": kind} for name, kind in fields.items()})
            return
        assert self.path == "/api/v0/invoke"
        trouble = self.held.trouble["invoke"]
        what = trouble.pop(0) if trouble else ""
        if what.isdigit():
            self.send_error(int(what))
        elif what == "error":
            self._json({"status": "ERROR", "msg": "the database is away", "data": [], "fields": []})
        elif what == "no json":
            self._send(200, b"<html>maintenance</html>")
        else:
            self._json(self.held.answer(json.loads(parse_qs(body)["request"][0])))

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/api/v0.1/path_lookup/":
            # Where files lie in the public bucket, whether they do or not.
            names = {uri: uri.rsplit("/", 1)[-1] for uri in parse_qs(parts.query)["uri"]}
            places = {uri: f"/jwst/public/{name[:7]}/{name[:13]}/{name}" for uri, name in names.items()}
            self._json({uri: {"path": place} for uri, place in places.items()})
            return
        assert parts.path == "/api/v0.1/Download/file"
        name = parse_qs(parts.query)["uri"][0].rsplit("/", 1)[-1]
        self.held.asked.append((name, self.headers["Range"]))
        content = self.held.files[name]
        trouble = self.held.trouble[name]
        what = trouble.pop(0) if trouble else "403" if name in self.held.restricted else ""
        first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
        if what.isdigit():
            self.send_error(int(what))
        elif what == "half":
            self._send(206 if first else 200, content[first:], first, sent=(len(content) - first) // 2)
        elif what == "no range":
            self._send(200, content)
        elif what == "more":
            self._send(200, content + b"more")
        elif what == "zeros":
            self._send(200, bytes(len(content)))
        else:
            self._send(206 if first else 200, content[first:], first)

    def _json(self, value) -> None:
        self._send(200, json.dumps(value).encode())

    def _send(self, status: int, content: bytes, first: int = 0, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        if status == 206:
            total = first + len(content)
            self.send_header("Content-Range", f"bytes {first}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(content[:sent])
        if sent is not None:
            self.close_connection = True
