"""Single-sample clustering: one labelled picture names what an unknown generator's set falls into.

features -> t-SNE to two dimensions -> k-means, k = 2 -> the labelled sample names its cluster
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verilens.errors import MissingExtra

Groups = NDArray[np.int64]
REPEATS = 10  # the paper averages so many


def clusters(features: ArrayLike, seed: int = 0) -> Groups:
    """Return which of two clusters each sample is in, (N,) of 0 and 1. features: (N, D), N > 3."""
    try:
        from sklearn.cluster import KMeans
        from sklearn.manifold import TSNE
    except ImportError as error:
        message = "clustering needs scikit-learn: pip install 'verilens[bench]'"
        raise MissingExtra(message) from error
    points = np.asarray(features, np.float32)
    perplexity = min(30.0, (len(points) - 1) / 3)
    flat = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(points)
    found = KMeans(2, n_init=10, random_state=seed).fit_predict(flat)
    return np.asarray(found, np.int64)


def named(groups: Groups, sample: int, label: int) -> Groups:
    """Return labels of 0 and 1: the cluster of `sample` gets its label, the other one the other."""
    return np.where(groups == groups[sample], label, 1 - label)


def cluster_accuracy(
    features: ArrayLike, labels: ArrayLike, sample: int, repeats: int = REPEATS
) -> float:
    """Return how many samples one labelled `sample` names right, averaged over seeds."""
    truth = np.asarray(labels, np.int64)
    found = [named(clusters(features, seed), sample, int(truth[sample])) for seed in range(repeats)]
    return float(np.mean([(labels_found == truth).mean() for labels_found in found]))
