"""The files of one track: cut where a span of UTC ends, finished by rename.

Until it is finished a file lies beside its name, locked, as `edgeseg.temporary` says; what was written of it is whole
pieces, so that what a killed process leaves plays up to its last one.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from edgeseg.atomic import sync_folder
from edgeseg.serve.recording import mp4
from edgeseg.serve.recording.names import file_name
from edgeseg.serve.recording.piece import Header, Piece
from edgeseg.temporary import Temporary, orphans
from edgeseg.video.names import PART, give_name
from edgeseg.video.recovery import finish_orphans

LINES = ".jsonl"


class Segments:
    """One file after the other.

    Attributes:
        finished: files that have their name.
        bytes: that were written, in all files.
        present: bytes of the file that is being written.
        last: bytes of the file that was finished last.
    """

    def __init__(self, folder: Path, camera: str, ending: str, seconds: float) -> None:
        """Opens none yet.

        Args:
            folder: where they go; it is never made here, as it may be a disk that is not there.
            camera: its name.
            ending: of the files' names, such as ".mp4".
            seconds: of UTC that a file spans; it begins at a multiple of them, or where what it records does.
        """
        self._folder, self._camera, self._ending, self._seconds = folder, camera, ending, seconds
        self._file: Temporary | None = None
        self._target = folder
        self._header: Header | None = None
        self._span = 0
        self._base = 0
        self.finished = self.bytes = self.present = self.last = 0

    def write(self, piece: Piece) -> bool:
        """Adds a piece, in a new file if need be; whether one was finished.

        Raises:
            OSError: the disk cannot take it; what was written before is finished, as far as that can be done.
        """
        span = math.floor(piece.start / self._seconds)
        cut = self._file is not None and (piece.header is not self._header or span != self._span)
        try:
            if cut:
                self.finish()
            if self._file is None:
                self._target = self._folder / file_name(self._camera, piece.start, self._ending)
                self._file = Temporary(self._target, PART)
                self._header, self._span = piece.header, span
                self._base = mp4.decode_time(piece.data) if self._ending == ".mp4" else 0
                self._append(piece.header.data)
            self._append(mp4.earlier(piece.data, self._base) if self._base else piece.data)
        except OSError:
            self._salvage()
            raise
        return cut

    def finish(self) -> None:
        """Puts the present file on the disk and under its name, if there is one.

        Raises:
            OSError: that cannot be done; the next who looks for what is left here will try again.
        """
        if self._file is None:
            return
        file, self._file, self.last, self.present = self._file, None, self.present, 0
        try:
            os.fsync(file.handle)
            name = give_name(file.path, self._target, overwrite=False)
            self.finished += 1
            sync_folder(name.parent)
        finally:
            file.release()

    def _append(self, data: bytes) -> None:
        """Writes all of it; what comes to less than all is cut away again."""
        assert self._file is not None
        left = memoryview(data)
        while left:
            left = left[os.write(self._file.handle, left) :]
        self.present += len(data)
        self.bytes += len(data)

    def _salvage(self) -> None:
        """Ends the file after its last whole piece; one without a piece is removed."""
        if self._file is None:
            return
        with suppress(OSError):
            os.ftruncate(self._file.handle, self.present)
        if self._header is not None and self.present <= len(self._header.data):
            with suppress(OSError):
                self._file.path.unlink()
            self._file.release()
            self._file, self.present = None, 0
            return
        with suppress(OSError):
            self.finish()


def finish_leftovers(folder: Path) -> list[str]:
    """Finishes what killed processes left in a folder, of any track; a sentence for each."""
    sentences = finish_orphans(folder)
    for part, target, handle in orphans(folder, PART):
        if target.suffix != LINES:
            continue
        try:
            whole = _whole_lines(handle)
            if not whole:
                part.unlink()
                continue
            os.ftruncate(handle, whole)
            os.fsync(handle)
            name = give_name(part, target, overwrite=False)
        except OSError as error:
            sentences.append(f"{part}, which was left unfinished, cannot be finished: {error.strerror or error}")
            continue
        sentences.append(f"lines were left unfinished; they are {name} now")
        with suppress(OSError):  # they have their name, whatever the disk makes of that
            sync_folder(folder)
    return sentences


def _whole_lines(handle: int) -> int:
    """Bytes of a file up to the end of its last whole line; 0 if there is none behind the first."""
    length = os.fstat(handle).st_size
    data = os.pread(handle, length, 0)
    end = data.rfind(b"\n") + 1
    return end if data.count(b"\n", 0, end) > 1 else 0
