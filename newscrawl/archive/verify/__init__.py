"""A checker for WARC files of anybody, and for our indexes of them: what is wrong, where, by what name."""

from newscrawl.archive.verify.files import verify_warc, verify_warcs
from newscrawl.archive.verify.index import verify_index
from newscrawl.archive.verify.problem import Problem

__all__ = ["Problem", "verify_index", "verify_warc", "verify_warcs"]
