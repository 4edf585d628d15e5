"""Check WARC files of any writer, and our indexes of them: what is wrong, where, and under which code."""

from newscrawl.warc.verify.files import verify_index, verify_warc, verify_warcs
from newscrawl.warc.verify.problems import WarcProblem

__all__ = ["WarcProblem", "verify_index", "verify_warc", "verify_warcs"]
