"""The help of each command: every argument is explained, and there is an example that it would take."""

import argparse
import re
import shlex

import pytest

from darkmask.cli import _parser, main
from fixtures.session.options import add_options


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return every command by name, those of a command's own commands included."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found |= {name: inner, **{f"{name} {below}": p for below, p in commands(inner).items()}}
    return found


COMMANDS = commands(_parser())


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "check"])
def test_each_command_explains_itself(name, capsys):
    parser = COMMANDS[name]
    for action in parser._actions:
        assert action.help or isinstance(action, argparse._SubParsersAction), action.dest
    with pytest.raises(SystemExit, match="0"):
        main([*name.split(), "--help"])
    shown = capsys.readouterr().out
    (example,) = re.findall(r"^example:\n  darkmask (.+)$", shown, re.MULTILINE)
    words = shlex.split(example)
    assert words[: len(name.split())] == name.split() or name == "cache"
    known = {option for action in parser._actions for option in action.option_strings}
    assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


def test_every_option_of_the_checks_is_explained():
    said = {}
    add_options(lambda name, **given: said.update({name: given.get("help")}))
    assert all(said.values()), said
    assert {"--delivery", "--previous", "--detectors"} <= set(said)
