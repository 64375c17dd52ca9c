"""Every error that edgeseg raises on purpose.

    EdgeSegError
    ├── SpecError      (ValueError)    a spec or class list that does not hold together
    ├── BundleError    (ValueError)    a bundle that is missing, altered, unsafe or from the future
    ├── EngineError    (RuntimeError)  a runtime that is absent or refuses the artifact
    │   └── AbandonedError           a frame that was given up because its stream is to end
    ├── FrameError     (ValueError)    an array of the wrong shape, dtype or content
    ├── SourceError    (OSError)       a video source that cannot be opened or gives no frame
    │   └── LostError                a live source that broke off
    ├── OutputError    (OSError)       a place that cannot be written
    ├── DataError      (ValueError)    a data set that breaks its own rules
    ├── WeightsError   (ValueError)    weights of another network, or not safetensors
    ├── UpdateError    (RuntimeError)  an update that cannot be fetched or published, or cannot be trusted
    ├── TrainingError  (RuntimeError)  a training run that cannot go on
    ├── ExportError    (RuntimeError)  a conversion that changed the network's answer
    └── UsageError     (ValueError)    a command line that asks for something impossible

Each also subclasses the builtin that fits, so callers may catch either. A message says what was got,
what was expected, and what to do about it. The command line prints it and exits with code 2.
"""


class EdgeSegWarning(UserWarning):
    """Something that works, but not as asked for or expected; the command line prints it as one sentence."""


class EdgeSegError(Exception):
    """Base of all errors that edgeseg raises on purpose."""


class SpecError(EdgeSegError, ValueError):
    """A spec or class list that does not hold together."""


class BundleError(EdgeSegError, ValueError):
    """A bundle that is missing, altered, unsafe or from the future."""


class EngineError(EdgeSegError, RuntimeError):
    """A runtime that is absent or refuses the artifact."""


class AbandonedError(EngineError):
    """A frame that was given up because its stream is to end."""


class FrameError(EdgeSegError, ValueError):
    """An array of the wrong shape, dtype or content."""


class SourceError(EdgeSegError, OSError):
    """A video source that cannot be opened or gives no frame."""

    def __init__(self, message: str = "", *, cause: str = "unavailable") -> None:
        """Takes one word too for what is in the way, by which such errors are counted: refused, timeout ..."""
        super().__init__(message)
        self.cause = cause


class LostError(SourceError):
    """A live source that broke off."""


class OutputError(EdgeSegError, OSError):
    """A place that cannot be written."""


class DataError(EdgeSegError, ValueError):
    """A data set that breaks its own rules."""


class WeightsError(EdgeSegError, ValueError):
    """Weights of another network, or not safetensors."""


class UpdateError(EdgeSegError, RuntimeError):
    """An update that cannot be fetched or published, or cannot be trusted."""


class TrainingError(EdgeSegError, RuntimeError):
    """A training run that cannot go on."""


class ExportError(EdgeSegError, RuntimeError):
    """A conversion that changed the network's answer."""


class UsageError(EdgeSegError, ValueError):
    """A command line that asks for something impossible."""
