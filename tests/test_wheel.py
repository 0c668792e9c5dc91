"""The installed command: a wheel, in an environment of its own, in a folder that has nothing of the repository."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent


@pytest.mark.slow
def test_installed_command_builds_a_spec(tmp_path: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, REPOSITORY)
    (wheel,) = tmp_path.glob("layergen-*.whl")

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True, symlinks=True)
    bin = environment / ("Scripts" if sys.platform == "win32" else "bin")
    run(bin / "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    # The libraries are those of the environment of this test, but not what its `.pth` files point to, for that may be
    # the repository.
    site = run(bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site, "libraries.pth").write_text("\n".join(sorted(libraries)))

    home = run(bin / "python", "-c", "import layergen; print(layergen.__file__)")
    assert Path(home.strip()).is_relative_to(environment)
    run(bin / "layergen", "new", "GatedScale")
    run(bin / "layergen", "build")
    run(bin / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "generated/tests")
