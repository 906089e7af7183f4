"""recordlinkage's ECM classifier, loaded by itself.

Put here: how the library's module is loaded. Never here: what is added to the classifier (ecm.py).

`import recordlinkage` brings all of its classifiers, pandas and most of scikit-learn: 1.5 s of processor time and
110 MB, of which the estimation uses nothing. What the one module takes from scikit-learn checks its input and turns
labels into columns; the patterns of this package are columns already. So the module's own code is run, with empty
classes where it asks for scikit-learn's, and nothing is changed for other code that imports either library.
"""

from __future__ import annotations

import builtins
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from spine.errors import PipelineError

_MODULE: Final = ("algorithms", "nb_sklearn.py")


class _Estimator:
    """Stands for scikit-learn's base class, which gives and takes parameters by name."""


class _Classifier:
    """Stands for scikit-learn's base class, which adds a score."""


class _NotUsed:
    """Stands for what turns labels into columns."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the patterns are columns already")


def _as_it_is(design: Any, **_: Any) -> Any:
    """Stands for the check of input: the design is this package's own."""
    return design


_INSTEAD: Final[dict[str, SimpleNamespace]] = {
    "sklearn.base": SimpleNamespace(BaseEstimator=_Estimator, ClassifierMixin=_Classifier),
    "sklearn.exceptions": SimpleNamespace(NotFittedError=ValueError),
    "sklearn.preprocessing": SimpleNamespace(LabelBinarizer=_NotUsed, binarize=_NotUsed),
    "sklearn.utils.validation": SimpleNamespace(check_array=_as_it_is, check_X_y=_NotUsed),
    "recordlinkage.types": SimpleNamespace(is_string_like=lambda value: isinstance(value, str)),
}


def _import(name: str, *how: Any, **named: Any) -> Any:
    return _INSTEAD.get(name) or builtins.__import__(name, *how, **named)


def load_ecm() -> Any:
    """The class `recordlinkage.algorithms.nb_sklearn.ECM`.

    Raises:
        PipelineError: recordlinkage is not installed, or its module lies elsewhere than in the version that is pinned.
    """
    library = find_spec("recordlinkage")
    path = Path(str(library and library.origin)).parent.joinpath(*_MODULE)
    spec = spec_from_file_location("spine.linkage.kernel.nb_sklearn", path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise PipelineError(
            f"linkage: recordlinkage has no module {'/'.join(_MODULE)}. Expected version 0.16: install the locked one."
        )
    module: ModuleType = module_from_spec(spec)
    # An import statement asks the module's own builtins: only this module sees what stands in for others.
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    spec.loader.exec_module(module)
    return module.ECM
