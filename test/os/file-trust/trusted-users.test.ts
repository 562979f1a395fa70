import { expect, test } from "bun:test";
import { findOwnGroups } from "../../../src/os/file-trust/trusted-users.ts";

const passwd = [
  "root:x:0:0::/root:/bin/sh",
  "ci:x:1000:1000::/home/ci:/bin/bash",
  "alice:x:1001:1001::/home/alice:/bin/bash",
].join("\n");
const group = ["root:x:0:", "staff:x:50:", "ci:x:1000:ci,root", "alice:x:1001:"].join("\n");
const own = (tables: { passwd?: string; group?: string } = {}) =>
  [...findOwnGroups(new Set([0, 1000]), { passwd, group, ...tables })].toSorted((a, b) => a - b);

test("the groups of root and the agent's user have no other members, nor have empty ones", () => {
  expect(own()).toEqual([0, 50, 1000]);
});

test.each([
  ["another user is listed in it", { group: group.replace("ci,root", "ci,alice") }],
  ["another user is listed in a second group with its number", { group: `${group}\nbuild:x:1000:alice` }],
  ["it is the primary group of another user", { passwd: passwd.replace("1001:1001", "1001:1000") }],
  ["the host's files do not contain it", { group: "staff:x:50:" }],
  ["a member is unknown", { group: group.replace("ci,root", "ci,ldap-user") }],
])("a group is shared when %s", (_, tables) => {
  expect(own(tables)).toContain(50);
  expect(own(tables)).not.toContain(1000);
});

test("without the host's files only group 0 is root's", () => {
  expect(own({ passwd: "", group: "" })).toEqual([0]);
});
