"""Prints requirements.txt from the packages of the Python that runs it."""

from __future__ import annotations

from importlib.metadata import distributions

HEAD = """\
# What a crawl machine installs, to the version. Made by `make pins` from the ranges in pyproject.toml.
# lxml_html_clean stands here by name because pip 23 does not see that trafilatura's justext needs it.
"""
NOT_PINNED = {"pip", "setuptools", "wheel", "newscrawl"}
MARKERS = {"backports.zstd": 'python_version < "3.14"', "backports-zstd": 'python_version < "3.14"'}


def pins() -> list[str]:
    """`name==version`, sorted, with the marker a package needs."""
    lines = []
    for package in distributions():
        name = package.metadata["Name"]
        if name.lower() not in NOT_PINNED:
            marker = MARKERS.get(name.lower())
            lines.append(f"{name}=={package.version}" + (f" ; {marker}" if marker else ""))
    return sorted(set(lines), key=str.lower)


if __name__ == "__main__":
    print(HEAD + "\n".join(pins()))
