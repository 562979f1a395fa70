import { expect, test } from "bun:test";
import { parseUpstream } from "./location.ts";

test.each([
  ["s3://ci-cache", { bucket: "ci-cache", prefix: "", endpoint: undefined, region: "us-east-1" }],
  ["s3://ci-cache/", { bucket: "ci-cache", prefix: "", endpoint: undefined, region: "us-east-1" }],
  [
    "s3://ci.cache/a/b/?endpoint=https://s3.example.com:9000/&region=auto",
    { bucket: "ci.cache", prefix: "a/b/", endpoint: "https://s3.example.com:9000", region: "auto" },
  ],
])("the upstream %s is parsed", (text, expected) => expect(parseUpstream(text)).toEqual(expected));

test.each([
  "ci-cache",
  "https://ci-cache",
  "s3://",
  "s3://Ci",
  "s3://ci/a?endpiont=https://x",
  "s3://ci/a?endpoint=x",
  "s3://ci/a?endpoint=https://user:secret@x",
  "s3://ci/a?region=a b",
  "s3://ci/a#b",
])("the upstream %s is refused", (text) => expect(parseUpstream(text)).toBeUndefined());
