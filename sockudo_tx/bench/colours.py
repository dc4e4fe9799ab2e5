"""How plots look: told apart by colour-blind people and in print, on light and on dark paper."""

from __future__ import annotations

__all__ = ["CURVES", "DARK", "FONT", "LIGHT", "plot_style"]

FONT = 'system-ui, "Segoe UI", Roboto, "Liberation Sans", "DejaVu Sans", sans-serif'

# After Okabe and Ito, darkened or lightened for a contrast of 3 to 1 with the paper; the dashes repeat the distinction.
LIGHT = ("#0072b2", "#c84e00", "#007a5a", "#a03a82", "#806000", "#4a4a4a")
DARK = ("#56b4e9", "#ff9d57", "#3fd1a4", "#e79bcb", "#f0e442", "#c8c8c8")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2")
CURVES = len(LIGHT)
"""How many curves look different; the next one looks like the first."""

_LIGHT_PAPER = {"paper": "#ffffff", "ink": "#1d2129", "faint": "#5c6370", "grid": "#e3e6ea", "axis": "#8b929c"}
_DARK_PAPER = {"paper": "#15181d", "ink": "#e8eaed", "faint": "#a4abb6", "grid": "#2c3138", "axis": "#6f7783"}


def plot_style(*, dark: bool = True) -> str:
    """The style sheet of every plot; without `dark` it is light everywhere, which a picture of pixels needs."""
    lines = [
        f".plot text{{font:12px {FONT}}} .plot .title{{font-size:14px;font-weight:600}}",
        ".plot .line{fill:none;stroke-width:1.8;stroke-linejoin:round}",
        ".plot .grid{stroke-width:1} .plot .end{text-anchor:end} .plot .middle{text-anchor:middle}",
        *(f".plot .line.c{number}{{stroke-dasharray:{dash}}}" for number, dash in enumerate(_DASHES) if dash),
        _colours(_LIGHT_PAPER, LIGHT),
    ]
    if dark:
        lines.append(f"@media screen and (prefers-color-scheme:dark){{{_colours(_DARK_PAPER, DARK)}}}")
    return "\n".join(lines)


def _colours(paper: dict[str, str], curves: tuple[str, ...]) -> str:
    rules = [
        f".plot text{{fill:{paper['faint']}}} .plot .title{{fill:{paper['ink']}}}",
        f".plot .paper{{fill:{paper['paper']}}}",
        f".plot .grid{{stroke:{paper['grid']}}} .plot .axis{{stroke:{paper['axis']}}}",
        *(f".plot .line.c{n}{{stroke:{colour}}} .plot .dot.c{n}{{fill:{colour}}}" for n, colour in enumerate(curves)),
    ]
    return "\n".join(rules)
