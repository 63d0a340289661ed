r"""Answers to the exercises of lesson 02, for teachers and for the tests; see journey.py for their form."""

M1 = r"""
import re

fixed = {}
for name, letter in m1.letters.items():
    # bare line feeds
    letter = re.sub(rb"(?<!\r)\n", b"\r\n", letter)
    # no empty line
    letter = re.sub(rb"\r\n(\w+: the door)", rb"\r\n\r\n\1", letter)
    # a fold without its blank
    letter = re.sub(rb"(\r\nSubject: [^\r]*\r\n)(?![\w-]+: )", rb"\1 ", letter)
    # a line that is too long
    letter = letter.replace(b"@gamma.example, ", b"@gamma.example,\r\n ")
    # the wrong boundary
    closing = re.search(rb"\r\n--(\S+)--\r\n\Z", letter)
    if closing:
        letter = re.sub(rb'boundary="[^"]*"', b'boundary="' + closing[1] + b'"', letter)
    # the wrong encoding
    if re.search(rb"=C3=|=C2=|=E2=", letter):
        letter = letter.replace(b": 7bit", b": quoted-printable")
    fixed[name] = letter
"""

M2 = r"""
import base64

word = b"=_this-is-nowhere-else"
lines = base64.encodebytes(m2.content).replace(b"\n", b"\r\n")
message = (
    m2.header
    + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="' + word + b'"\r\n\r\n'
    + b"--" + word + b"\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n" + m2.text + b"\r\n"
    + b"--" + word + b"\r\nContent-Type: application/octet-stream\r\n"
    + b'Content-Disposition: attachment; filename="$file_name"\r\n'
    + b"Content-Transfer-Encoding: base64\r\n\r\n" + lines + b"\r\n"
    + b"--" + word + b"--\r\n"
)
"""

M3 = r"""
import base64, quopri
from email.header import decode_header, make_header

pieces = [m3.reply_subject[start:start + 25] for start in range(0, len(m3.reply_subject), 25)]
words = ["=?utf-8?B?" + base64.b64encode(piece.encode()).decode() + "?=" for piece in pieces]
answers = {
    "subject": str(make_header(decode_header(m3.subject))),
    "text": quopri.decodestring(m3.text).decode("utf-8"),
    "file": base64.b64decode(m3.file),
    "reply_subject": "\r\n ".join(words),
    "reply_text": quopri.encodestring(m3.reply_text.encode()),
}
"""

SOLUTIONS = {
    "M1": {
        "right": M1,
        "wrong": [
            # The bare line feeds become carriage returns.
            (M1.replace(r'rb"(?<!\r)\n", b"\r\n"', r'rb"(?<!\r)\n", b"\r"'), "Which two octets end a line"),
            # The list of addresses is cut off where it is too long.
            (
                M1.replace(
                    r'letter.replace(b"@gamma.example, ", b"@gamma.example,\r\n ")',
                    r'b"\r\n".join(line[:900] for line in letter.split(b"\r\n"))',
                ),
                "Which line has more than 998",
            ),
            # The empty line comes after the first line of the text, because that looks like a field.
            (M1.replace(r'rb"\r\n(\w+: the door)", rb"\r\n\r\n\1"', r'rb"\r\nRing", rb"\r\n\r\nRing"'), "Where does a header end"),
            # Where the boundary does not fit, away with it.
            (M1.replace("""b'boundary="' + closing[1] + b'"'""", "b''"), "By which line does a mail program"),
            # Instead of the label the letters are changed.
            (M1.replace('letter.replace(b": 7bit", b": quoted-printable")', 're.sub(rb"=[0-9A-F]{2}", b"?", letter)'),
             "Who tells a mail program that"),
        ],
    },
    "M2": {
        "right": M2,
        "wrong": [
            # The boundary of old habit, which stands in the text.
            (M2.replace('b"=_this-is-nowhere-else"', 'b"$habit"'), "Is there a line in your parts"),
            # The last part is not closed.
            (M2.replace('word + b"--\\r\\n"', 'word + b"\\r\\n"').replace(r'word + b"--\r\n"', r'word + b"\r\n"'),
             "How does a program know that there are no more parts"),
            # All of the base64 on one line.
            (M2.replace("base64.encodebytes(m2.content)", "base64.b64encode(m2.content)"), "How many may it have at most"),
            # The file as it is.
            (M2.replace(r'base64.encodebytes(m2.content).replace(b"\n", b"\r\n")', "m2.content"), "Which octets could the server"),
            # No empty line between a part's header and the part.
            (M2.replace(r'us-ascii\r\n\r\n"', r'us-ascii\r\n"'), "What parts a part's header"),
            # The label is forgotten: the file arrives as letters.
            (M2.replace('b"Content-Transfer-Encoding: base64\\r\\n\\r\\n"', 'b"\\r\\n"').replace(
                r'b"Content-Transfer-Encoding: base64\r\n\r\n"', r'b"\r\n"'), "Which field tells a program that the letters"),
        ],
    },
    "M3": {
        "right": M3,
        "wrong": [
            # A blank for the fold between two encoded words.
            (M3.replace('str(make_header(decode_header(m3.subject)))',
                        '"  ".join(str(make_header(decode_header(word))).strip() for word in m3.subject.split())'),
             "Count the blanks"),
            # One charset for all.
            (M3.replace("decode_header(m3.subject)", 'decode_header(m3.subject.replace("utf-8", "iso-8859-1"))'),
             "Each encoded word names its own charset"),
            # Line ends that were only there to keep lines short.
            (M3.replace('quopri.decodestring(m3.text).decode("utf-8")',
                        'quopri.decodestring(m3.text.replace(b"=\\r\\n", b"\\r\\n")).decode("utf-8")'),
             "Some line ends are the writer's"),
            # One long encoded word.
            (M3.replace("start + 25", "start + 250").replace(", 25)", ", 250)"), "Where can you cut"),
            # Cut by octets, in the middle of letters.
            (M3.replace("[m3.reply_subject[start:start + 25] for start in range(0, len(m3.reply_subject), 25)]",
                        "[m3.reply_subject.encode()[start:start + 1] for start in range(len(m3.reply_subject.encode()))]")
               .replace("piece.encode()", "piece"), "a whole number of letters"),
            # Quoted-printable without its own sign.
            (M3.replace("quopri.encodestring(m3.reply_text.encode())",
                        'quopri.encodestring(m3.reply_text.encode()).replace(b"=3D", b"= ")'),
             "What does quoted-printable make of"),
        ],
    },
    "M4": {
        "right": """
letters = 4 * -(-octets // 3)
lines = -(-letters // 76)
return letters + 2 * lines
""",
        "wrong": [
            # A third more, and no more than that.
            ("return 4 * -(-octets // 3)", "and how many lines are that"),
            # A fraction of an octet.
            ("return octets * 4 / 3 + octets * 4 / 3 / 76 * 2", "Octets come in whole numbers"),
            # One octet for a line end.
            ("letters = 4 * -(-octets // 3)\nreturn letters + -(-letters // 76)", "How many octets is a line end"),
            # The last line has no end.
            ("letters = 4 * -(-octets // 3)\nreturn letters + 2 * (letters // 76)", "The last line is a line too"),
            # What is left over is dropped.
            ("letters = 4 * (octets // 3)\nreturn letters + 2 * -(-letters // 76)", "What becomes of one or two octets"),
            # Printed, not returned.
            ("print(4 * -(-octets // 3))", "Does your function end in return"),
        ],
    },
}
