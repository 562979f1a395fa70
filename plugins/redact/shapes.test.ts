import { describe, expect, test } from "bun:test";
import { createRedactor, mask } from "./redactor.ts";

const body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(3);
const redactText = (text: string) => createRedactor([], { shapes: true }).redactText(text);

test.each([
  ["GitHub", `ghp_${"aB3".repeat(12)}`],
  ["GitHub", `gho_${"aB3".repeat(12)}`],
  ["GitHub", `ghs_${"aB3".repeat(12)}`],
  ["GitHub", `github_pat_${"A1".repeat(11)}_${"b".repeat(59)}`],
  ["GitLab", "glpat-x1Y2-3_4z5A6b7C8d9E0"],
  ["AWS", "AKIAIOSFODNN7EXAMPLE"],
  ["AWS", "ASIAIOSFODNN7EXAMPLE"],
  ["Slack", "xoxb-123456789012-123456789012-abcdefghijklmnopqrstuvwx"],
  ["Slack", "hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"],
  ["Google", `AIzaSy${"D-9t".repeat(8)}x`],
  ["Stripe", `sk_live_${"a1".repeat(12)}`],
  ["npm", `npm_${"a1".repeat(18)}`],
  ["PyPI", `pypi-AgEIcHlwaS5vcmc${"x".repeat(50)}`],
  ["Docker Hub", `dckr_pat_${"a".repeat(27)}`],
  ["JSON Web Token", `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${"s".repeat(43)}`],
  ["JSON Web Token", `eyJ0eXAiOiJKV1QiLCJraWQiOiJhIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${"s".repeat(342)}`],
])("a token of %s is masked whole: %s", (_, token) => {
  expect(redactText(`got "${token}", and \x1b[32m${token}\x1b[0m\n`)).toBe(
    `got "${mask}", and \x1b[32m${mask}\x1b[0m\n`,
  );
});

test.each(["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])("the body of a %sPRIVATE KEY is masked", (kind) => {
  for (const end of ["\n", "\r\n", "\\n"]) {
    const lines = [
      "a key:",
      `-----BEGIN ${kind}PRIVATE KEY-----`,
      ...body.trim().split("\n"),
      `-----END ${kind}PRIVATE KEY-----`,
      "",
    ];
    expect(redactText(lines.join(end))).toBe(
      `a key:${end}-----${mask}-----END ${kind}PRIVATE KEY-----${end}`,
    );
  }
});

