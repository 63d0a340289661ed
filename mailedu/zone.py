"""The lab's DNS: names, records, answers and faults, written as a zone file (RFC 1035 §5) that dnspython reads.

A zone is called like any resolver: ``zone("beta.example", "MX")`` -> ``("10 mx.beta.example.",)``.  It holds the names
of all domains, so there are no zone cuts; times to live are read, and left out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from .acts import DnsTimeout, LabError, NXDomain, Trouble
from .names import can_be_asked, canonical, labels

Dns = Callable[[str, str], Sequence[str]]  # what asks: a Zone, a resolver, anything that raises NXDomain or DnsTimeout
Value = str | bytes | Iterable[str | bytes] | None
Records = dict[tuple[str, str], tuple[str, ...]]  # (name, type) -> records
Watcher = Callable[[str, tuple[Any, ...], dict[str, Any]], None]

LONGEST_CHAIN = 16  # CNAMEs one after the other; resolvers give up too (RFC 1034 §5.2.2)
LONGEST_RDATA = 65_535  # octets (RFC 1035 §3.2.1)
STRING = 255  # octets of one of TXT's strings (RFC 1035 §3.3)
TTL = 300
ANY = "ANY"  # a fault of this type meets every question about the name
TEXTS = ("TXT", "SPF")  # types whose strings are joined
BESIDE_CNAME = frozenset({"CNAME", "RRSIG", "NSEC", "NSEC3", "KEY"})  # RFC 2181 §10.1


class Zone:
    """What the lab's DNS holds.

    ``Zone(text)`` reads a zone file: whole names, or names under an ``$ORIGIN``.  TXT records are kept with their
    strings joined, an octet a character; other records as a zone file writes their data, names with their final dot.
    """

    def __init__(self, text: str = "") -> None:
        self._records: Records = read(text)
        self._faults: dict[tuple[str, str], Trouble] = {}
        self._watchers: list[Watcher] = []
        self._known: dict[str, None] | None = None  # every name there is, empty ones between others too

    # -- asking

    def __call__(self, name: str, type: str) -> tuple[str, ...]:
        """The records a resolver would find, () for a name without any of this type; NXDomain, DnsTimeout."""
        here, type = canonical(name), type.upper()
        for _ in range(LONGEST_CHAIN):
            if self._faults:
                self._fail(here, type)
            found = self._records.get((here, type))
            if found:
                return found
            source = self._source(here)
            found = self._records.get((source, type)) if source != here else None
            if found:
                return found
            alias = self._records.get((source, "CNAME"))
            if not alias:
                return ()
            here = canonical(alias[0])
        raise DnsTimeout(f"{name}: a chain of more than {LONGEST_CHAIN} CNAMEs")

    def records(self, name: str, type: str) -> tuple[str, ...]:
        """What stands at this very name: no CNAME is followed, no wildcard tried, no fault shown."""
        return self._records.get((canonical(name), type.upper()), ())

    def names(self) -> list[str]:
        """The names that have records, without their final dot."""
        return list(dict.fromkeys(name for name, _ in self._records))

    def types(self, name: str) -> list[str]:
        """The types of the records at this name."""
        name = canonical(name)
        return [type for owner, type in self._records if owner == name]

    def faults(self) -> dict[tuple[str, str], Trouble]:
        """(name, type) -> what a question about it meets."""
        return dict(self._faults)

    def _fail(self, name: str, type: str) -> None:
        trouble = self._faults.get((name, type)) or self._faults.get((name, ANY))
        if trouble is not None:
            raise trouble.__class__(*trouble.args)  # a new one: an exception keeps its traceback

    def _source(self, name: str) -> str:
        """The name whose records answer: itself, or the wildcard that covers it (RFC 4592 §3.3); else NXDomain.

        A name with names below it exists (RFC 8020 §2), and no wildcard covers it.
        """
        known = self._existing()
        if name in known:
            return name
        parent = name
        while parent and can_be_asked(name):
            parent = _parent(parent)
            if parent in known or not parent:
                wildcard = f"*.{parent}" if parent else "*"
                if wildcard in known:
                    return wildcard
                break
        raise NXDomain(name)

    def _existing(self) -> dict[str, None]:
        if self._known is None:
            self._known = {}
            for name, _ in self._records:
                while name and name not in self._known:
                    self._known[name] = None
                    name = _parent(name)
        return self._known

    # -- changing

    def edit(self, name: str, **types: Value) -> None:
        """Put records in the place of those of their types: ``zone.edit("beta.example", TXT="v=spf1 -all", A=None)``.

        A value is one record, a list of them, or None for no such record; TXT is the text itself, without quotes.
        Or ``zone.edit(text)`` with the text of a zone file: it replaces what it has the names and types of.
        """
        if types:
            given = {(owner_name(name), type.upper()): records_of(type, value) for type, value in types.items()}
        elif re.search(r"\s", name.strip()):
            given = read(name)
        else:
            raise LabError(f'Say what {name} shall have, as in zone.edit("{name}", TXT="v=spf1 -all").')
        after = {key: records for key, records in (self._records | given).items() if records}
        _check_aliases(after, {owner for owner, _ in given})
        self._tell("edit", (name,), types)
        self._records, self._known = after, None

    def replace(self, text: str) -> None:
        """Hold what this zone file says, and nothing else; faults stay."""
        given = read(text)
        self._tell("replace", (text,), {})
        self._records, self._known = given, None

    def fault(self, name: str, type: str = ANY, trouble: Trouble | type[Trouble] = DnsTimeout) -> None:
        """From now on a question about the name meets this trouble, until `mend`; type "ANY": every question."""
        if isinstance(trouble, builtin_type):
            trouble = trouble()
        if not isinstance(trouble, (DnsTimeout, NXDomain)):
            raise LabError(f"A question to the DNS can meet DnsTimeout() or NXDomain(), not {trouble!r}.")
        owner = owner_name(name)
        self._tell("fault", (name, type, trouble), {})
        self._faults[owner, type.upper()] = trouble

    def mend(self, name: str, type: str = ANY) -> None:
        """Take a fault away; type "ANY": all faults of the name."""
        name, type = canonical(name), type.upper()
        self._tell("mend", (name, type), {})
        for key in [key for key in self._faults if key[0] == name and type in (ANY, key[1])]:
            del self._faults[key]

    def watch(self, callback: Watcher) -> None:
        """`callback(method's name, args, kwargs)` is called right before each change."""
        self._watchers.append(callback)

    def _tell(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for callback in self._watchers:
            callback(method, args, kwargs)

    # -- as a whole

    def text(self) -> str:
        """A zone file: ``Zone(zone.text()) == zone``, but for its faults."""
        return write(self._records)

    def copy(self) -> Zone:
        """The same records and faults; nobody watches it."""
        copy = Zone()
        copy._records, copy._faults = dict(self._records), dict(self._faults)
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and self._records == other._records and _plain(self) == _plain(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __len__(self) -> int:
        """How many records."""
        return sum(map(len, self._records.values()))

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Zone of {len(self)} records at {len(self.names())} names>"


builtin_type = type  # `type` is the DNS's word in this module's signatures


def _plain(zone: Zone) -> dict[tuple[str, str], tuple[str, tuple[Any, ...]]]:
    """The faults, so that equal ones compare equal."""
    return {key: (trouble.__class__.__name__, trouble.args) for key, trouble in zone._faults.items()}


def _parent(name: str) -> str:
    """``"a.b"`` -> ``"b"``."""
    return ".".join(labels(name)[1:]) if "\\" in name else name.partition(".")[2]


def owner_name(name: str) -> str:
    """The one spelling of a name somebody typed; LabError when the DNS cannot carry it."""
    if not can_be_asked(name):
        raise LabError(f"{name!r} is not a domain name: labels have 1 to 63 octets, and a name at most 255.")
    return canonical(name)


def _check_aliases(records: Mapping[tuple[str, str], tuple[str, ...]], names: Iterable[str]) -> None:
    """A CNAME is alone at its name (RFC 1034 §3.6.2)."""
    for name in names:
        alias = records.get((name, "CNAME"), ())
        others = [type for owner, type in records if owner == name and type not in BESIDE_CNAME]
        if len(alias) > 1 or (alias and others):
            beside = ", ".join(others) or "a second one"
            raise LabError(f"A CNAME is alone at its name, and {name} would have {beside} too: remove one of them.")


# -- one record ------------------------------------------------------------------------------------------------------


def records_of(type: str, value: Value) -> tuple[str, ...]:
    """What `edit` was given, as records: checked, in one spelling, each once."""
    values = [value] if isinstance(value, (str, bytes)) else list(value or ())
    return tuple(dict.fromkeys(record_of(type.upper(), given) for given in values))


def record_of(type: str, given: str | bytes) -> str:
    if type in TEXTS:
        return text_of(given)
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataclass

    written = given.decode("latin-1") if isinstance(given, bytes) else given
    try:
        data = dns.rdata.from_text(dns.rdataclass.IN, type, written, origin=dns.name.root, relativize=False)
    except dns.exception.DNSException as wrong:
        raise LabError(f"{written!r} is not the data of {_article(type)} record: {_reason(wrong)}.") from wrong
    return data.to_text()


def text_of(given: str | bytes) -> str:
    """A TXT record's text, an octet a character."""
    text = given.decode("latin-1") if isinstance(given, bytes) else given
    if any(ord(character) > 255 for character in text):
        raise LabError("A TXT record holds octets: encode such text first, as in TXT=text.encode().")
    if len(text) + len(text) // STRING + 1 > LONGEST_RDATA:
        raise LabError(f"A TXT record holds at most 65,279 octets, and this text has {len(text):,}.")
    return text


