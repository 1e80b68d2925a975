"""Install requirements into the Python that runs this, with the smallest PyTorch that serves this machine.

    python install.py requirements.txt [requirements-test.txt]

On Linux the usual PyTorch brings CUDA, gigabytes that a machine without an NVIDIA card has no use for. There the build
for processors is taken, where its index answers. Only the standard library is used: nothing is installed yet.
"""

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def has_nvidia_card() -> bool:
    """Whether a driver for an NVIDIA card is there."""
    return Path("/proc/driver/nvidia").exists() or shutil.which("nvidia-smi") is not None


def answers(index: str, seconds: float = 5) -> bool:
    """Whether an index can be reached, within so many seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=seconds):
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False


def choice(platform: str = sys.platform) -> tuple[list[str], str]:
    """Arguments for pip, and a line on what they take."""
    if not platform.startswith("linux"):
        return [], "PyTorch as this system has it"
    if has_nvidia_card():
        return [], "PyTorch with CUDA, some gigabytes: this machine has an NVIDIA card"
    if answers(CPU_INDEX):
        return ["--extra-index-url", CPU_INDEX], "PyTorch for processors, some hundred megabytes: no NVIDIA card here"
    return [], f"PyTorch from pip's own index, with CUDA perhaps: {CPU_INDEX} does not answer"


def main(requirements: list[str]) -> int:
    """Install; the exit status of pip."""
    arguments, line = choice()
    print(line, flush=True)
    files = [word for name in requirements for word in ("-r", name)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*pip, "-c", "constraints.txt", *arguments, *files, "-e", "."], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
