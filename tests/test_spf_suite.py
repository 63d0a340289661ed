"""The RFC 7208 test suite (203 cases, openspf.org, release 2014.04), which lies in pyspf's source distribution."""

import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest
import yaml
from ask import Answers, perform

from mailedu.acts import DnsTimeout
from mailedu.auth.spf import check

PYSPF = "pyspf==2.0.14"
SUITE = "pyspf-2.0.14/test/rfc7208-tests.yml"


@pytest.fixture(scope="session")
def suite(request, tmp_path_factory):
    """The suite's scenarios: fetched once, and kept in pytest's cache."""
    kept = pathlib.Path(request.config.cache.mkdir("spf-suite")) / "rfc7208-tests.yml"
    if not kept.exists():
        fetch(kept, tmp_path_factory.mktemp("pyspf"))
    return list(yaml.safe_load_all(kept.read_text("utf-8")))


def fetch(kept, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    got = subprocess.run([*command, "--dest", str(folder), PYSPF], capture_output=True, text=True, timeout=200)
    archives = list(folder.glob("pyspf-*.tar.gz"))
    if not archives:
        pytest.skip(f"the RFC 7208 suite could not be fetched with `pip download {PYSPF}`: {got.stderr[-300:]}")
    with tarfile.open(archives[0]) as archive:
        found = archive.extractfile(SUITE)
        assert found is not None
        (folder / kept.name).write_bytes(found.read())
    shutil.move(folder / kept.name, kept)  # at once: tests run side by side


def answers(zonedata):
    """A scenario's zone as a callable: SPF stands for TXT where there is no TXT, and TIMEOUT for what is not there."""
    found = Answers()
    for name, entries in zonedata.items():
        owner, has_txt = name.lower(), any("TXT" in entry for entry in entries if isinstance(entry, dict))
        for entry in entries:
            if entry == "TIMEOUT":
                found[owner, "ANY"] = DnsTimeout(name)
                continue
            ((type, value),) = entry.items()
            if value == "NONE":
                continue
            if type == "SPF" and not has_txt:
                found.setdefault((owner, "TXT"), []).append(data("TXT", value))
            found.setdefault((owner, type), []).append(data(type, value))
    return Following(found)


class Following(Answers):
    """Follows CNAMEs, as a resolver does."""

    def __call__(self, name, type):
        for _ in range(8):
            alias = self.get((name.lower().removesuffix("."), "CNAME"))
            if not alias:
                return super().__call__(name, type)
            name = alias[0]
        raise DnsTimeout(name)


def data(type, value):
    if type in ("TXT", "SPF"):
        return "".join([value] if isinstance(value, str) else value).encode("utf-8").decode("latin-1")
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def run(case, scenario):
    found, _ = perform(check(case["host"], case["helo"], case["mailfrom"] or ""), answers(scenario["zonedata"]))
    return found


def cases(suite):
    return [(scenario, name, case) for scenario in suite for name, case in scenario["tests"].items()]


def test_every_case_has_the_preferred_result(suite):
    wrong = {}
    for scenario, name, case in cases(suite):
        preferred = case["result"] if isinstance(case["result"], str) else case["result"][0]
        got = run(case, scenario)
        if got.result != preferred:
            wrong[name] = f"{got.result}, not {preferred} ({case.get('spec')})"
    assert not wrong
    assert len(cases(suite)) == 203


def test_every_explanation(suite):
    wrong, count = {}, 0
    for scenario, name, case in cases(suite):
        if "explanation" in case:
            count += 1
            got = run(case, scenario).explanation or "DEFAULT"
            if got != case["explanation"]:
                wrong[name] = f"{got!r}, not {case['explanation']!r}"
    assert not wrong
    assert count == 22