describe.each([
  ["indented", "sed 's/^/    /'"],
  ["quoted", "sed 's/^/> /'"],
  ["with a label", "sed 's/^/stdout: key | /'"],
  ["indented and with the line ends of a terminal", "sed 's/^/  /; s/$/\\r/'"],
])("a private key that is %s", (_, command) => {
  const shift = (text: string) =>
    Bun.spawnSync(["sh", "-c", command], { stdin: Buffer.from(text) }).stdout.toString();

  test.each(["", "RSA ", "OPENSSH "])(
    "is masked as a %sPRIVATE KEY, complete, truncated and in pieces",
    (kind) => {
      const key = `-----BEGIN ${kind}PRIVATE KEY-----\n${body}QQ==\n-----END ${kind}PRIVATE KEY-----\n`;
      const shown = redactText(`a key\n${shift(key)}and\n`);
      expect(shown).toContain(mask);
      expect(shown).not.toMatch(/MII|QQ==/);
      expect(shown).toEndWith(
        `-----END ${kind}PRIVATE KEY-----${shift("\n")
          .slice(-2)
          .replace(/^[^\r]/, "")}and\n`,
      );
      expect(redactText(shift(key.slice(0, 150)))).not.toContain("MII");
      const redactor = createRedactor([], { shapes: true });
      const pieces = [...Buffer.from(shift(key))].map((byte) =>
        Buffer.from(redactor.push(Uint8Array.of(byte))),
      );
      expect(Buffer.concat([...pieces, redactor.flush()]).toString()).toBe(redactText(shift(key)));
    },
  );

  test("is masked with a passphrase", () => {
    const header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011223344556677\n\n";
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${header}${body}-----END RSA PRIVATE KEY-----\n`;
    expect(redactText(shift(key))).not.toContain("MII");
  });
});

test("a truncated private key is masked, and a key with a passphrase", () => {
  expect(redactText(`-----BEGIN PRIVATE KEY-----\n${body}`)).toBe(`-----${mask}`);
  const header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,";
  expect(redactText(`-----BEGIN RSA PRIVATE KEY-----\n${header}0011223344556677\n\n${body}-----END`)).toBe(
    `-----BEGIN RSA PRIVATE KEY-----\n${header.replace(/DEK.*/, "")}${mask}-----END`,
  );
});

test.each([
  "CI=true",
  "ghp_short",
  `npm_config_registry=https://example.com/${"a".repeat(40)}`,
  "AKIA is how a key id begins",
  `AKIA${"A".repeat(17)}`,
  "eyJhbGciOiJIUzI1NiJ9",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.",
  `eyJhbGciOiJIUzI1NiJ9.payload.${"s".repeat(43)}`,
  `-----BEGIN CERTIFICATE-----\n${body}-----END CERTIFICATE-----`,
  `-----BEGIN PUBLIC KEY-----\n${body}-----END PUBLIC KEY-----`,
  "-----BEGIN PRIVATE KEY----- is how it begins, and then come lines of letters and digits that are long",
  "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "xoxo-hugs-and-kisses-from-all-of-us-in-the-team",
])("%j is not masked", (text) => {
  expect(redactText(text)).toBe(text);
});

describe("in a stream", () => {
  const token = `ghp_${"aB3".repeat(12)}`;

  test("a token that arrives byte by byte is held until it is recognized", () => {
    const redactor = createRedactor([], { shapes: true });
    const parts = [...Buffer.from(`${token} ${token.slice(0, 30)} `)].map((byte) =>
      Buffer.from(redactor.push(Uint8Array.of(byte))).toString(),
    );
    expect(parts.slice(0, token.length).join("")).toBe("");
    expect(parts.join("")).toBe(`${mask} ${token.slice(0, 30)} `);
  });

  test("an unterminated token-like text is held up to a limit and then passed on", () => {
    const redactor = createRedactor([], { shapes: true });
    const text = `eyJhbGciOiJIUzI1NiJ9.eyJ${"a".repeat(1_000_000)}`;
    let shown = 0;
    let mostHeld = 0;
    for (let at = 0; at < text.length; at += 1000) {
      const piece = text.slice(at, at + 1000);
      shown += redactor.push(Buffer.from(piece)).length;
      mostHeld = Math.max(mostHeld, at + piece.length - shown);
    }
    expect(mostHeld).toBeLessThan(20_000);
    expect(shown + redactor.flush().length).toBe(text.length);
    expect(redactor.count).toBe(0);
  });

  test("the end of the stream resolves held bytes", () => {
    const redactor = createRedactor([], { shapes: true });
    expect(redactor.push(Buffer.from(token)).length).toBe(0);
    expect(Buffer.from(redactor.flush()).toString()).toBe(mask);
    expect(redactor.push(Buffer.from(token.slice(0, 39))).length).toBe(0);
    expect(Buffer.from(redactor.flush()).toString()).toBe(token.slice(0, 39));
  });
});

test("without shapes no token is masked", () => {
  expect(createRedactor(["something"]).redactText("AKIAIOSFODNN7EXAMPLE")).toBe("AKIAIOSFODNN7EXAMPLE");
});

test("repeated beginnings of keys in lines do not make the search quadratic", () => {
  const redactor = createRedactor([], { shapes: true });
  const flood = Buffer.from(`BEGIN PRIVATE KEY-----${"A".repeat(60)}\n`.repeat(50_000));
  redactor.push(flood);
  redactor.flush();
  expect(redactor.count).toBeGreaterThan(0);
});

test("repeated beginnings of tokens do not make the search quadratic", () => {
  const redactor = createRedactor([], { shapes: true });
  const flood = Buffer.from("eyJhbGci".repeat(500_000));
  expect(redactor.push(flood).length + redactor.flush().length).toBe(flood.length);
});
