"""DKIM beside dkimpy in one run: verify and sign 5.4 kB with RSA-2048, relaxed/relaxed, with trace; bodies of 25 MB."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

if not __package__:
    sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]  # we are not dkim

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailedu.acts import Act, Acts, Ask
from mailedu.auth.dkim import public_record, sign, verify
from mailedu.message import compose
from mailedu.trace import Trace

DATE, NOW = "Mon, 23 Nov 2026 09:00:00 +0000", 1795424400
SENTENCE = "The quick brown fox jumps over the lazy dog, and then goes home to its burrow. "


def record(acts: Acts, key: str) -> tuple[object, Trace]:
    """Run an evaluator to its end and write down each act, as a world does."""
    trace, answer, open_steps = Trace(), None, [None]
    while True:
        try:
            act: Act = acts.send(answer)
        except StopIteration as end:
            return end.value, trace
        if act.nests < 0:
            open_steps.pop()
        step = trace.record("mx.beta.example", "", open_steps[-1], act)
        if act.nests > 0:
            open_steps.append(step.number)
        answer = (key,) if isinstance(act, Ask) else None


def letter(octets: int) -> bytes:
    lines = octets // (len(SENTENCE) + 1)
    return compose(
        "alice@alpha.example", "bob@beta.example", "Lunch", f"{SENTENCE}\n" * lines,
        date=DATE, message_id="<1@alpha.example>", headers={"Cc": "carol@gamma.example", "X-Lab": "1"},
    )  # fmt: skip


def per_second(*works: Callable[[], object], rounds: int = 25, seconds: float = 0.04) -> list[float]:
    """How often each runs in a second, at its best; they take turns, so that a busy machine is fair to all."""
    best = [0.0] * len(works)
    for _ in range(rounds):
        for n, work in enumerate(works):
            count, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds:
                work()
                count += 1
            best[n] = max(best[n], count / spent)
    return best


def main() -> dict[str, float]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    published = public_record(key)
    message = letter(5_400)
    print(f"{len(message)} octets, RSA-2048, relaxed/relaxed")

    def ours_signs(message: bytes = message) -> bytes:
        return record(sign(message, "alpha.example", "lab", pem, NOW), published)[0]  # type: ignore[return-value]

    def theirs_signs() -> bytes:
        found: bytes = dkim.DKIM(message).sign(b"lab", b"alpha.example", pem, canonicalize=(b"relaxed", b"relaxed"))
        return found

    signed = ours_signs()

    def ours_verifies(signed: bytes = signed) -> None:
        [signature], _ = record(verify(signed, NOW), published)  # type: ignore[misc]
        assert signature.result == "pass", signature

    def theirs_verifies() -> None:
        assert dkim.DKIM(signed).verify(dnsfunc=lambda name, timeout=5: published.encode())

    found = {}
    for name, ours, theirs in (("verify", ours_verifies, theirs_verifies), ("sign", ours_signs, theirs_signs)):
        we, they = per_second(ours, theirs)
        found[name] = we / they
        print(f"{name:7} mailedu {we:7.0f}/s   dkimpy {they:7.0f}/s   ratio {we / they:.1f}")

    for size in (2_500_000, 25_000_000):
        long = ours_signs(letter(size))
        start = time.perf_counter()
        ours_verifies(long)
        spent = time.perf_counter() - start
        tracemalloc.start()
        ours_verifies(long)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found[f"seconds for {size}"], found[f"peak for {size}"] = spent, peak
        print(f"{size / 1e6:4.1f} MB verified in {spent:.3f} s, {peak / 1e6:.2f} MB beside the message")
    return found


if __name__ == "__main__":
    main()
