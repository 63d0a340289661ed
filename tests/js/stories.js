// A small score, as `mailedu.views.score` would write it: a journey with a talk under TLS, a decision, a question.

import { Story } from "../../mailedu/views/player/model.js";

const row = (n, up, level, kind, label, more) => ({ n, at: n / 1000, level, kind, actor: "bob@beta.example", ...(up === null ? {} : { up }), label, ...more });
const to = { to: "pop.beta.example", talk: 0 }, from = { actor: "pop.beta.example", to: "bob@beta.example", talk: 0, reply: 1 };

export const score = () => ({
  title: "bob reads",
  rows: [
    row(0, null, "journey", "open", "bob reads"),
    row(1, 0, "conversation", "open", "POP3, port 110", { ...to, from: "198.51.100.30", world: { connections: 1 } }),
    row(4, 1, "message", "say", "+OK ready", { ...from, data: "+OK ready\r\n", spans: [[3, "status"], [1, "space"], [5, "text"], [2, "CRLF"]], world: { octets: 11 }, also: [5, 6] }),
    row(7, 1, "message", "tls", "TLS handshake", { ...to, tls: true }),
    row(8, 1, "exchange", "open", "USER bob", { ...to, verb: "USER", outcome: "+OK" }),
    row(9, 4, "message", "say", "USER bob", { ...to, tls: true, data: "USER bob\r\n", spans: [[4, "command"], [1, "space"], [3, "name"], [2, "CRLF"]], world: { octets: 21 } }),
    row(10, 4, "message", "say", "-ERR no", { ...from, tls: true, data: "-ERR no\r\n", spans: [[4, "status"], [3, "text"], [2, "CRLF"]], outcome: "refused", mood: "bad", state: ["AUTHORIZATION", "USER", "PASSWORD"], world: { octets: 30 } }),
    row(20, 0, "decision", "open", "a check", { actor: "mx.beta.example", outcome: "pass", mood: "good" }),
    row(21, 7, "evidence", "ask", "beta.example MX?", { actor: "mx.beta.example", to: "dns", data: "beta.example MX", world: { questions: 1 } }),
    row(22, 7, "evidence", "answer", "10 mx.", { actor: "dns", to: "mx.beta.example", data: "beta.example MX\n10 mx." }),
    row(23, 7, "decision", "rule", "It fits.", { actor: "mx.beta.example", rule: "made.up", outcome: "match", mood: "good",
      predict: { ask: "Does it fit?", choices: [{ text: "yes", right: true, hint: "" }, { text: "no", right: false, hint: "Look again." }] } }),
    row(30, 0, "evidence", "hangup", "bob hangs up"),
  ],
  lanes: [
    { id: "bob@beta.example", role: "person", name: "bob", of: ["bob@beta.example"] },
    { id: "beta.example", role: "server", name: "beta", of: ["pop.beta.example", "mx.beta.example"] },
    { id: "dns", role: "dns", name: "dns", of: ["dns"] },
  ],
  talks: [{ name: "pop.beta.example:110/1", called: "POP3", port: 110, machine: "pop3" }],
  machines: { pop3: { title: "POP3", rfc: "1939", states: ["AUTHORIZATION", "PASSWORD", "CLOSED"], labels: { PASSWORD: "AUTHORIZATION" }, rows: [["AUTHORIZATION", "USER", "ok", "PASSWORD", "7"]] } },
  rules: {}, names: { status: ["code", "Yes or no."] },
  meters: [{ id: "questions", label: "DNS asked" }, { id: "connections", label: "calls" }, { id: "octets", label: "bytes said" }],
});

export const story = () => new Story(score());
