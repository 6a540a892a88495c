"""What every public name owes its reader."""

import importlib
import inspect
import pkgutil
import typing

import coursekit


def public_objects():
    modules = [coursekit] + [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(coursekit.__path__, "coursekit.")
        if not found.name.endswith("__main__")
    ]
    for module in modules:
        for name in getattr(module, "__all__", []):
            yield f"{module.__name__}.{name}", getattr(module, name)


def functions_of(name, thing):
    """A public function itself, or the methods that a public class of ours writes."""
    if inspect.isfunction(thing):
        yield name, thing
    elif inspect.isclass(thing):
        for key, member in vars(thing).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            ours = inspect.isfunction(function) and function.__code__.co_filename.startswith(*coursekit.__path__)
            if ours and (not key.startswith("_") or key in ("__init__", "__call__")):
                yield f"{name}.{key}", function


def own_docstring(thing):
    """What we wrote: not what a class inherits, a dataclass or a NamedTuple makes up."""
    text = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return text and not text.startswith(f"{thing.__name__}(")


def test_every_public_function_and_class_has_a_docstring():
    ours = [(name, thing) for name, thing in public_objects() if inspect.isclass(thing) or inspect.isfunction(thing)]
    assert len(ours) > 100
    assert [name for name, thing in ours if not own_docstring(thing)] == []


def test_every_public_function_is_annotated_in_full():
    bare = []
    for name, thing in public_objects():
        for where, function in functions_of(name, thing):
            wanted = set(inspect.signature(function).parameters) - {"self", "cls"}
            wanted |= set() if where.endswith("__init__") else {"return"}
            bare += [f"{where}: {missing}" for missing in sorted(wanted - set(typing.get_type_hints(function)))]
    assert bare == []
