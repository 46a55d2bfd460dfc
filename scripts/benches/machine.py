"""Where and with what is measured."""

import json
import os
import platform
import re
import ssl
import subprocess


def load():
    return round(os.getloadavg()[0], 2)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        processor = re.search(r"model name\s*: (.*)", info.read())
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor[1] if processor else platform.machine(),
        "kernel": platform.release(),
    }


def versions(builds):
    def node_package(name):
        return json.loads((builds.clients / "node_modules" / name / "package.json").read_text())["version"]

    return {
        "batchwright": said([builds.program, "--version"]).split()[-1],
        "commit": said(["git", "-C", builds.program.parents[2], "describe", "--always", "--dirty"]),
        "compiler": said(["c++", "--version"]).splitlines()[0],
        "poco": said(["dpkg-query", "-W", "-f=${Version}", "libpoco-dev"]),
        "openssl": ssl.OPENSSL_VERSION,
        "openai (Python)": said([builds.clients / "venv/bin/python", "-c", "import openai; print(openai.__version__)"]),
        "openai (Node)": node_package("openai"),
        "gpt-tokenizer": node_package("gpt-tokenizer"),
        "node": said([builds.clients / "node", "--version"]),
    }


def said(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
