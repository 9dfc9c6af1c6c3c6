"""Plots the requests a second of each server, with a panel for each load."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "cart-associations"

from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen first

from benchmark.measure import Results  # noqa: E402
from benchmark.medians import of_median, rate, select  # noqa: E402

OURS, OTHERS, INK = "#1f5fbf", "#b9c0c9", "#333a44"


def plot_rates(results: Results, reference: str, connections: int, path: Path) -> None:
    """Write an SVG with a horizontal bar for each server, the reference in colour."""
    loads = results.settings.loads
    servers = list(results.servers)[::-1]
    height = 0.9 + 0.28 * len(servers)
    figure, panels = plt.subplots(
        1, len(loads), figsize=(3.0 * len(loads) + 1.5, height), sharey=True, squeeze=False
    )
    for panel, load in zip(panels[0], loads, strict=True):
        rates = [
            of_median(select(results.measurements, server, load, connections), rate) or 0.0
            for server in servers
        ]
        colours = [OURS if server == reference else OTHERS for server in servers]
        bars = panel.barh(servers, rates, color=colours, height=0.7)
        labels = [f"{value:,.0f}" if value else "none" for value in rates]
        panel.bar_label(bars, labels=labels, padding=3, fontsize=8, color=INK)
        panel.set_title(load, fontsize=10, color=INK, loc="left")
        panel.set_xlim(0, max(rates, default=1.0) * 1.25 or 1.0)
        panel.set_xticks([])
        panel.spines[["top", "right", "bottom"]].set_visible(False)
        panel.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    figure.suptitle(
        f"Requests a second, {connections} connections, medians of one run",
        fontsize=11, color=INK, x=0.01, ha="left",
    )  # fmt: skip
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
