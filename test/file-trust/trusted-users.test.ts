import { expect, test } from "bun:test";
import { isPrivateGroup } from "../../src/os/file-trust/trusted-users.ts";

const users =
  "root:x:0:0::/root:/bin/sh\nci:x:1000:1000::/home/ci:/bin/bash\nalice:x:1001:1001::/home/alice:/bin/bash\n";
const groups = "root:x:0:\nci:x:1000:\nalice:x:1001:\n";
const ci = { uid: 1000, gid: 1000, users, groups };

test("a user's own group has no other member", () => {
  expect(isPrivateGroup(ci)).toBeTrue();
  expect(isPrivateGroup({ ...ci, groups: "ci:x:1000:ci\n" })).toBeTrue();
});

test.each([
  ["another user is listed in it", { groups: "ci:x:1000:alice\n" }],
  ["another user is listed in a second group with its number", { groups: `${groups}staff:x:1000:alice\n` }],
  ["it is the primary group of another user", { users: users.replace("1001:1001", "1001:1000") }],
  ["the host's files do not contain it", { groups: "root:x:0:\n" }],
])("a group is shared when %s", (_, change) => {
  expect(isPrivateGroup({ ...ci, ...change })).toBeFalse();
});
