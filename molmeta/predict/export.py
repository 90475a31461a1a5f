"""The export of an encoder: a program of torch.export or ONNX, which needs no molmeta to run."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch_geometric.data import Batch

from molmeta import __version__
from molmeta.chem.atoms import ATOM_COLUMNS, ATOM_SIZES, BOND_COLUMNS, BOND_SIZES
from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.chem.features import GRAPHS
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.chem.fingerprint import PAIRS_SIZE, SIZE
from molmeta.chem.molecule import MAX_ATOMS
from molmeta.errors import InputError
from molmeta.models.encoder import Encoder
from molmeta.predict import exported
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.resources import write_atomically
from molmeta.runs.model import Model

INPUTS: dict[str, dict[str, Any]] = {
    "atoms": {"shape": ["atoms", len(ATOM_SIZES)], "columns": ATOM_COLUMNS, "below": ATOM_SIZES},
    "bonds": {"shape": ["bonds", len(BOND_SIZES)], "columns": BOND_COLUMNS, "below": BOND_SIZES},
    "bonded": {"shape": [2, "bonds"]},
    "n_atoms": {"shape": ["molecules"]},
    "fingerprints": {"shape": ["molecules", SIZE]},
    "pairs": {"shape": ["molecules", PAIRS_SIZE]},
    "descriptors": {"shape": ["molecules", len(DESCRIPTORS)], "columns": DESCRIPTORS},
}
"""The inputs of programs, in their order, and the values that each column is below."""

_PROBES = (
    "CC(=O)Nc1ccc(O)cc1", "C", "c1ccccc1", "CC(=O)[O-].[Na+]", "C[C@H](N)C(=O)O",
    "OC(=O)/C=C/C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
)  # fmt: skip
_TOLERANCE = 1e-5
_READER = Path(exported.__file__)


def check_program_file(path: Path) -> None:
    """Refuse a program's name before any work is done.

    Raises:
        InputError: If it ends otherwise than `.pt2` and `.onnx`, a file beside it would be lost,
            or what ONNX needs is not installed.
    """
    if path.suffix not in (".pt2", ".onnx"):
        raise InputError.of(
            f"output {path}", got=f"the ending {path.suffix!r}", expected=".pt2 or .onnx"
        )
    beside = path.with_suffix(".py")
    if beside.exists() and not (beside.is_file() and _first_line(beside) == _first_line(_READER)):
        raise InputError.of(
            f"output {beside}, which is written beside {path.name}",
            got="something that molmeta did not write",
            expected="another name of the program",
        )
    lacking = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if path.suffix == ".onnx" and lacking:
        raise InputError.of(
            f"output {path}",
            got=f"an installation without {', '.join(lacking)}",
            fix="Install it: pip install 'molmeta[onnx]'. A .pt2 needs torch alone.",
        )


def export_encoder(model: Model, path: Path) -> Path:
    """Write a model's encoder as a program, and beside it the Python that reads SMILES for it.

    The program takes any number of molecules, atoms and bonds. Before it is put in place, its
    vectors of some molecules, read by that Python, are compared with the model's.

    Args:
        model: On the CPU.
        path: `.pt2` for torch.export, `.onnx` for ONNX.

    Returns:
        Where the Python is: the same name with the ending `.py`.

    Raises:
        InputError: As `check_program_file`; or if the encoder cannot be exported.
    """
    check_program_file(path)
    encoder, metadata = model.learner.encoder, _metadata(model)
    found = [exported.read(smiles, metadata) for smiles in _PROBES]
    arrays = exported.join([one for one in found if one is not None])
    with _refusing(path, encoder):
        program = _traced(encoder, arrays, metadata)
        content = (_as_pt2 if path.suffix == ".pt2" else _as_onnx)(program, metadata)
    with write_atomically(path) as file:
        file.write_bytes(content)  # its own errors tell no full disk
        with _refusing(path, encoder):
            _compare(exported.ExportedEncoder(file), MoleculeEncoder(model).encode(_PROBES))
    beside = path.with_suffix(".py")
    with write_atomically(beside) as file:
        file.write_bytes(_READER.read_bytes())
    return beside


class _Program(nn.Module):
    """An encoder on plain tensors, in the order of their names."""

    def __init__(self, encoder: Encoder, names: list[str]) -> None:
        super().__init__()
        self.encoder, self.names = encoder, names

    def forward(self, *tensors: Tensor) -> Tensor:
        given = dict(zip(self.names, tensors, strict=True))
        batch = Batch(**(_graphs(given) if "atoms" in given else {}))
        for name, start in (("fingerprints", "fp"), ("pairs", "pair")):
            if name in given:
                rows, columns = given[name].nonzero(as_tuple=True)
                batch[f"{start}_columns"] = columns
                batch[f"{start}_counts"] = given[name][rows, columns].float()
                batch[f"{start}_offsets"] = _starts((given[name] > 0).sum(1))
        if "descriptors" in given:
            batch.descriptors = given["descriptors"]
        vectors: Tensor = self.encoder(batch)
        return vectors


def _graphs(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Make of plain tensors what encoders read of graphs."""
    n_atoms, bonded, bonds = given["n_atoms"], given["bonded"], given["bonds"]
    begins = torch.zeros_like(given["atoms"][:, 0])
    begins = begins.index_add(0, _starts(n_atoms), torch.ones_like(n_atoms))
    return {
        "x": given["atoms"],
        "edge_index": torch.cat([bonded, bonded.flip(0)], 1),
        "edge_attr": torch.cat([bonds, bonds]),
        "batch": begins.cumsum(0) - 1,
        "ptr": torch.cat([n_atoms.new_zeros(1), n_atoms.cumsum(0)]),
    }


