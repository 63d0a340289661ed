"""A generator that asks the DNS, performed to its end: what it came to, and every act."""

from mailedu.acts import Act, Answer, Ask, DnsTimeout, NXDomain


class Records(dict):
    """A DNS as small as it gets: {(name, type): [text, …]}; a name with names below it exists.  A trouble is raised."""

    def __call__(self, name: str, kind: str):
        found = self.get((name, kind))
        if isinstance(found, Exception):
            raise found
        if found is None and not any(known == name or known.endswith("." + name) for known, _ in self):
            raise NXDomain(name)
        return found or ()


def policies(**texts: str) -> Records:
    """``policies(alpha_example="v=DMARC1; p=none")``: a policy record of alpha.example."""
    return Records({(f"_dmarc.{name.replace('_', '.')}", "TXT"): [text] for name, text in texts.items()})


def answered(acts, dns) -> tuple[object, list[Act]]:
    done: list[Act] = []
    answer: object = None
    while True:
        try:
            act = acts.throw(answer) if isinstance(answer, Exception) else acts.send(answer)
        except StopIteration as end:
            return end.value, done
        done.append(act)
        answer = None
        if isinstance(act, Ask):
            try:
                answer = tuple(dns(act.name, act.type))
            except (NXDomain, DnsTimeout) as trouble:
                answer = trouble
            else:
                done.append(Answer(act.name, act.type, "", answer))
