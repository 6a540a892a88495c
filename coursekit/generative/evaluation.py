"""How far generated examples are from real ones."""

import numpy as np

from coursekit.generative.checked_model import check_array

__all__ = ["frechet_distance"]


def frechet_distance(features: np.ndarray, others: np.ndarray) -> float:
    """The squared 2-Wasserstein distance of the two Gaussians with the means and covariances of two samples
    (Dowson & Landau 1982):

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^{1/2}).

    On the features of a network it is the Frechet distance of Heusel et al. (2017), who take Inception's.

    Args:
        features, others: (n, dim) and (m, dim), more rows than columns so that the covariances are of
            full rank.

    Raises:
        ValueError: arrays that are not two-dimensional, of different dim, or with one row.
    """
    features = check_array("features", features, (None,)).astype("float64")
    others = check_array("others", others, features.shape[1:]).astype("float64")
    for name, sample in (("features", features), ("others", others)):
        if len(sample) < 2:
            raise ValueError(f"{name} must have at least 2 rows; got {len(sample)}")
    s1, s2 = (np.atleast_2d(np.cov(sample, rowvar=False)) for sample in (features, others))
    # S1 S2 has the eigenvalues of a positive matrix: the trace of its root is the sum of their roots
    roots = np.sqrt(np.clip(np.linalg.eigvals(s1 @ s2).real, 0, None))
    shift = np.sum((features.mean(axis=0) - others.mean(axis=0)) ** 2)
    return float(shift + np.trace(s1) + np.trace(s2) - 2 * roots.sum())
