import { describe, expect, test } from "bun:test";
import { explainRefusal } from "./credentials.ts";

const now = Date.parse("2030-01-01T00:00:00Z");
const seconds = (text: string) => Date.parse(text) / 1000;

function explain(claims: object | string): string {
  const token =
    typeof claims === "string"
      ? claims
      : `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
  return explainRefusal({ headers: { Authorization: `Bearer ${token}` }, tls: {} }, now);
}

describe("the explanation of a refusal", () => {
  test.each([
    [
      "an expired token",
      { exp: seconds("2029-12-31T23:59:59Z") },
      "the agent's token expired at 2029-12-31T23:59:59.000Z; renew it",
    ],
    [
      "a token of the future",
      { nbf: seconds("2030-01-01T00:05:00Z") },
      "is not valid before 2030-01-01T00:05:00.000Z; correct the clock",
    ],
    ["a token that is valid", { nbf: seconds("2029-01-01"), exp: seconds("2031-01-01") }, "was not revoked"],
    ["an opaque token", "opaque", "does not accept the agent's token"],
  ])("names %s", (_, claims, text) => {
    expect(explain(claims)).toContain(text);
  });

  test("contains no part of a token", () => {
    expect(explain("opaque")).not.toContain("opaque");
  });
});
