"""The peers' own environment: made once beside the project, in a folder that git ignores.

Put here: making it. Never here: running a peer (benchmarks/linkage.py).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def peers_python(requirements: str = "requirements.txt") -> Path:
    """The peers' Python; made with uv where it is there, else with venv and pip, from the registry they are set to.

    Args:
        requirements: what is in it; a file beside this one.
    """
    needed = Path(__file__).with_name(requirements)
    folder = ROOT / ".bench" / ("peers" if needed.stem == "requirements" else needed.stem)
    python, mark = folder / "bin" / "python", folder / ".ready"
    wanted = hashlib.sha256(needed.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return python
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--requirement", str(needed)], check=True)
    mark.write_text(wanted, encoding="utf-8")
    return python
