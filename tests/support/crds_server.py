"""A CRDS server on loopback: the answers and files that its client asks for to find a mask."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from darkmask.pipeline.certification import write_stub_context

from .loopback import LoopbackServer

CONTEXT = "jwst_0000.pmap"


class CrdsServer(LoopbackServer):
    """Serves a context with masks.

    Parameters
    ----------
    folder : Path
        The folder of the server's files.
    masks : dict of (str, str) to Path
        The file for each detector and USEAFTER (``YYYY-MM-DD HH:MM:SS``).
    """

    def __init__(self, folder: Path, masks: dict[tuple[str, str], Path]):
        from crds.client.proxy import crds_encode
        from crds.core import utils
        from crds.refactoring.checksum import update_checksum

        write_stub_context(folder)
        maps = folder / "mappings" / "jwst"
        self.files = {path.name: path for path in [*maps.iterdir(), *masks.values()]}
        rmap = maps / "jwst_nircam_mask_0000.rmap"
        text = rmap.read_text()
        for detector in sorted({name for name, _ in masks}):
            dates = {day: path.name for (name, day), path in sorted(masks.items()) if name == detector}
            row = f"    ('{detector}', 'FULL') : UseAfter({dates}),"
            text = text.replace("Match({\n", f"Match({{\n{row}\n")
        rmap.write_text(text)
        update_checksum(str(rmap))
        sums = {n: {"size": str(p.stat().st_size), "sha1sum": utils.checksum(str(p))} for n, p in self.files.items()}
        self.asked: list[str] = []
        self._answers: dict[str, object] = {}
        super().__init__(self._handler())
        files = {"unchecked": {"jwst": f"{self.address}/files"}}
        self._answers = {
            "get_server_info": {
                **dict.fromkeys(("operational_context", "latest_context", "edit_context"), CONTEXT),
                "observatory": "jwst",
                "bad_files": "",
                "bad_files_list": [],
                "last_synced": "today",
                "force_remote_mode": False,
                "crds_version": {"str": "14.0.3"},
                "reference_url": files,
                "mapping_url": files,
                "download_metadata": crds_encode(sums),
            },
            "get_build_context": CONTEXT,
            "get_default_context": CONTEXT,
            "get_mapping_names": [path.name for path in maps.iterdir()],
        }

    def _handler(server):  # noqa: N805 (the handler's own self is the other)
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = json.loads(body)
                server.asked.append(asked["method"])
                known = asked["method"] in server._answers
                error = None if known else {"message": f"{asked['method']} is not known"}
                answer = {"result": server._answers.get(asked["method"]), "error": error, "id": asked["id"]}
                self._send(200, json.dumps(answer).encode())

            def do_GET(self):
                name = self.path.rpartition("/")[2]
                server.asked.append(name)
                known = name in server.files
                self._send(200 if known else 404, server.files[name].read_bytes() if known else b"")

            def _send(self, status, content):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        return Handler
