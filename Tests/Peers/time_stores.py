"""Times what other experiment stores need for the record of one search step.

    python time_stores.py --floats 7000 --steps 200

One step is ten scalars and vectors of so many floats in all (α, its gradient and their terms, norms per layer), made
durable before the next begins. Prints a JSON array of {store, seconds, bytes}, both per step; stores that are not
installed are left out.
"""

import argparse
import json
import os
import tempfile
import time

import numpy


def tree_bytes(folder):
    return sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, names in os.walk(folder)
        for name in names
    )


def tensorboard(folder, steps, scalars, vector):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    writer = EventFileWriter(folder)
    for step in range(steps):
        values = [Summary.Value(tag=name, simple_value=x) for name, x in scalars.items()]
        values.append(Summary.Value(tag="vectors", tensor=make_tensor_proto(vector)))
        writer.add_event(Event(step=step, wall_time=time.time(), summary=Summary(value=values)))
        writer.flush()
    writer.close()


def mlflow(folder, steps, scalars, vector):
    import mlflow
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    client = MlflowClient()
    run = client.create_run(client.create_experiment("steps", artifact_location=folder))
    names = list(scalars) + [f"v{i}" for i in range(len(vector))]
    values = list(scalars.values()) + [float(x) for x in vector]
    for step in range(steps):
        metrics = [Metric(name, x, 0, step) for name, x in zip(names, values)]
        for first in range(0, len(metrics), 1000):
            client.log_batch(run.info.run_id, metrics[first : first + 1000])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floats", type=int, default=7000)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    scalars = {f"scalar{i}": 0.1 * i for i in range(10)}
    vector = numpy.random.default_rng(1).standard_normal(options.floats).astype("float32")
    results = []
    for store, steps in [(tensorboard, options.steps), (mlflow, max(2, options.steps // 50))]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                store(folder, 1, scalars, vector)
            except ImportError:
                continue
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            store(folder, steps, scalars, vector)
            seconds = (time.perf_counter() - began) / steps
            results.append(
                {"store": store.__name__, "seconds": seconds, "bytes": tree_bytes(folder) / steps}
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
