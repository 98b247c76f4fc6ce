"""The one build step that pyproject.toml cannot say: the checks travel in the wheel, as ``darkmask/_harness``."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TARGET = Path("darkmask", "_harness")


def harness_files() -> list[Path]:
    """Return what ``darkmask check`` needs beside the library, relative to the checkout."""
    found = [path for name in ("checks", "fixtures") for path in Path(name).rglob("*") if path.is_file()]
    kept = [p for p in found if p.parent.name != "__pycache__" and not any(part.startswith(".") for part in p.parts)]
    return [Path("conftest.py"), Path("pytest.ini"), *sorted(kept)]


class BuildWithHarness(build_py):
    """Build the packages, and copy the harness into ours; an editable install uses the checkout's own."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        # What an earlier build left may since have been removed from the checkout.
        shutil.rmtree(Path(self.build_lib, TARGET), ignore_errors=True)
        for source in harness_files():
            target = Path(self.build_lib, TARGET, source)
            self.mkpath(str(target.parent))
            self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """Return also what the source distribution must hold for this step."""
        return [*super().get_source_files(), *map(str, harness_files())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs = super().get_outputs(include_bytecode)
        return (
            outputs
            if self.editable_mode
            else [*outputs, *(str(Path(self.build_lib, TARGET, f)) for f in harness_files())]
        )


setup(cmdclass={"build_py": BuildWithHarness})
