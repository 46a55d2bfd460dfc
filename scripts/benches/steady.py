"""The time in which a client is at speed.

Where so many requests are in flight and each takes the latency, the request that comes when an earlier one was answered
comes one latency after it. So from one arrival to the one that is a whole number of rounds later it takes that number
of latencies, however requests come in bursts. What it takes longer is the client's, or for want of a processor.
"""

FROM, TO = 0.40, 0.95  # of all requests: before, connections are opened; behind, there are fewer than may be in flight


def share_of_ideal(arrivals_ms, in_flight, latency_ms):
    """The rate, as a share of requests in flight by latency."""
    first, last = int(FROM * len(arrivals_ms)), int(TO * len(arrivals_ms))
    rounds = (last - first) // in_flight
    took = arrivals_ms[first + rounds * in_flight] - arrivals_ms[first]
    return rounds * latency_ms / took
