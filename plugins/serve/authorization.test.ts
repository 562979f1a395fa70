import { describe, expect, test } from "bun:test";
import { createAuthorize } from "./authorization.ts";
import { secret, sign } from "./testing/api-scene.ts";

const now = 1_700_000_000;
const authorize = createAuthorize(secret, () => now * 1000);
const invalid = "Invalid authorization token";
const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");

describe("a token is accepted", () => {
  test.each([
    ["with HS256", sign({}, { alg: "HS256", typ: "JWT" })],
    ["with HS384", sign({}, { alg: "HS384" })],
    ["with HS512", sign({}, { alg: "HS512" })],
    ["before it expires", sign({ exp: now + 1 })],
    ["from its first second on", sign({ nbf: now })],
    ["with other claims", sign({ sub: "someone", aud: ["x"], iat: now + 100 })],
  ])("%s", async (_name, token) => {
    expect(await authorize(`Bearer ${token}`)).toBeUndefined();
    expect(await authorize(`any-word ${token}`)).toBeUndefined();
  });
});

describe("a token is refused", () => {
  const [header, claims, signature] = sign().split(".") as [string, string, string];
  test.each([
    ["of another secret", sign({}, { alg: "HS256" }, "another-secret")],
    ["without a signature", `${header}.${claims}.`],
    ["with half a signature", `${header}.${claims}.${signature.slice(0, 20)}`],
    ["with changed claims", `${header}.${encode({ admin: true })}.${signature}`],
    ["with the algorithm none", `${encode({ alg: "none" })}.${claims}.`],
    ["with the algorithm NONE and a signature", `${encode({ alg: "NONE" })}.${claims}.${signature}`],
    ["with an asymmetric algorithm", `${encode({ alg: "RS256" })}.${claims}.${signature}`],
    ["without an algorithm", `${encode({ typ: "JWT" })}.${claims}.${signature}`],
    [
      "with a property of an object as its algorithm",
      `${encode({ alg: "constructor" })}.${claims}.${signature}`,
    ],
    ["with a list as its algorithm", `${encode({ alg: ["HS256"] })}.${claims}.${signature}`],
    ["with a header that is no object", `${encode("HS256")}.${claims}.${signature}`],
    ["with a critical extension", sign({}, { alg: "HS256", crit: ["x"] })],
    ["when it expires", sign({ exp: now })],
    ["before its time", sign({ nbf: now + 1 })],
    ["with a text as its expiry", sign({ exp: String(now + 100) })],
    ["with null as its expiry", sign({ exp: null })],
    ["with claims that are a list", sign([])],
    ["of four parts", `${sign()}.x`],
    ["of two parts", `${header}.${claims}`],
    ["in another alphabet", `${header}.${claims}.${Buffer.from(signature, "base64url").toString("base64")}=`],
    ["that is no token", "x"],
    ["that is empty", ""],
  ])("%s", async (_name, token) => {
    expect(await authorize(`Bearer ${token}`)).toBe(invalid);
  });

  test("when the header is missing, is one word, or has three words", async () => {
    expect(await authorize("")).toBe("An authorization header is required");
    expect(await authorize(sign())).toBe(invalid);
    expect(await authorize(`Bearer ${sign()} x`)).toBe(invalid);
  });
});
