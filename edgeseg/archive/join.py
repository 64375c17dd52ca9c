"""The pieces of a video put together: one video of masks, one table, one video of overlays."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pyarrow as pa
import pyarrow.parquet as pq

from edgeseg.archive import events, table
from edgeseg.archive.events import Watch
from edgeseg.archive.masks import MaskVideo
from edgeseg.archive.place import FRAMES, MASKS, OVERLAY
from edgeseg.spec import Spec
from edgeseg.video.span import InseparableError


def join(
    pieces: Sequence[Path],
    folder: Path,
    spec: Spec,
    fps: Fraction | None,
    origin: dict[str, Any],
    *,
    overlay: bool,
    watch: Watch | None = None,
) -> int:
    """Writes a video's results. They are the same bytes however it was cut; but for overlays, whose pictures are.

    Args:
        pieces: their folders, in order.
        folder: where the results go.
        spec: of the network.
        fps: the rate that the video announces.
        origin: what the masks were made with, for the table's metadata.
        overlay: there are overlays.
        watch: the rules whose events are found, None if there are none.

    Returns:
        The frames in them.

    Raises:
        InseparableError: the pieces' overlays do not go together.
        OSError: the disk is full.
    """
    _join_masks(pieces, folder / MASKS, spec, fps)
    frames = _join_tables(pieces, folder / FRAMES, table.schema(spec, origin, rules=watch is not None), watch)
    if overlay:
        _join_overlays(pieces, folder / OVERLAY)
    return frames


def _join_masks(pieces: Sequence[Path], path: Path, spec: Spec, fps: Fraction | None) -> None:
    with table.opened(pieces[0] / FRAMES) as file:
        first = next(file.iter_batches(1, columns=["width", "height"])).to_pylist()[0]
    with MaskVideo(path, spec, first["width"], first["height"], fps) as video:
        for piece in pieces:
            with table.opened(piece / FRAMES) as file:
                for batch in file.iter_batches(table.ROWS, columns=["time", table.MASKS]):
                    for row in batch.to_pylist():
                        video.write(row[table.MASKS], row["time"])


def _join_tables(pieces: Sequence[Path], path: Path, schema: pa.Schema, watch: Watch | None) -> int:
    found = [field.name for field in events.FIELDS]
    names = [name for name in schema.names[1:] if name not in found]
    names += [] if watch is None else [events.SHARES]
    joined = pa.concat_tables([_columns(piece / FRAMES, names) for piece in pieces])
    if watch is not None:
        shares = joined[events.SHARES].to_pylist()
        rows = events.rows(watch, zip(joined["time"].to_pylist(), shares, strict=True))
        joined = joined.drop_columns([events.SHARES])
        for number, field in enumerate(events.FIELDS):
            joined = joined.append_column(field, pa.array([row[number] for row in rows], field.type))
    numbered = joined.add_column(0, schema.field("frame"), pa.array(range(len(joined)), pa.int64()))
    with path.open("wb") as file:
        pq.write_table(numbered.cast(schema).combine_chunks(), file, compression="zstd")
    return len(joined)


def _columns(path: Path, names: list[str]) -> pa.Table:
    with table.opened(path) as file:
        return file.read(columns=names)


def _join_overlays(pieces: Sequence[Path], path: Path) -> None:
    """Copies packets, which one header must fit."""
    with av.open(f"file:{path}", "w", format="matroska") as output:
        stream: Any = None
        last = -1
        for piece in pieces:
            with av.open(f"file:{piece / OVERLAY}") as part:
                source = part.streams.video[0]
                if stream is None:
                    stream, header = output.add_stream_from_template(source), source.codec_context.extradata
                elif source.codec_context.extradata != header:
                    raise InseparableError(
                        f"the overlays in {pieces[0].parent} are of different encoders, or of frames of different sizes"
                    )
                for packet in part.demux(source):
                    if packet.size:
                        assert packet.pts is not None
                        last = max(last + 1, packet.pts)
                        packet.pts = packet.dts = last
                        packet.stream = stream
                        output.mux(packet)
