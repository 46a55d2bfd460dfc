"""What scripts/bench makes of what it sees, and what it says to bad input: `bench_test.py REPOSITORY`."""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop())
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))

from benches import data, journal, realtime_speed, start, transfer  # noqa: E402
from benches.figures import Figure, all_hold  # noqa: E402
from benches.steady import share_of_ideal  # noqa: E402
from benches.stop import Stop  # noqa: E402
from benches.texts import paragraphs  # noqa: E402
from benches.tokens import told_of  # noqa: E402


def bursts(rounds, in_flight, apart_ms, begin_ms=0):
    return [begin_ms + number * apart_ms for number in range(rounds) for _ in range(in_flight)]


class Steady(unittest.TestCase):
    def test_bursts_at_the_latency_are_the_ideal_rate(self):
        self.assertEqual(share_of_ideal(bursts(20, 7, 200), 7, 200), 1)

    def test_a_quarter_longer_is_four_fifths(self):
        self.assertEqual(share_of_ideal(bursts(20, 7, 250), 7, 200), 0.8)

    def test_a_slow_start_does_not_count(self):
        slow = bursts(7, 7, 5000)
        self.assertEqual(share_of_ideal(slow + bursts(20, 7, 200, begin_ms=slow[-1]), 7, 200), 1)

    def test_a_stall_at_speed_does(self):
        arrivals = bursts(10, 7, 200) + bursts(10, 7, 200, begin_ms=4000)
        self.assertLess(share_of_ideal(arrivals, 7, 200), 0.6)


class Figures(unittest.TestCase):
    def test_the_median_decides(self):
        figure = Figure("share", "share", [0.1, 0.96, 0.97], at_least=0.95)
        self.assertTrue(figure.holds)
        self.assertEqual(figure.told(), "96%")

    def test_what_fails_says_so(self):
        low = Figure("share", "share", [0.94], at_least=0.95)
        high = Figure("refused", "share", [0.01], at_most=0.005)
        self.assertFalse(all_hold([low]))
        self.assertFalse(all_hold([high]))
        self.assertIn("fails", low.told())
        self.assertEqual(high.limit, "at most 0.5%")
        self.assertIs(low.row()["holds"], False)


class Data(unittest.TestCase):
    def test_a_seed_makes_the_same_items_in_each_form(self):
        with tempfile.TemporaryDirectory() as place:
            at = pathlib.Path(place)
            data.write_items(at / "a.jsonl", 9, seed=1)
            data.write_items(at / "b.jsonl", 9, seed=1)
            data.write_table(at / "a.csv", 9, seed=1)
            files = data.write_requests(at, 9, seed=1)
            self.assertEqual((at / "a.jsonl").read_bytes(), (at / "b.jsonl").read_bytes())
            items = [json.loads(line) for line in (at / "a.jsonl").read_text().splitlines()]
            with open(at / "a.csv", newline="", encoding="utf-8") as table:
                self.assertEqual([row["id"] for row in csv.DictReader(table)], [item["id"] for item in items])
            requests = [json.loads(line) for file in files for line in file.read_text().splitlines()]
            asked = [request["body"]["messages"][0]["content"] for request in requests]
            self.assertEqual(asked, [item["text"] for item in items])
            self.assertEqual(len(set(asked)), 9)


class Tokens(unittest.TestCase):
    def of(self, estimates, speed=700):
        exact = {"tokens": 1000, "seconds": 1}
        timed = {"bytes": 4000, "estimated": [speed, speed + 1, 1], "added_up": [2 * speed, 2 * speed, 2 * speed]}
        return told_of([(f"kind {n}", exact, {"tokens": n, **timed}) for n in estimates])

    def test_too_few_is_as_wrong_as_too_many(self):
        figures, text = self.of([860, 1010, 990])
        self.assertTrue(all_hold(figures))
        self.assertIn("| -14.0% |", text)
        self.assertIn("| off by, worst kind | 14% | at most 15% |", text)

    def test_one_kind_that_is_far_off_fails(self):
        figures, _ = self.of([840] + [1000] * 6)
        self.assertEqual([f.name for f in figures if not f.holds], ["off by, worst kind"])

    def test_errors_do_not_make_up_for_each_other(self):
        figures, _ = self.of([910, 1090])
        self.assertEqual([f.name for f in figures if not f.holds], ["off by, on average"])

    def test_a_kind_that_is_slow_fails(self):
        figures, _ = self.of([1000], speed=599)
        self.assertEqual([f.name for f in figures if not f.holds], ["kind 1000: speed"])

    def test_a_page_is_read_as_its_paragraphs(self):
        page = "<head><title>no</title></head><p>A &amp; <i>b</i></p>\n<script>no</script><ul><li> c </li></ul>"
        self.assertEqual(paragraphs(page), ["A & b", "c"])


