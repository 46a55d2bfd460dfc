"""Figures: what is measured, run by run, and the limits that must hold."""

import dataclasses
import statistics


@dataclasses.dataclass
class Figure:
    name: str
    unit: str  # "share": from 0 to 1
    runs: list
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self):
        return statistics.median(self.runs)

    @property
    def holds(self):
        low = self.at_least is None or self.median >= self.at_least
        return low and (self.at_most is None or self.median <= self.at_most)

    @property
    def limit(self):
        if self.at_least is not None:
            return f"at least {told(self.at_least, self.unit)}"
        return "" if self.at_most is None else f"at most {told(self.at_most, self.unit)}"

    def told(self):
        return told(self.median, self.unit) + ("" if self.holds else " **fails**")

    def row(self):
        limits = {"at_least": self.at_least, "at_most": self.at_most}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        holds = {"holds": self.holds} if given else {}
        return {"name": self.name, "unit": self.unit, "median": self.median, **given, **holds, "runs": self.runs}


def told(value, unit):
    if unit == "share":
        return f"{100 * value:.3g}%" if value < 1 else f"{100 * value:.1f}%"
    return f"{value:,.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def all_hold(figures):
    return all(figure.holds for figure in figures)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
