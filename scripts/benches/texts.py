"""Seven kinds of text to which the estimator's weights were not fitted.

They are no files of this repository: Debian packages, of the versions named here, are fetched into build/texts, once;
code comes from what `scripts/setup` and `scripts/clients` install.
"""

import html
import json
import pathlib
import re
import subprocess

from benches import ROOT
from benches.stop import EXIT_ERROR, Stop
from benches.talk import say

PACKAGES = {"debian-handbook": "11.20220922", "iso-codes": "4.15.0-1", "gnuplot-doc": "5.4.4+dfsg1-2"}
AT = ROOT / "build/texts"
HANDBOOK = "usr/share/doc/debian-handbook/html"
CODES = "usr/share/iso-codes/json"
NUMBERS = "usr/share/doc/gnuplot/examples"
TABLES = "glass whale finance world hemisphr moli3 fit3 klein using".split()


def write_texts(builds, directory):
    """A file for each kind."""
    folders = {name: fetch(name, version) for name, version in PACKAGES.items()}
    english = handbook(folders, "en-US")
    kinds = {
        "English": "\n".join(english),
        "German": translated(folders, "de-DE", english),
        "Chinese": translated(folders, "zh-CN", english),
        "Arabic": translated(folders, "ar-MA", english),
        "code": code(builds),
        "JSON": codes(folders["iso-codes"] / CODES),
        "numbers": joined(folders["gnuplot-doc"] / NUMBERS / f"{name}.dat" for name in TABLES),
    }
    files = {kind: directory / f"{kind}.txt" for kind in kinds}
    for kind, text in kinds.items():
        files[kind].write_text(text, encoding="utf-8")
    return files


def fetch(name, version):
    """The folder of an unpacked package, fetched where it is not there yet."""
    folder = AT / f"{name}-{version}"
    if folder.exists():
        return folder
    say(f"fetching {name} {version}")
    AT.mkdir(parents=True, exist_ok=True)
    need(["apt-get", "download", "-q", f"{name}={version}"], "as root: apt-get update")
    archive = next(AT.glob(f"{name}_*.deb"))
    unfinished = AT / f"{name}.part"
    need(["dpkg-deb", "--extract", archive, unfinished], f"remove {archive}")
    archive.unlink()
    unfinished.rename(folder)
    return folder


def need(command, remedy):
    done = subprocess.run(command, cwd=AT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise Stop(EXIT_ERROR, f"`{' '.join(map(str, command))}` failed: {' '.join(last)}; {remedy}")


def handbook(folders, language):
    """The paragraphs of the Debian handbook."""
    pages = sorted((folders["debian-handbook"] / HANDBOOK / language).glob("*.html"))
    return [line for page in pages for line in paragraphs(page.read_text(encoding="utf-8"))]


def translated(folders, language, english):
    """Those that were translated: others, and what is shown of a terminal, stand there in English."""
    known = set(english)
    return "\n".join(line for line in handbook(folders, language) if line not in known)


def paragraphs(page):
    page = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", "", page)
    page = re.sub(r"</?(p|div|h\d|li|br|pre|td|tr|dt|dd)\b[^>]*>", "\n", page)
    lines = html.unescape(re.sub(r"<[^>]*>", "", page)).splitlines()
    return [line.strip() for line in lines if line.strip()]


def code(builds):
    """C++, TypeScript and Python."""
    installed = builds.clients
    python = next(installed.glob("venv/lib/python3*/site-packages"))
    return joined([
        *pathlib.Path("/usr/include/CLI").glob("*.hpp"),
        *installed.glob("node_modules/openai/src/*.ts"),
        *python.glob("openai/*.py"),
        *python.glob("anyio/**/*.py"),
    ])


def codes(folder):
    """Half of it with spaces, half without."""
    indented = joined(folder / f"{name}.json" for name in ("iso_3166-1", "iso_4217", "iso_639-2"))
    whole = json.loads((folder / "iso_3166-2.json").read_text(encoding="utf-8"))
    return indented + json.dumps(whole, separators=(",", ":"), ensure_ascii=False)[: len(indented)]


def joined(files):
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(files))
