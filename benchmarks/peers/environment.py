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
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def peers_python() -> Path:
    """The peers' Python; made with uv where it is there, else with venv and pip, from the registry they are set to."""
    folder = ROOT / ".bench" / "peers"
    python, mark = folder / "bin" / "python", folder / ".ready"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
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
    subprocess.run([*install, "--requirement", str(REQUIREMENTS)], check=True)
    mark.write_text(wanted, encoding="utf-8")
    return python
