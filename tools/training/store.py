"""A judge as a file, the same bytes for the same arrays."""

from __future__ import annotations

import io
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from newscrawl.extraction.classifier.model import STAGES, Forest, Judge

_TYPES = {"columns": np.int16, "borders": np.float32, "leaves": np.int32, "bias": np.int64}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def save_judge(judge: Judge, path: Path) -> None:
    """Written as NumPy's npz, members without times of day."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        stages: dict[str, Forest] = {stage: getattr(judge, stage) for stage in STAGES}
        for stage, forest in [*stages.items(), *judge.kinds.items()]:
            for part in fields(forest):
                array = np.asarray(getattr(forest, part.name)).astype(_TYPES[part.name])
                data = io.BytesIO()
                np.save(data, array, allow_pickle=False)
                member = zipfile.ZipInfo(f"{stage}.{part.name}.npy", _EPOCH)
                member.compress_type = zipfile.ZIP_DEFLATED
                out.writestr(member, data.getvalue())