def _article(type: str) -> str:
    return f"{'an' if type[:1] in 'AMNS' else 'a'} {type}"


# -- a zone file -----------------------------------------------------------------------------------------------------


def read(text: str) -> Records:
    """A zone file's records; LabError with line and column where something is wrong."""
    if not text.strip():
        return {}
    import dns.exception
    import dns.rdataclass
    import dns.zonefile

    text = text.replace("\r\n", "\n")
    tokenizer, found = _tokenizer(text), _Found()
    try:
        dns.zonefile.Reader(tokenizer, dns.rdataclass.IN, cast(Any, found), default_ttl=TTL).read()
    except (dns.exception.DNSException, ValueError) as wrong:
        before = text[: tokenizer.began]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        near = re.split(r"\s", text[tokenizer.began :], maxsplit=1)[0][:40]
        at = f" at {near!r}" if near else ""
        raise LabError(f"Line {line}, column {column} of the zone file{at}: {_reason(wrong)}.") from wrong
    return {key: tuple(records) for key, records in found.records.items()}


class _Found:
    """What dnspython's reader takes for the zone that it fills: names of any domain may come."""

    def __init__(self) -> None:
        self.manager = self
        self.records: dict[tuple[str, str], dict[str, None]] = {}  # (name, type) -> records, each once
        self.types: dict[str, set[str]] = {}  # name -> types

    def origin_information(self) -> tuple[Any, bool, Any]:
        import dns.name

        return dns.name.root, False, dns.name.root

    def check_put_rdataset(self, check: object) -> None:
        """It would give us its check of CNAMEs; `add` does that."""

    def _set_origin(self, origin: object) -> None:
        """There is no one origin."""

    def add(self, owner: Any, ttl: int, data: Any) -> None:
        name, type = canonical(owner.to_text()), data.rdtype.name
        records = self.records.setdefault((name, type), {})
        records[_record(data)] = None
        types = self.types.setdefault(name, set())
        types.add(type)
        if "CNAME" in types and (types - BESIDE_CNAME or len(self.records[name, "CNAME"]) > 1):
            raise ValueError(f"a CNAME is alone at its name, and {name} has another record")


