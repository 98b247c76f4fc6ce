"""Results that no run left, and what a browser makes of a page on them."""

from html.parser import HTMLParser

HOSTILE = '<script>alert("x")</script>\x1b[31m\u202e\ud800 $'


def a_check(identifier="CNT-HOT", detector="NRCA1", subarray="FULL", outcome="pass", measured=0.01, **changes):
    check = {
        "id": identifier,
        "title": "Number of hot pixels",
        "detector": detector,
        "subarray": subarray,
        "required": True,
        "outcome": outcome,
        "blocking": outcome in ("fail", "error"),
        "measured": measured,
        "unit": "fraction of science pixels",
        "low": 0.001,
        "high": 0.02,
        "source": "a table",
        "message": f"what was found on {detector}",
        "remedy": "" if outcome == "pass" else "look at the mask",
        "waiver": None,
        "nodeid": f"checks/test_counts.py::test[{identifier}-{detector}-{subarray}]",
    }
    return {**check, **changes}


def some_results(checks, verdict="fail", **delivery):
    return {
        "schema": 1,
        "verdict": verdict,
        "complete": True,
        "scope": "10 of 10 planned detectors.",
        "started": "2022-03-01T00:00:00+00:00",
        "finished": "2022-03-01T00:01:00+00:00",
        "delivery": {"name": "apt1062", "sha256": "0", "detectors": ["NRCA1"], "simulated": False, **delivery},
        "criteria": {"name": "nircam", "sha256": "1"},
        "engine": {"name": "native", "search": "flight", "version": "0.1"},
        "versions": {"jwst": "3.0.0"},
        "checks": checks,
    }


class Reader(HTMLParser):
    """What a browser makes of a page: its elements and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        if self.tags[-1:] != ["script"]:
            self.text.append(data)