class CommandLine(unittest.TestCase):
    def said(self, *words):
        done = subprocess.run([ROOT / "scripts/bench", *words], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 64)
        return done.stderr

    def test_an_unknown_name_lists_the_names(self):
        self.assertRegex(self.said("nosuch"), "nosuch.*realtime.*tokens")

    def test_no_name_and_odd_numbers_are_refused(self):
        self.assertIn("NAME", self.said())
        self.assertIn("--runs", self.said("realtime", "--runs", "0"))

    def test_what_would_change_nothing_is_refused(self):
        self.assertIn("--only", self.said("tokens", "--only", "speed"))
        self.assertIn("--seed", self.said("tokens", "--seed", "1"))

    def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(self):
        self.assertIn("/nosuch/report.json", self.said("realtime", "--json", "/nosuch/report.json"))


class Start(unittest.TestCase):
    def told(self, version_ms, memory_mib=16):
        def cost(ms, mib=12):
            return {"seconds": ms / 1e3, "cpu_s": ms / 1e3, "peak_kib": mib * 1024}

        costs = {start.EMPTY: [cost(10), cost(30), cost(20)]}  # as the machine is slow or fast
        for command in start.COMMANDS:
            costs[command.name] = [cost(floor + version_ms, memory_mib) for floor in (10, 30, 20)]
        return [figure.name for figure in start.told_of(costs)[0] if not figure.holds]

    def test_what_counts_is_what_a_command_takes_over_the_empty_program_of_its_run(self):
        self.assertEqual(self.told(4.9), [])
        self.assertEqual(self.told(5.1), ["`--version`: over the empty program"])
        self.assertEqual(len(self.told(101)), 3)

    def test_memory_has_a_limit_too(self):
        self.assertEqual(len(self.told(1, memory_mib=33)), 3)

    def test_a_floor_with_other_libraries_is_none(self):
        start.need_same_libraries("/bin/true", "/bin/false")
        with self.assertRaisesRegex(Stop, "libssl"):
            start.need_same_libraries("/bin/true", "/usr/bin/openssl")


class Journal(unittest.TestCase):
    def pair_of(self, appended):
        """Of a tool that journals `abc`."""
        with tempfile.TemporaryDirectory() as place:
            tool = pathlib.Path(place) / "tool"
            write = """printf abc > $2; echo '{"seconds":1.2,"groups":[1,2]}'"""
            append = f"""printf {appended} > $3; [ "$(paste -sd+ $4)" = 1+2 ] && echo '{{"seconds":1}}'"""
            tool.write_text(f"#!/bin/sh\nif [ $1 = write ]; then {write}; else {append}; fi\n")
            tool.chmod(0o700)
            return journal.pair_of(journal.ways(quick=True)[0], tool, pathlib.Path(place))

    def test_the_floor_has_the_same_groups_and_bytes(self):
        pair = self.pair_of("abc")
        self.assertEqual((pair[0]["seconds"], pair[1]["seconds"]), (1.2, 1))
        with self.assertRaises(Stop):
            self.pair_of("abd")

    def test_a_third_more_than_the_floor_fails(self):
        for seconds, fails in ((1.29, 0), (1.31, 1)):
            runs = [({"seconds": seconds, "groups": [5, 7]}, {"seconds": 1})]
            figures, _ = journal.told_of({journal.ways(quick=True)[0]: runs})
            self.assertEqual([f.holds for f in figures].count(False), fails)


class Transfer(unittest.TestCase):
    def fails(self, up, down, memory=20):
        def pair(seconds):
            return transfer.Sample(seconds, 0.1, memory), transfer.Sample(1, 0.1, 13)

        figures, _ = transfer.told_of({transfer.UP: [pair(up)], transfer.DOWN: [pair(down)]})
        return [figure.name for figure in figures if not figure.holds]

    def test_curl_may_be_a_tenth_faster_up_and_must_be_a_sixth_slower_down(self):
        self.assertEqual(self.fails(1.1, 0.83), [])
        self.assertEqual(self.fails(1.12, 0.84), ["upload: rate to curl's", "download, durable: rate to curl's"])

    def test_memory_has_a_limit(self):
        self.assertEqual(self.fails(1, 0.8, memory=25), ["upload: memory", "download, durable: memory"])


class RealtimeSpeed(unittest.TestCase):
    def fails(self, in_flight, latency_ms, share=0.98, cpu_us=50, kib=90):
        case = realtime_speed.Case(True, in_flight, latency_ms, 10)
        samples = {
            (case, "batchwright run"): [realtime_speed.Sample(share, cpu_us, kib)],
            (case, "bare Poco loop"): [realtime_speed.Sample(0.1, 40, 500)],
        }
        figures, _ = realtime_speed.told_of(samples)
        return [figure.name.rpartition(", ")[2] for figure in figures if not figure.holds]

    def test_two_cases_are_judged_by_rate_cpu_and_memory(self):
        for case in ((2000, 200), (5000, 1000)):
            self.assertEqual(self.fails(*case), [])
            self.assertEqual(
                self.fails(*case, share=0.96, cpu_us=53, kib=101),
                [
                    f"batchwright run: {what}"
                    for what in ("of the ideal rate", "CPU a request to Poco's", "memory each in flight")
                ],
            )

    def test_the_others_at_2000_by_rate_alone(self):
        self.assertEqual(self.fails(2000, 1000, share=0.94, cpu_us=90, kib=200), ["batchwright run: of the ideal rate"])
        self.assertEqual(self.fails(512, 200, share=0.5, cpu_us=90, kib=200), [])


if __name__ == "__main__":
    unittest.main()
