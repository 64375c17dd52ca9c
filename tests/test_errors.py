from __future__ import annotations

import builtins
import inspect

import edgeseg.errors
from edgeseg.errors import EdgeSegError

ERRORS = {
    name: error
    for name, error in inspect.getmembers(edgeseg.errors, inspect.isclass)
    if issubclass(error, EdgeSegError) and error is not EdgeSegError
}


def test_each_error_stands_in_the_tree_with_its_builtin() -> None:
    drawn = edgeseg.errors.__doc__ or ""
    assert ERRORS
    for name, error in ERRORS.items():
        first, builtin = error.__bases__
        assert first is EdgeSegError
        assert getattr(builtins, builtin.__name__) is builtin
        line = next(line for line in drawn.splitlines() if f" {name} " in line)
        assert f"({builtin.__name__})" in line
        assert error.__doc__
        assert error.__doc__.rstrip(".").lower() in line.lower()
