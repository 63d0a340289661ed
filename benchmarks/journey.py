"""One message from alice to bob: the stage, the journey, going back; and what importing mailedu costs.

Plain: no TLS, no second opinions.  As in lesson 00: TLS on all four calls, RSA, pyspf and dkimpy beside.
Processor time, so that other people's work on the machine does not count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from mailedu import Lab

ALICE, BOB = "alice@alpha.example", "bob@beta.example"
LINES = ["EHLO c.example", "MAIL FROM:<a@c.example>", f"RCPT TO:<{BOB}>", "RCPT TO:<x@beta.example>", "NOOP", "RSET"]


def main() -> None:
    plain, full = {"tls": False, "opinions": False}, {}
    print(f"{'':44}  measured  at most")
    told("stage and first delivery, plain", first_in_a_new_process("tls=False, opinions=False"), 15)
    told("a journey, plain (median of 200)", median_journey(plain), 3)
    told("stage and first delivery, as in lesson 00", first_in_a_new_process(""), 80)
    told("a journey, as in lesson 00 (median of 200)", median_journey(full), 8)
    told("going back in a conversation of 30 commands", going_back(), 5)
    ours, anchor = importing("mailedu"), importing("dns.resolver")
    ratio = f"{ours / anchor:8.2f}  {1.5:7.2f}   ({ours:.0f} ms / {anchor:.0f} ms)"
    print(f"{'import mailedu / import dns.resolver':44}  {ratio}")
    lab = importing("mailedu.lab")
    print(f"{'import mailedu.lab (when Lab is first used)':44}  {lab:5.0f} ms")


def told(what: str, found: float, most: float) -> None:
    print(f"{what:44}  {found:5.2f} ms  {most:4.0f} ms")


def journey(lab: Lab) -> None:
    assert lab.send(ALICE, BOB, subject="Hello", text="Hi Bob").delivered


def milliseconds(work) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e3


def median_journey(options) -> float:
    lab = Lab(seed=1, **options)
    journey(lab)
    send = lambda: lab.send(ALICE, BOB, subject="Hello", text="Hi Bob")  # noqa: E731
    return statistics.median(milliseconds(send) for _ in range(200))


AFTER_IMPORTS = """
import time, mailedu.lab, mailedu.net.tls, mailedu.opinions.pyspf, mailedu.opinions.dkimpy, trustme, spf, dkim
from mailedu import Zone, verify_dkim
Zone('x.example. TXT "x"\\nx.example. MX 1 x.\\nx.example. A 192.0.2.1\\nx.example. AAAA ::1\\nx.example. PTR x.')
from mailedu.lab.stage import private_key
private_key('beta.example')
start = time.process_time()
mailedu.Lab(seed=1, OPTIONS).send('alice@alpha.example', 'bob@beta.example', subject='Hello', text='Hi Bob')
print((time.process_time() - start) * 1e3)
"""


def first_in_a_new_process(options: str) -> float:
    """After the imports, dnspython's and cryptography's too; the lab's certificates are still to be made."""
    return median_of_processes(AFTER_IMPORTS.replace("OPTIONS", options))


def going_back() -> float:
    found = []
    for _ in range(20):
        call = Lab(seed=1).smtp("mx.beta.example")
        for line in LINES * 5:
            call.send(line)
        found.append(milliseconds(call.back))
    return statistics.median(found)


def importing(module: str) -> float:
    return median_of_processes(
        f"import time\nstart = time.process_time()\nimport {module}\nprint((time.process_time() - start) * 1e3)"
    )


def median_of_processes(code: str, runs: int = 7) -> float:
    run = lambda: float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)  # noqa: E731
    return statistics.median(run() for _ in range(runs))
