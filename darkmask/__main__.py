"""Run the command line, as ``python -m darkmask`` and as the script ``darkmask``."""

import sys


def main() -> int:
    """Run one command of the command line, and say so in one sentence when it is interrupted.

    Returns
    -------
    int
        What :func:`darkmask.cli.main` returns; 130 when the command was interrupted before it could say more.
    """
    try:
        # Here, because Ctrl-C may come while this is being imported.
        from .core.processes import collect_seldom

        collect_seldom()
        from .cli import main as run

        return run()
    except KeyboardInterrupt:
        print("darkmask: interrupted before it began.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
