"""Halves read the ramps of those pixels alone whose answer depends on them, and answer as if they read all."""

import numpy as np

from darkmask.search.engines import judge_maps, measure_maps
from darkmask.search.flight.unstable import two_level_gains
from darkmask.validation import halves
from tests.support.requests import flight_request


def test_to_ask_the_ramps_of_few_pixels_answers_as_to_ask_all(small, monkeypatch):
    request = flight_request(small.delivery)
    asked = []

    def all_in_question(_request, usually, _lights):
        asked.append(int(usually.in_question.sum()))
        return usually.in_question

    few = halves.stability(request)
    undecided = halves._undecided

    def counted(*arguments):
        chosen = undecided(*arguments)
        asked.append(int(chosen.sum()))
        return chosen

    monkeypatch.setattr(halves, "_undecided", counted)
    halves.stability(request)
    monkeypatch.setattr(halves, "_undecided", all_in_question)
    assert few == halves.stability(request)
    some, every = sum(asked[:2]), sum(asked[2:])
    assert 0 < some < every / 2


def test_the_ramps_of_a_pixel_say_the_same_whichever_others_of_its_row_are_asked(small):
    request = flight_request(small.delivery)
    maps = measure_maps(request)
    found = judge_maps(request, maps)
    gains = np.full(found.in_question.shape, np.nan)
    gains[found.in_question] = two_level_gains(request, maps, found)
    last = found.in_question.copy()
    y, x = np.nonzero(last)
    # Of each row the last one alone, where there are several.
    last[y[:-1][y[:-1] == y[1:]], x[:-1][y[:-1] == y[1:]]] = False
    assert last.sum() < found.in_question.sum()
    assert np.array_equal(two_level_gains(request, maps, found, last), gains[last])
