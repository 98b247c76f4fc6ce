"""What stands for a map gives what the map gives."""

import pickle
import threading

import numpy as np
import pytest

from darkmask.search.maps.rare import AtPixels, Gathered, Instead, Narrow, Rare, stacked

SHAPE = (40, 24)
USUAL = {np.int16: -1, np.float32: np.nan}


def image_of(dtype: type, share: float, seed: int = 3) -> np.ndarray:
    """Return an image in which a share of the pixels is unusual."""
    random = np.random.default_rng(seed)
    return np.where(random.random(SHAPE) < share, random.integers(0, 90, SHAPE), USUAL[dtype]).astype(dtype)


def gathered(image: np.ndarray, blocks: list[slice], **how) -> object:
    """Return what is gathered of an image, block by block, in threads."""
    whole = Gathered(image.shape, image.dtype, **how)

    def give(rows: slice) -> None:
        room = whole.rows(rows.start, rows.stop - rows.start)
        room[:] = image[rows]
        whole.put(rows.start, room)

    threads = [threading.Thread(target=give, args=(rows,)) for rows in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return whole.image()


BLOCKS = [slice(7, 30), slice(30, 40), slice(0, 7)]


@pytest.mark.parametrize("dtype", USUAL)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.9])
def test_what_is_gathered_answers_as_the_image(dtype, share):
    image = image_of(dtype, share)
    found = gathered(image, BLOCKS, usual=USUAL[dtype])
    assert isinstance(found, Rare) == (share < 0.5)
    y, x = np.indices(SHAPE)
    for where in (
        (y, x), (y[::3, 1], x[::3, 1]), (5, 7), (-1, -2), np.s_[:, 4:11], np.s_[:, 20:99], np.s_[::5], np.s_[3:9],
        (slice(None, None, 4), slice(2, 8)), image > 20, np.s_[...],
    ):  # fmt: skip
        given = np.asarray(found[where])
        assert given.dtype == image.dtype
        np.testing.assert_array_equal(given, image[where])
    np.testing.assert_array_equal(found[:, 4:11][y[:, :7], x[:, :7]], image[:, 4:11])
    np.testing.assert_array_equal(found > 20, image > 20)
    np.testing.assert_array_equal(image + found * 2, image * 3)
    np.testing.assert_array_equal(np.nan_to_num(found), np.nan_to_num(image))
    assert (len(found), found.shape, found.dtype, found.ndim) == (40, SHAPE, image.dtype, 2)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)), image)


def test_a_pixel_beyond_the_image_is_no_usual_one():
    found = gathered(image_of(np.int16, 0.05), BLOCKS, usual=-1)
    for where in ((np.array([40]), np.array([0])), (np.array([0]), np.array([-25]))):
        with pytest.raises(IndexError):
            found[where]


def test_rows_one_below_the_other_are_the_image():
    image = image_of(np.float32, 0.05)
    parts = [gathered(image[rows], [slice(0, rows.stop - rows.start)], usual=np.nan) for rows in sorted_blocks()]
    assert isinstance(stacked(parts), Rare)
    np.testing.assert_array_equal(stacked(parts), image)
    np.testing.assert_array_equal(stacked([np.asarray(parts[0]), *parts[1:]]), image)


def sorted_blocks() -> list[slice]:
    return sorted(BLOCKS, key=lambda rows: rows.start)


@pytest.mark.parametrize(("most", "kind"), [(32_767, Narrow), (32_768, np.ndarray)])
def test_whole_numbers_are_kept_in_fewer_bytes_where_none_is_too_large(most, kind):
    image = np.random.default_rng(5).integers(0, most, SHAPE, dtype=np.int32)
    image[3, 4] = most
    found = gathered(image, BLOCKS, most=most)
    assert isinstance(found, kind)
    # Sums of what was kept in few bytes do not run over.
    np.testing.assert_array_equal(found + found, 2 * image)
    np.testing.assert_array_equal(found[:, 2:9] + found[:, 2:9], 2 * image[:, 2:9])
    np.testing.assert_array_equal(found[np.nonzero(image)], image[np.nonzero(image)])
    np.testing.assert_array_equal(stacked([found[:, :], found[:, :]]), np.concatenate([image, image]))
    assert found[:, 2:9].dtype == found[np.array([1]), np.array([1])].dtype == np.int32


def test_who_asks_for_a_pixel_that_is_not_known_has_an_error():
    image = image_of(np.float32, 0.05)
    y, x = np.nonzero(np.isfinite(image))
    for of in (image, gathered(image, BLOCKS, usual=np.nan)):
        known = AtPixels(of, y, x)
        np.testing.assert_array_equal(known[y, x], image[y, x])
        np.testing.assert_array_equal(known[y[::-2], x[::-2]], image[y[::-2], x[::-2]])
        for ask in (
            lambda known: known[np.append(y, 0), np.append(x, np.flatnonzero(np.isnan(image[0]))[0])],
            lambda known: known[:, 3:9],
            lambda known: known[::2],
            lambda known: known + 1,
            lambda known: known.max(),
            np.asarray,
        ):
            with pytest.raises(LookupError, match="known"):
                ask(known)


def test_what_stands_for_an_image_is_no_array():
    assert not issubclass(Instead, np.ndarray)
    with pytest.raises(AttributeError):
        _ = gathered(image_of(np.int16, 0.05), BLOCKS, usual=-1).no_such_thing
