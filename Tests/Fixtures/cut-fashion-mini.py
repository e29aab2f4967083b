"""Cuts the data set fashion-mini from Fashion-MNIST: 400 training and 100 test images of each class.

  python3 Tests/Fixtures/cut-fashion-mini.py /usr/share/datasets/fashion-mnist Sources/Datasets/Resources/fashion-mini

The first images of each class in file order, class after class in turn, so that any leading part is balanced. The same
input gives the same bytes.
"""
import gzip, struct, sys, os


def read(path, dimensions):
    with gzip.open(path) as f:
        data = f.read()
    sizes = struct.unpack(f">{dimensions}I", data[4:4 + 4 * dimensions])
    return data[:4], sizes, data[4 + 4 * dimensions:]


def write(path, magic, sizes, values):
    with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, mtime=0) as g:
        g.write(magic + struct.pack(f">{len(sizes)}I", *sizes) + bytes(values))


def cut(source, target, part, per_class):
    magic, (count, rows, columns), pixels = read(f"{source}/{part}-images-idx3-ubyte.gz", 3)
    label_magic, _, labels = read(f"{source}/{part}-labels-idx1-ubyte.gz", 1)
    of_class = [[i for i in range(count) if labels[i] == c][:per_class] for c in range(10)]
    chosen = [of_class[c][k] for k in range(per_class) for c in range(10)]
    size = rows * columns
    images = b"".join(pixels[i * size:(i + 1) * size] for i in chosen)
    write(f"{target}/{part}-images-idx3-ubyte.gz", magic, (len(chosen), rows, columns), images)
    write(f"{target}/{part}-labels-idx1-ubyte.gz", label_magic, (len(chosen),), bytes(labels[i] for i in chosen))


source, target = sys.argv[1:3]
os.makedirs(target, exist_ok=True)
cut(source, target, "train", 400)
cut(source, target, "t10k", 100)
