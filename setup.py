"""Compiles the `.pyx` files: each is the fast form of loops that a module beside it has in Python.

Without a compiler, or Cython, the package installs all the same and runs in Python alone, as it does when it
was built with `NEWSCRAWL_COMPILE=0`: that wheel is for every system.
"""

import os
from pathlib import Path

from setuptools import setup

PACKAGE = Path("newscrawl")


def extensions():
    for old in PACKAGE.rglob("*.so"):
        old.unlink()  # it would stay, and run, where its source can be compiled no more
    if os.environ.get("NEWSCRAWL_COMPILE") == "0":
        return []
    try:
        import lxml
        from Cython.Build import cythonize
        from setuptools import Extension
    except ImportError:
        return []
    modules = cythonize(
        [
            Extension(".".join(source.with_suffix("").parts), [str(source)], include_dirs=lxml.get_include())
            for source in sorted(PACKAGE.rglob("*.pyx"))
        ],
        build_dir="build/cython",
        language_level=3,
    )
    for module in modules:
        module.optional = True  # given to `Extension` it is lost in Cython
        module.extra_compile_args = ["-g0"]  # half the size
    return modules


setup(ext_modules=extensions())
