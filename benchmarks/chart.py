"""Draws what ``growth.py`` measured: ``chart.py GROWTH.JSON CHART.PNG``, in an environment that has
matplotlib.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator

STYLES = {
    "floor": {"color": "#7a7a7a", "marker": "s", "linestyle": "--"},
    "ecr-async": {"color": "#0b6e4f", "marker": "o", "linewidth": 2.4},
    "capo-ecr": {"color": "#8e44ad", "marker": "D"},
    "aiobotocore": {"color": "#c8553d", "marker": "^"},
    "boto3 in threads": {"color": "#3d5a98", "marker": "v"},
}


def duration(seconds: float, _position: int) -> str:
    """A tick of the time axis."""
    return f"{seconds * 1e6:g} µs" if seconds < 0.001 else f"{seconds * 1e3:g} ms"


def main() -> None:
    """Read, draw, save."""
    source, target = map(Path, sys.argv[1:])
    axes = json.loads(source.read_text())
    figure, panels = plt.subplots(1, len(axes), figsize=(5.2 * len(axes), 4.6), layout="constrained")
    for panel, axis in zip(panels, axes, strict=True):
        for client, costs in axis["curves"].items():
            panel.loglog(axis["points"], costs, label=client, markersize=5, **STYLES[client])
        panel.set_title(axis["title"], fontsize=11)
        panel.set_ylabel(f"CPU time a {axis['unit']}")
        panel.set_xticks(axis["points"], [f"{point:,}" for point in axis["points"]])
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(duration))
        panel.grid(alpha=0.3)
    panels[0].legend(frameon=False)
    figure.savefig(target, dpi=130)


if __name__ == "__main__":
    main()
