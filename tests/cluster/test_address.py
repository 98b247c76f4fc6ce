"""Where a scheduler may be: this machine, or anywhere with encryption."""

import json

import pytest

from darkmask.cli import main
from darkmask.cluster.address import where
from darkmask.core.errors import CommandError


def test_workers_of_this_machine_have_no_address():
    assert where("local").address is None


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://nowhere.example:8786"]
)
def test_an_address_is_taken_on_this_machine_or_with_encryption(address, tmp_path):
    (tmp_path / "scheduler.json").write_text(json.dumps({"address": address}))
    assert where(address).address == where(str(tmp_path / "scheduler.json")).address == address
    assert where(address).is_encrypted == address.startswith("tls")


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://nowhere.example:8786", "tcp://127.0.0.1.example:1"])
def test_no_code_goes_over_a_network_without_encryption(address, tmp_path):
    (tmp_path / "scheduler.json").write_text(json.dumps({"address": address}))
    for given in (address, str(tmp_path / "scheduler.json")):
        with pytest.raises(CommandError, match="over a network without encryption"):
            where(given)


@pytest.mark.parametrize(
    "given",
    ["", "ucx://127.0.0.1:8786", "tcp://127.0.0.1", "tls://:8786", "tls://host:seven", "tls://[::1:8786", "http://x:1"],
)
def test_what_is_no_address_is_said(given):
    with pytest.raises(CommandError, match="is no place of a scheduler: give local, tls://HOST:PORT"):
        where(given)


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(CommandError, match="holds a name or a password") as caught:
        where("tls://me:secret@nowhere.example:8786")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("holds", ["", "{}", "[1]", '{"address": 3}', "\x00"])
def test_a_file_of_something_else_is_said(holds, tmp_path, capsys):
    (tmp_path / "scheduler.json").write_text(holds)
    (tmp_path / "darks").mkdir()
    words = ["search", str(tmp_path / "darks"), str(tmp_path / "out"), f"--scheduler={tmp_path / 'scheduler.json'}"]
    assert main(words) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert "holds no address of a scheduler" in said or "is no place of a scheduler" in said


def test_a_file_that_is_not_there_is_said(tmp_path, capsys):
    (tmp_path / "darks").mkdir()
    assert main(["search", str(tmp_path / "darks"), str(tmp_path / "out"), "--scheduler=nowhere.json"]) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert "--scheduler=nowhere.json cannot be read (there is no such file)" in said


@pytest.mark.parametrize("option", ["--memory=4", "--jobs=2"])
def test_what_is_taken_of_this_machine_is_not_for_workers_of_others(option, tmp_path, capsys):
    (tmp_path / "darks").mkdir()
    words = [
        "prepare",
        str(tmp_path / "darks"),
        str(tmp_path / "out"),
        "--scheduler=tls://nowhere.example:8786",
        option,
    ]
    assert main(words) == 4
    (said,) = capsys.readouterr().err.splitlines()
    assert f"{option.partition('=')[0]} says how much of this machine is taken" in said