def _tokenizer(text: str) -> Any:
    """dnspython's, which also remembers where the last token began."""
    import dns.tokenizer

    class Tokenizer(dns.tokenizer.Tokenizer):
        began = 0

        def get(self, want_leading: bool = False, want_comment: bool = False) -> dns.tokenizer.Token:
            if self.ungotten_token is not None:
                return super().get(want_leading, want_comment)
            try:
                token = super().get(want_leading, want_comment)
            except dns.exception.DNSException:
                self.began = self._at() - (not self.eof)
                raise
            length = 1 if token.is_eol() else len(token.value) if not token.is_whitespace() else 0
            self.began = self._at() - length - token.is_quoted_string()
            return token

        def _at(self) -> int:
            position: int = self.file.tell()
            return position - bool(self.ungotten_char)

    return Tokenizer(io.StringIO(text), "zone")


def _reason(wrong: Exception) -> str:
    """dnspython's reason without the place, which we know better."""
    reason = re.sub(r"^zone:\d+: |caught exception <class '[^']*'>: ", "", str(wrong)).rstrip(". ")
    for theirs, ours in PLAINER.items():
        reason = re.sub(theirs, ours, reason)
    return reason or "this cannot be read"


PLAINER = {  # dnspython's words -> ours
    r"^Text input is malformed": "this is not what belongs here",
    r"^expected EOL or EOF, got \S+ ": "the line should end here, but goes on with ",
    r"^Text input ended unexpectedly": "the text ended too early",
    r"^expecting an identifier": "something is missing here",
    r"^unknown rdatatype '(.*)'": r"\1 is no type of record",
    r"^DNS resource record type is unknown": "there is no such type of record",
    r"^RR class is not zone's class": "only class IN is known here",
    r"^zone file directive '(.*)' is not allowed": r"\1 is not allowed here",
    r"^A DNS label is > 63 octets long": "a label has at most 63 octets",
    r"^A DNS name is > 255 octets long": "a name has at most 255 octets",
    r"^A DNS label is empty": "a label is empty",
    r"^string too long": "a string has at most 255 octets: cut it into several, each in quotes",
}


