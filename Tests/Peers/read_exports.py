"""Reads what `milenas-lab` writes with the Python packages that its users read it with.

    python read_exports.py RUN_FOLDER NPZ_FOLDER TENSORBOARD_FOLDER

Prints one JSON object; a package that is missing is named under "missing".
"""

import glob
import json
import sys


def main(run, npz, tensorboard):
    found = {"missing": []}
    try:
        import numpy

        arrays = numpy.load(f"{npz}/run.npz")
        found["npz_train_loss"] = arrays["step_train_loss"].tolist()
        found["npz_alpha_shape"] = list(arrays["step_alpha"].shape)
    except ImportError:
        found["missing"].append("numpy")
    try:
        from safetensors.numpy import load_file

        state = load_file(sorted(glob.glob(f"{run}/checkpoints/*.safetensors"))[-1])
        found["checkpoint_alpha"] = state["alpha"].ravel().tolist()
        found["checkpoint_stem"] = list(state["weights.stem.conv"].shape)
    except ImportError:
        found["missing"].append("safetensors")
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(tensorboard)
        events.Reload()
        tag = "step/train_loss"
        if tag in events.Tags()["scalars"]:
            found["tensorboard_train_loss"] = [e.value for e in events.Scalars(tag)]
        else:
            # Newer packages turn scalars into tensors while they read.
            from tensorboard.util import tensor_util

            found["tensorboard_train_loss"] = [
                float(tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)
            ]
    except ImportError:
        found["missing"].append("tensorboard")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
