"""Vectors as a matrix: one output of embeddings, as decimal text and as base64, becomes a file of NumPy's."""

from benches.answers import VECTOR_BYTES, output, write_vectors
from benches.plane_steps import Step, cat, measure, tool
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

ITEMS_A_VECTOR = 20  # so that the full form has as many as one batch takes
MOST_MIB = 128
FORMS = {"decimal": "decimal text", "base64": "base64"}  # by folder


def measure_vectors(items, options, builds, directory):
    """Figures, and rows of the table."""
    vectors = -(-items // ITEMS_A_VECTOR)
    say(f"making {vectors:,} vectors, twice")
    folders = {form: directory / form for form in FORMS}
    out = directory / "out"
    for folder in (*folders.values(), out):
        folder.mkdir()
    write_vectors(*folders.values(), vectors, options.seed)
    return measure(steps(tool(builds), folders, vectors, out), options.runs, out)


def steps(bench, folders, vectors, out):
    return [
        Step(
            f"{vectors:,} vectors of 3,072 to npy, {FORMS[form]}",
            (bench, "merge", "npy", vectors, 1, folder, out),
            "cat",
            cat([output(folder, 1)], out / "copy"),
            most=3,
            most_mib=MOST_MIB,
            check=lambda: check(out / "result", vectors),
        )
        for form, folder in folders.items()
    ]


def check(result, vectors):
    """The matrix has a row for each; bench_test.py looks into them."""
    size = result.stat().st_size
    if size - size % VECTOR_BYTES != vectors * VECTOR_BYTES:
        raise Stop(EXIT_ERROR, f"a matrix of {vectors:,} vectors takes {size:,} bytes")
