"""Windows of a time series: what is known, and what comes next."""

import numpy as np

from coursekit.checks import check_integer

__all__ = ["sliding_windows"]


def sliding_windows(series: np.ndarray, past: int, ahead: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Every stretch of ``past`` values of a series, and the ``ahead`` values after it; neighbours overlap.

    Cut the series in two *before* you call this, one call each: windows that are shuffled and then split
    share their values.

    Args:
        series: (n,), numbers in the order of time, at equal distances.
        past: values to look at, >= 1.
        ahead: values to forecast, >= 1.

    Returns:
        inputs (windows, past, 1), as recurrent layers want them, and targets (windows, ahead), float32;
        there are n - past - ahead + 1 windows.

    Raises:
        TypeError, ValueError: past or ahead is no integer or below 1; the series has another shape, is shorter
            than one window, or holds NaN or an infinity.
    """
    check_integer("past", past, at_least=1)
    check_integer("ahead", ahead, at_least=1)
    series = np.asarray(series, "float32")
    if series.ndim != 1:
        raise ValueError(f"series must have the shape (n,); got {series.shape}")
    if len(series) < past + ahead:
        raise ValueError(f"series must hold at least past + ahead = {past + ahead} values; got {len(series)}")
    if not np.isfinite(series).all():
        where = int(np.flatnonzero(~np.isfinite(series))[0])
        raise ValueError(f"series must hold finite numbers; got {series[where]} at position {where}")
    windows = np.lib.stride_tricks.sliding_window_view(series, past + ahead)
    return windows[:, :past, None].copy(), windows[:, past:].copy()
