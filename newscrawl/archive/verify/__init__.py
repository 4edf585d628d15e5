"""A checker for WARC files of anybody: what is wrong, where, and by what name."""

from newscrawl.archive.verify.files import verify_warc, verify_warcs
from newscrawl.archive.verify.problem import Problem

__all__ = ["Problem", "verify_warc", "verify_warcs"]