def _record(data: Any) -> str:
    if data.rdtype.name in TEXTS:
        return b"".join(data.strings).decode("latin-1")
    text: str = data.to_text()
    return text


def write(records: Mapping[tuple[str, str], tuple[str, ...]]) -> str:
    """The zone file that `read` reads as these records."""
    lines = [
        (f"{escaped_name(name)}.", type, written(type, record))
        for (name, type), given in records.items()
        for record in given
    ]
    width = max((len(name) for name, _, _ in lines), default=0)
    kind = max((len(type) for _, type, _ in lines), default=0)
    return "".join(f"{name:{width}}  {type:{kind}}  {data}\n" for name, type, data in lines)


def written(type: str, record: str) -> str:
    """A record's data as a zone file has it: TXT as strings of at most 255 octets, in quotes."""
    if type not in TEXTS:
        return record
    pieces = [record[start : start + STRING] for start in range(0, len(record), STRING)] or [""]
    return " ".join(f'"{re.sub(UNPRINTABLE, _escape, piece)}"' for piece in pieces)


UNPRINTABLE = re.compile(r'["\\]|[^ -~]')
IN_A_NAME = re.compile(r'["();@$]|[^!-~]')  # what a zone file would take for something else


def escaped_name(name: str) -> str:
    """``"a b.example"`` -> ``"a\\032b.example"``."""
    return IN_A_NAME.sub(_escape, name)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return (
        f"\\{character}"
        if character.isprintable() and character.isascii() and character != " "
        else (f"\\{ord(character):03d}")
    )
