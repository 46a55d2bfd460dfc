"""What scripts/bench makes of what it sees, and what it says to bad input: `bench_test.py REPOSITORY [PLANE]`.

PLANE is batchwright_bench_plane; what needs it is skipped where it is not built.
"""

import array
import base64
import csv
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

PLANE = pathlib.Path(sys.argv.pop() if len(sys.argv) > 2 else "/nosuch")
ROOT = pathlib.Path(sys.argv.pop())
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "scripts"))

from benches import answers, data, journal, plane_results, plane_tenfold, plane_vectors  # noqa: E402
from benches import realtime_speed, start, transfer  # noqa: E402
from benches.figures import Figure, all_hold  # noqa: E402
from benches.options import read_options  # noqa: E402
from benches.plane_steps import Step, told_of as told_of_steps  # noqa: E402
from benches.process import Ended  # noqa: E402
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


class Place(unittest.TestCase):
    """A directory for each test."""

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.at = pathlib.Path(place.name)

    def folder(self, name):
        (self.at / name).mkdir()
        return self.at / name


def lines_of(files):
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def is_success(line):
    return line.get("response", {}).get("status_code") == 200


def bodies(lines):
    return {line["custom_id"]: line["response"]["body"] for line in lines}


class Answers(Place):
    ITEMS = 401  # no multiple of anything

    def test_outputs_hold_every_item_once_in_no_order(self):
        files = answers.write_outputs(self.at, self.ITEMS, seed=1)
        ids = [line["custom_id"] for line in lines_of(files)]
        self.assertEqual(len(files), len(answers.ranges(self.ITEMS, answers.PARTS)))
        self.assertNotEqual(ids, sorted(ids))
        self.assertEqual(sorted(ids), [answers.custom_id_of(item) for item in range(self.ITEMS)])
        again = answers.write_outputs(self.folder("again"), self.ITEMS, seed=1)
        self.assertEqual([file.read_bytes() for file in files], [file.read_bytes() for file in again])

    def test_what_was_refused_is_answered_once_by_another_part(self):
        plain, retried = self.folder("plain"), self.folder("retried")
        expected = bodies(lines_of(answers.write_outputs(plain, self.ITEMS, seed=1)))
        answers.write_retried_outputs(retried, self.ITEMS, seed=1)
        lines = lines_of(sorted(retried.iterdir()))
        answered = [line for line in lines if is_success(line)]
        self.assertEqual(bodies(answered), expected)
        self.assertEqual(len(answered), self.ITEMS)
        refused = [line for line in lines if "custom_id" in line and not is_success(line)]
        self.assertEqual(len(refused), 3 * (self.ITEMS // 20))  # those of real time twice

    def test_vectors_are_the_same_in_both_forms(self):
        for decimal, packed in itertools.islice(answers.vectors(seed=1), 3):
            floats = array.array("f", json.loads(decimal))
            self.assertEqual(len(floats), answers.DIMENSIONS)
            self.assertEqual(floats.tobytes(), base64.b64decode(json.loads(packed)))


class Checks(Place):
    def result(self, *lines):
        (self.at / "result").write_text("".join(line + "\n" for line in lines))
        return self.at / "result"

    def test_a_result_in_order_passes(self):
        plane_results.check(self.result(*(json.dumps({"custom_id": f"bw-{i:010}"}) for i in range(3))), "jsonl", 3)
        plane_results.check(self.result("id,text", 'item-0,"a\nitem-7,b"', "item-1,c"), "csv", 2)

    def test_one_that_is_out_of_order_or_short_does_not(self):
        swapped = self.result(*(json.dumps({"custom_id": f"bw-{i:010}"}) for i in (1, 0)))
        with self.assertRaisesRegex(Stop, "item 0 is not where it belongs"):
            plane_results.check(swapped, "raw", 2)
        with self.assertRaisesRegex(Stop, "holds 1 items, not 2"):
            plane_results.check(self.result("id,text", "item-0,a"), "csv", 2)

    def test_a_matrix_that_lacks_a_row_does_not(self):
        (self.at / "result").write_bytes(bytes(128 + answers.VECTOR_BYTES))
        plane_vectors.check(self.at / "result", 1)
        with self.assertRaises(Stop):
            plane_vectors.check(self.at / "result", 2)


@unittest.skipUnless(PLANE.exists(), "batchwright_bench_plane is not built")
class Merged(Place):
    """What the measured steps make is the result."""

    ITEMS = 401

    def merge(self, form, downloads, *more, items=ITEMS, parts=answers.PARTS):
        out = self.at / "out"
        out.mkdir(exist_ok=True)
        done = subprocess.run(
            [PLANE, "merge", form, str(items), str(parts), downloads, out, *more],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (0, f"{items}\n"), done.stderr)
        return out / "result"

    def records(self, downloads):
        result = self.merge("jsonl", downloads)
        plane_results.check(result, "jsonl", self.ITEMS)
        return [json.loads(line) for line in result.read_text().splitlines()]

    def test_raw_lines_are_those_of_the_outputs_in_order(self):
        files = answers.write_outputs(self.at, self.ITEMS, seed=1)
        result = self.merge("raw", self.at)
        plane_results.check(result, "raw", self.ITEMS)
        lines = [line for file in files for line in file.read_text().splitlines()]
        self.assertEqual(sorted(result.read_text().splitlines()), sorted(lines))

    def test_records_have_texts_and_costs(self):
        answers.write_outputs(self.at, self.ITEMS, seed=1)
        made = answers.Answers(seed=1)
        for item, record in enumerate(self.records(self.at)):
            self.assertEqual(record["output"], json.loads(f'"{made.text(item)}"'))
            usage = json.loads(made.body(item))["usage"]
            self.assertEqual(record["usage"]["output_tokens"], usage["completion_tokens"])
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            usd = (usage["prompt_tokens"] - cached) * 0.375 + cached * 0.0375 + usage["completion_tokens"] * 2.25
            self.assertAlmostEqual(record["cost_usd"], usd / 1e6, places=12)

    def test_retried_items_came_by_the_way_they_took(self):
        answers.write_retried_outputs(self.at, self.ITEMS, seed=1)
        ways = {answers.RETRIED: ("batch", 2), answers.LIVE: ("realtime", 3)}
        for item, record in enumerate(self.records(self.at)):
            self.assertEqual((record["route"], record["attempt"]), ways.get(item % 20, ("batch", 1)))

    def test_a_table_has_the_input_beside_the_output(self):
        data.write_items(self.at / "items.jsonl", self.ITEMS, seed=1)
        answers.write_outputs(self.at, self.ITEMS, seed=1)
        result = self.merge("csv", self.at, self.at / "items.jsonl")
        plane_results.check(result, "csv", self.ITEMS)
        made = answers.Answers(seed=1)
        with open(result, newline="", encoding="utf-8") as rows:
            for item, row in enumerate(csv.DictReader(rows)):
                self.assertEqual(row["output"], json.loads(f'"{made.text(item)}"'))
                self.assertEqual(row["status"], "succeeded")

    def test_a_matrix_is_the_same_of_both_forms(self):
        decimal, packed = self.folder("decimal"), self.folder("packed")
        answers.write_vectors(decimal, packed, 23, seed=1)
        expected = b"".join(base64.b64decode(json.loads(form)) for _, form in itertools.islice(answers.vectors(1), 23))
        for downloads in (decimal, packed):
            matrix = self.merge("npy", downloads, items=23, parts=1).read_bytes()
            self.assertEqual(matrix[-len(expected) :], expected)

    def test_a_job_of_which_an_item_failed_is_no_measurement(self):
        files = answers.write_outputs(self.at, self.ITEMS, seed=1)
        first, *others = files[3].read_text().splitlines(keepends=True)
        files[3].write_text("".join([first.replace('"status_code":200', '"status_code":400'), *others]))
        with self.assertRaisesRegex(AssertionError, "every item has an answer"):
            self.merge("raw", self.at)


def ended(seconds, cpu_s, mib=1):
    return Ended(0, "", "", seconds, cpu_s, mib * 1024)


class Steps(unittest.TestCase):
    def told(self, own, limit, **choices):
        step = Step("step", (), "cat", (), most=2, most_mib=16, **choices)
        runs = {("step", ""): own, ("step", "limit"): limit, ("step", "peer"): [ended(9, 9)] * len(own)}
        return told_of_steps([step], runs)

    def test_ratios_are_of_runs_of_the_same_turn(self):
        figures, rows = self.told([ended(2, 1), ended(9, 1), ended(2, 1)], [ended(2, 1), ended(9, 1), ended(1, 1)])
        self.assertEqual(next(f for f in figures if "to the limit" in f.name).runs, [1, 1, 2])
        self.assertTrue(all_hold(figures))
        self.assertEqual(rows[0][4:7], ("cat 2 s", "1 x", "at most 2 x"))

    def test_a_step_above_its_limit_or_its_memory_fails(self):
        slow, _ = self.told([ended(2.1, 1)], [ended(1, 1)])
        large, _ = self.told([ended(1, 1, mib=17)], [ended(1, 1)])
        self.assertEqual([f.name for f in slow if not f.holds], ["step: to the limit"])
        self.assertEqual([f.name for f in large if not f.holds], ["step: memory"])

    def test_a_limit_that_counts_tenfold_holds_for_cpu_too(self):
        figures, rows = self.told([ended(11, 12)], [ended(1, 1)], times=10, most_cpu=1.1)
        self.assertEqual([f.name for f in figures if not f.holds], ["step: CPU to the limit"])
        self.assertEqual(rows[0][4:6], ("10 x cat 1 s", "1.1 x; 1.2 x CPU **fails**"))

    def test_peers_are_told_to_the_limit(self):
        _, rows = self.told([ended(1, 1)], [ended(3, 1)], peers={"peer": ()})
        self.assertEqual(rows[0][7], "peer 3 x")

    def test_a_job_of_ten_times_the_items_is_skipped_where_there_is_no_room(self):
        with mock.patch("shutil.disk_usage", return_value=types.SimpleNamespace(free=59.9e9)):
            figures, rows = plane_tenfold.measure_tenfold(1_000_000, None, None, pathlib.Path("/tmp"))
        self.assertEqual(figures, [])
        self.assertRegex(rows[0][1], "skipped: takes 60 GB .* 59.9 GB are free")


class Tenfold(Place):
    def test_there_are_ten_times_the_parts_too_none_larger(self):
        options = types.SimpleNamespace(seed=1, runs=1)
        with mock.patch("benches.plane_tenfold.measure", return_value=([], [])) as measure:
            plane_tenfold.measure_merging(40, options, "bench", self.at)
        step = measure.call_args[0][0][0]
        self.assertEqual((step.command[3:5], step.limit[3:5]), ((400, 200), (40, 20)))
        self.assertEqual(len(list((self.at / "many").iterdir())), 200)


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

    def asked(self, *words):
        with mock.patch("sys.argv", ["bench", *words]):
            return read_options(("one", "plane"))

    def test_without_a_name_all_run_one_after_the_other(self):
        with mock.patch.dict("benches.options.RUNS", {"one": 3, "plane": 5}):
            self.assertEqual([(o.name, o.runs, o.seed) for o in self.asked()], [("one", 3, 1), ("plane", 5, 1)])
            self.assertEqual([o.name for o in self.asked("plane")], ["plane"])
            self.assertEqual([(o.runs, o.seed) for o in self.asked("--quick", "--seed", "0")], [(1, 0), (1, 0)])

    def test_odd_numbers_are_refused(self):
        self.assertIn("--runs", self.said("realtime", "--runs", "0"))

    def test_a_part_is_one_of_its_bench(self):
        self.assertEqual(self.asked("plane", "--only", "results")[0].only, "results")
        self.assertIn("--only results", self.said("realtime", "--only", "results"))
        self.assertIn("--only speed", self.said("--only", "speed"))

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
