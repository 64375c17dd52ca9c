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
        first, *others = error.__bases__
        line = next(line for line in drawn.splitlines() if f" {name} " in line)
        if first is EdgeSegError:
            (builtin,) = others
            assert getattr(builtins, builtin.__name__) is builtin
            assert f"({builtin.__name__})" in line
        else:  # a special case of another, whose builtin it inherits
            assert first.__name__ in ERRORS
            assert not others
        assert error.__doc__
        assert error.__doc__.rstrip(".").lower() in line.lower()
