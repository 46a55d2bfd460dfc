"""The bench `realtime`: how fast requests go, and how well a rate is used."""

from benches.realtime_rates import measure_rates
from benches.realtime_speed import measure_speed

PARTS = {"speed": measure_speed, "rates": measure_rates}


def realtime(options, builds, directory):
    """All figures, and the tables."""
    figures, tables = [], []
    for name, measure in PARTS.items():
        if options.only in (None, name):
            found, text = measure(options, builds, directory)
            figures += found
            tables.append(text)
    return figures, "\n\n".join(tables)
