"""Nothing leaves this machine: every socket that the lab opens, and every name it looks up, is watched."""

from __future__ import annotations

import subprocess
import sys

WATCHED = """
import sys

seen = []

def watch(event, args):
    if event in ("socket.connect", "socket.bind", "socket.sendto"):
        seen.append((event, args[1]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request"):
        seen.append((event, args[0]))

sys.addaudithook(watch)

from mailedu import Lab, check_spf

lab = Lab(seed=1)
lab.send("alice@alpha.example", "bob@beta.example", subject="Hello", text="Hi")
lab.send("mallory@gamma.example", "bob@beta.example", from_="alice@alpha.example", client="203.0.113.66")
lab.smtp("mx.beta.example").send("EHLO eve.example")
lab.check_spf(ip="203.0.113.66", helo="example.com", mail_from="a@example.com")
assert not seen, seen

with lab.serve() as net:
    for to in "bob@beta.example", "carol@gamma.example", "nobody@nowhere.example":
        lab.send("alice@alpha.example", to, subject="Hello", text="Hi")
    lab.clock.advance(days=6)
elsewhere = [call for call in seen if not isinstance(call[1], tuple) or call[1][0] != "127.0.0.1"]
assert len(seen) > 20
print(elsewhere)
"""


def test_in_memory_no_socket_and_on_sockets_this_machine_only() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