def _starts(sizes: Tensor) -> Tensor:
    return sizes.cumsum(0) - sizes


def _metadata(model: Model) -> dict[str, Any]:
    """Say what the program reads and gives, and how its inputs are computed."""
    encoder = model.learner.encoder
    read = encoder.reads | (
        {"atoms", "bonds", "bonded", "n_atoms"} if GRAPHS in encoder.reads else set()
    )
    inputs = {
        name: told | {"holds": exported.COMPUTED[name].__doc__}
        for name, told in INPUTS.items()
        if name in read
    }
    return {
        "molmeta": __version__,
        "model": model.path.resolve().name,
        "features": FEATURE_SPEC,
        "max_atoms": MAX_ATOMS,
        "standard_form": None if model.standardize is None else model.standardize.spec,
        "inputs": inputs,
        "dim": encoder.dim,
        "columns": {name: [at.start, at.stop] for name, at in encoder.columns.items()},
    }


def _traced(
    encoder: Encoder, arrays: exported.Arrays, metadata: Mapping[str, Any]
) -> ExportedProgram:
    """Make the program, whose open sizes are those that the metadata name."""
    sizes = {name: Dim(name) for name in ("molecules", "atoms", "bonds")}
    shapes = [
        {i: sizes[size] for i, size in enumerate(told["shape"]) if isinstance(size, str)}
        for told in metadata["inputs"].values()
    ]
    with torch.no_grad():
        program = torch.export.export(
            _Program(encoder, list(arrays)),
            tuple(map(torch.from_numpy, arrays.values())),
            dynamic_shapes={"tensors": tuple(shapes)},
            strict=False,
        )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names folders of this machine
    return program


def _as_pt2(program: ExportedProgram, metadata: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={exported.METADATA: json.dumps(metadata)})
    return content.getvalue()


def _as_onnx(program: ExportedProgram, metadata: Mapping[str, Any]) -> bytes:
    written = torch.onnx.export(
        program,
        dynamo=True,
        input_names=list(metadata["inputs"]),
        output_names=["vectors"],
        custom_translation_table={torch.ops.aten.searchsorted.Tensor: _searchsorted},
    )
    assert written is not None
    written.model.metadata_props[exported.METADATA] = json.dumps(metadata)
    content: bytes = written.model_proto.SerializeToString()
    return content


def _searchsorted(keys: Any, queries: Any, *, right: bool = False, **_: object) -> Any:
    """Find by bisection, in ONNX, where queries stand among sorted keys along the last axis."""
    from onnxscript import opset18 as op

    n_keys: int = keys.shape[-1]
    last, n = op.Constant(value_int=n_keys - 1), op.Constant(value_int=n_keys)
    place = op.Expand(op.Constant(value_int=0), op.Shape(queries))
    for bit in reversed(range(n_keys.bit_length())):
        after = op.Add(place, op.Constant(value_int=2**bit))
        at = op.Min(op.Sub(after, op.Constant(value_int=1)), last)
        key = op.GatherElements(keys, at, axis=-1)
        before = op.LessOrEqual(key, queries) if right else op.Less(key, queries)
        place = op.Where(op.And(before, op.LessOrEqual(after, n)), after, place)
    return place


def _compare(program: exported.ExportedEncoder, expected: exported.Vectors) -> None:
    """Compare a program's vectors with the model's, of molecules together and alone.

    Raises:
        ValueError: If they differ.
    """
    for at_once in (len(_PROBES), 1):
        difference = np.abs(program(_PROBES, at_once) - expected)
        if not (difference <= _TOLERANCE * np.maximum(1, np.abs(expected))).all():
            raise ValueError(f"its vectors differ from the model's by {difference.max():.2g}")


@contextmanager
def _refusing(path: Path, encoder: Encoder) -> Iterator[None]:
    """Turn what torch raises of an encoder into an InputError; keep back what else it says."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = str(cause).strip().split("\n")[0].partition(" For more information")[0]
        raise InputError.of(
            f"output {path}",
            got=f"an encoder, {type(encoder).__name__}, that cannot be exported "
            f"({type(cause).__name__}: {reason[:300]})",
            expected="one whose steps are the same for any number of molecules, atoms and bonds, "
            "and depend on no number that it computes",
        ) from error
    finally:
        logging.disable(before)


def _first_line(file: Path) -> bytes:
    with file.open("rb") as lines:
        return lines.readline()
