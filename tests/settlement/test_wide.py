"""Limbs agree with Python's own integers, above all where a quotient is whole or one short of it."""

import random
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from settlement.award.budget import share_budget
from settlement.award.exact_line import Figures
from settlement.award.formula import LINES_A_THREAD, award
from settlement.numbers.uint128 import divide, int128, multiply_pairs, scale_pair

MASK = 2**64 - 1


def limbs(value: int, count: int) -> list[np.uint64]:
    """Most significant first."""
    return [np.uint64((value >> (64 * place)) & MASK) for place in reversed(range(count))]


def value_of(parts: tuple[int, ...]) -> int:
    """The integer of limbs, most significant first."""
    return sum(int(part) << (64 * place) for place, part in enumerate(reversed(parts)))


def test_division_is_exact_on_both_sides_of_a_whole_quotient() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        quotient, divisor = chance.getrandbits(chance.randint(0, 61)), chance.getrandbits(chance.randint(1, 250)) or 1
        rest = min(divisor - 1, chance.choice([0, 1, divisor - 1, divisor // 2, (divisor + 1) // 2]))
        found, half = divide(tuple(limbs(quotient * divisor + rest, 5)), tuple(limbs(divisor, 4)))
        assert (int(found), bool(half)) == (quotient, 2 * rest >= divisor)


def test_products_are_exact_and_overflow_is_told() -> None:
    chance = random.Random(8)
    for _ in range(3000):
        a, b = chance.getrandbits(chance.randint(1, 128)), chance.getrandbits(chance.randint(1, 128))
        assert value_of(multiply_pairs(*limbs(a, 2), *limbs(b, 2))) == a * b
        factor = chance.getrandbits(chance.randint(1, 64))
        high, low = limbs(a, 2)
        fits, high, low = scale_pair(high, low, np.uint64(factor))
        assert bool(fits) == (a * factor < 2**126)
        assert not fits or value_of((high, low)) == a * factor


def pairs(values: list[int]) -> npt.NDArray[np.uint64]:
    """Integers as rows (high, low)."""
    return np.array([limbs(value, 2) for value in values], dtype=np.uint64)


@pytest.mark.parametrize(
    "rate", [Fraction(123456789, 10**9), Fraction(17, 100), Fraction(1, 5), Fraction(1), Fraction(0)]
)
@pytest.mark.parametrize(("money", "quantity"), [(61, 124), (47, 103), (49, 105), (20, 30), (3, 4)])
def test_the_formula_agrees_with_fractions(rate: Fraction, money: int, quantity: int) -> None:
    """Figures from a few units to the greatest that are allowed, many of them whole or one unit beside it."""
    chance = random.Random(9)
    count = 800

    def whole(bits: int) -> int:
        return chance.getrandbits(chance.randint(1, bits))

    charges: list[int] = []
    everything: list[int] = []
    covered: list[int] = []
    consumed: list[int] = []
    supplied: list[int] = []
    group: list[int] = []
    group_supplied: list[int] = []
    for _ in range(count):
        spent = whole(money)
        charges.append(spent)
        everything.append(spent + chance.choice([0, whole(money - 1)]))
        covered.append(chance.choice([everything[-1], chance.randint(0, everything[-1])]))
        consumed.append(whole(quantity))
        supplied.append(chance.choice([0, whole(quantity), max(0, consumed[-1] - whole(min(20, quantity)))]))
        if spent and chance.random() < 0.2:  # a base that is a whole fen, or one unit beside it
            consumed[-1] = max(1, consumed[-1] // spent) * spent
            supplied[-1] = consumed[-1] - consumed[-1] // spent * chance.randint(0, spent) + chance.randint(-1, 1)
            supplied[-1] = max(0, supplied[-1])
        times = chance.choice([1, 2, 3])  # the same ratio in other numbers, or one unit beside it
        alike = (consumed[-1] * times, max(0, supplied[-1] * times + chance.randint(-1, 1)))
        other = (consumed[-1] + whole(quantity), chance.choice([supplied[-1], whole(quantity)]))
        for kept, figure in zip((group, group_supplied), chance.choice([alike, other]), strict=True):
            kept.append(figure)
    figures = Figures(
        charges_fen=np.array(charges, dtype=np.int64),
        covered_fen=np.array(covered, dtype=np.int64),
        all_charges_fen=np.array(everything, dtype=np.int64),
        consumed=pairs(consumed),
        supplied=pairs(supplied),
        group_consumed=pairs(group),
        group_supplied=pairs(group_supplied),
        rate=np.zeros(count, dtype=np.int8),
    )
    for gate, half_up in ((False, False), (True, False), (False, True)):
        found = award(figures, [rate], gate=gate, half_up=half_up)
        for i in range(count):
            outlay = charges[i] * (Fraction(covered[i], everything[i]) if everything[i] else Fraction(1))
            ratio = Fraction(0)
            if consumed[i] > supplied[i] and group[i] > group_supplied[i]:
                own = 1 - Fraction(supplied[i], consumed[i])
                ratio = Fraction(1) if gate else min(own, 1 - Fraction(group_supplied[i], group[i]))
            exact = outlay * ratio * rate
            assert found.eligible_expenditure_fen[i] == outlay // 1
            assert found.base_fen[i] == outlay * ratio // 1
            assert found.award_fen[i] == (exact + Fraction(half_up, 2)) // 1


@pytest.mark.parametrize("most", [4, 60, 2_000, 10**7, 2**47, 2**49])
def test_every_amount_is_that_of_whole_numbers(most: int) -> None:
    """Small numbers make whole quotients and equal ratios all the time; the larger ones fill both limbs."""
    chance = np.random.default_rng(11)
    count = 40_000

    def numbers() -> npt.NDArray[np.int64]:
        return chance.integers(0, most, count)

    def quantity(low: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        return np.stack([low // 3 if most > 2**40 else low * 0, low], axis=1).astype(np.uint64)

    everything, consumed, supplied = numbers(), numbers(), numbers() // 3
    alone, near = chance.random(count) < 0.3, chance.random(count) < 0.3

    def of_group(own: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        return quantity(np.where(alone, own, np.where(near, own * 3 + chance.integers(0, 2, count), other)))

    rates = [Fraction(1, 5), Fraction(3, 20), Fraction(17, 100), Fraction(0), Fraction(1)]
    figures = Figures(
        charges_fen=np.where(chance.random(count) < 0.3, everything, numbers()),
        covered_fen=(everything * chance.choice([0.0, 0.5, 0.9, 1.0], count)).astype(np.int64),
        all_charges_fen=everything,
        consumed=quantity(consumed),
        supplied=quantity(supplied),
        group_consumed=of_group(consumed, numbers()),
        group_supplied=of_group(supplied, numbers() // 3),
        rate=chance.integers(0, len(rates), count).astype(np.int8),
    )
    for gate in (False, True):
        found = award(figures, rates, gate=gate, half_up=False)
        for name, exact in by_whole_numbers(figures, rates, gate).items():
            assert (getattr(found, name) == exact).all(), name


def by_whole_numbers(figures: Figures, rates: list[Fraction], gate: bool) -> dict[str, npt.NDArray[np.object_]]:
    """The amounts in Python's integers, all lines at once."""

    def integers(of_pairs: npt.NDArray[np.uint64]) -> npt.NDArray[np.object_]:
        wide = of_pairs.astype(object)
        return np.asarray(wide[:, 0] * 2**64 + wide[:, 1], dtype=object)

    uncut = figures.covered_fen == figures.all_charges_fen
    outlay = figures.charges_fen.astype(object) * np.where(uncut, 1, figures.covered_fen.astype(object))
    whole = np.where(uncut, 1, figures.all_charges_fen.astype(object))
    consumed, group = integers(figures.consumed), integers(figures.group_consumed)
    net, group_net = consumed - integers(figures.supplied), group - integers(figures.group_supplied)
    by_group = group_net * consumed < net * group
    top, bottom = np.where(by_group, group_net, net), np.where(by_group, group, consumed)
    positive = (net > 0) & (group_net > 0)
    top = np.where(positive, 1 if gate else top, 0)
    bottom = np.where(positive, 1 if gate else bottom, 1)
    numerator = np.array([rate.numerator for rate in rates], dtype=object)[figures.rate]
    denominator = np.array([rate.denominator for rate in rates], dtype=object)[figures.rate]
    return {
        "eligible_expenditure_fen": outlay // whole,
        "base_fen": outlay * top // (whole * bottom),
        "award_fen": outlay * top * numerator // (whole * bottom * denominator),
    }


def test_lines_shared_among_threads_are_those_of_one_thread() -> None:
    chance = np.random.default_rng(12)
    count = 2 * LINES_A_THREAD + 1
    used, given, group, group_given = (pair_column(chance.integers(0, 10**9, count)) for _ in range(4))
    money = chance.integers(0, 10**9, count)
    figures = Figures(money, money // 2, money, used, given, group, group_given, np.zeros(count, np.int8))
    together = award(figures, [Fraction(1, 5)], gate=False, half_up=False)
    for low in range(0, count, LINES_A_THREAD // 2):
        some = slice(low, low + LINES_A_THREAD // 2)
        parts = figures._replace(**{name: column[some] for name, column in figures._asdict().items()})
        alone = award(parts, [Fraction(1, 5)], gate=False, half_up=False)
        for name, column in together._asdict().items():
            np.testing.assert_array_equal(column[some], getattr(alone, name))


def pair_column(low: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Numbers below 2**63 as rows (high, low)."""
    return np.stack([low * 0, low], axis=1).astype(np.uint64)


def test_a_budget_is_shared_to_the_fen() -> None:
    chance = random.Random(10)
    for _ in range(200):
        awards = [chance.getrandbits(chance.randint(1, 50)) for _ in range(chance.randint(1, 12))]
        budget = chance.randint(0, sum(awards))
        payable, odd = share_budget(np.array(awards, dtype=np.int64), budget)
        assert payable.sum() == min(budget, sum(awards))
        if budget < sum(awards):
            exact = [Fraction(one * budget, sum(awards)) for one in awards]
            order = sorted(range(len(awards)), key=lambda i: (-(exact[i] % 1), i))
            left = budget - sum(share // 1 for share in exact)
            assert payable.tolist() == [share // 1 + (i in order[:left]) for i, share in enumerate(exact)]
            assert odd.sum() == left


def test_pairs_become_one_column() -> None:
    values = [0, 1, 2**64 - 1, 2**64, 2**126 - 1]
    assert int128(pairs(values), "x").to_list() == values
