"""Draws a flame graph: `python tools/flame.py STACKS OUT.svg FUNCTION`.

STACKS is what `py-spy record --format raw` writes: a stack a line, and how often it was met. The picture
begins at FUNCTION, and names functions without their lines, so that it stays small.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

WIDTH, ROW, LEAST = 1_000, 18, 0.005
"Pixels, and the share of all samples below which a frame is left out."
LETTER = 6.2
"Pixels of a letter."
COLOURS = ("#f6c177", "#f2a65a", "#eec98a", "#e99a5b")
_PLACE = re.compile(r" \([^()]*\)$")


@dataclass
class Frame:
    count: int = 0
    inner: dict[str, Frame] = field(default_factory=dict)

    def add(self, names: list[str], count: int) -> None:
        self.count += count
        if names:
            self.inner.setdefault(names[0], Frame()).add(names[1:], count)

    def draw(self, left: float, depth: int, total: int) -> list[str]:
        """The frames within this one as boxes, each under the one that called it."""
        boxes: list[str] = []
        for name, frame in sorted(self.inner.items()):
            width = WIDTH * frame.count / total
            if frame.count >= LEAST * total:
                boxes += [_box(name, frame.count / total, left, depth, width)]
                boxes += frame.draw(left, depth + 1, total)
            left += width
        return boxes


def _box(name: str, share: float, left: float, depth: int, width: float) -> str:
    label = name if len(name) * LETTER < width - 4 else name[: max(int((width - 4) / LETTER) - 1, 0)]
    top = depth * ROW
    return (
        f'<g><title>{escape(name)}, {share:.1%}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
        f'height="{ROW - 1}" fill="{COLOURS[(depth + len(name)) % len(COLOURS)]}"/>'
        + (f'<text x="{left + 2:.1f}" y="{top + 12}">{escape(label)}</text>' if len(label) > 2 else "")
        + "</g>"
    )


def main() -> None:
    stacks, out, function = sys.argv[1:]
    root = Frame()
    for line in Path(stacks).read_text(encoding="utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        names = [_PLACE.sub("", name) for name in stack.split(";")]
        if function in names:
            root.add(names[names.index(function) :], int(count))
    boxes = root.draw(0, 0, root.count)
    height = ROW * (1 + max(int(top) for box in boxes for top in re.findall(r' y="(\d+)" width', box)) // ROW)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="10">'
    )
    Path(out).write_text("\n".join([head, *boxes, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
