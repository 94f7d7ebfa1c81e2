"""What goes over the pipe between a stage and a confined model: a line of JSON, then bytes; no pickle."""

from __future__ import annotations

import io
import json
from typing import Any

LONGEST_LINE = 16 << 20


def packed(rows: Any) -> tuple[dict[str, Any], bytes]:
    """Return rows as bytes with what they are: ``array`` (npy), ``frame`` or ``cells`` (Arrow)."""
    import numpy as np

    buffer = io.BytesIO()
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        np.save(buffer, rows, allow_pickle=False)
        return {"as": "array"}, buffer.getvalue()
    import pandas as pd
    import pyarrow as pa

    bare = isinstance(rows, np.ndarray)
    frame = (
        pd.DataFrame(rows, columns=[str(i) for i in range(rows.shape[1])]).infer_objects() if bare else rows
    )
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return {"as": "cells" if bare else "frame"}, buffer.getvalue()


def unpacked(how: str, raw: bytes) -> Any:
    """Return rows from what `packed` made."""
    import numpy as np

    if how == "array":
        return np.load(io.BytesIO(raw), allow_pickle=False)
    import pyarrow as pa

    frame = pa.ipc.open_stream(raw).read_all().to_pandas()
    return frame if how == "frame" else frame.to_numpy()


def array_bytes(array: Any) -> bytes:
    """Return an array of numbers in the npy format."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def line(said: dict[str, Any]) -> bytes:
    """Return a message as a line."""
    return json.dumps(said).encode() + b"\n"
