"""A checker for WARC files of anybody, and for our indexes of them: what is wrong, where, by what name."""

from newscrawl.warc.verify.files import verify_index, verify_warc, verify_warcs
from newscrawl.warc.verify.problems import Problem

__all__ = ["Problem", "verify_index", "verify_warc", "verify_warcs"]
