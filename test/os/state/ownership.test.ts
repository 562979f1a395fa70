import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findOwnershipFault } from "../../../src/os/file-trust/ownership.ts";
import { tmpdir } from "../../../src/testing/index.ts";

const own = process.geteuid!();
const group = process.getegid!();
const passwd = `root:x:0:0::/root:/bin/sh\nagent:x:${own}:${group}::/:/bin/sh\nother:x:4321:4321::/:/bin/sh\n`;
const toLists = (members: string) => ({ passwd, group: `one:x:${group}:${members}\n` });

describe("a state directory", () => {
  test("that only its owner can change has no fault, nor has one that does not exist yet", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "state");
    expect(findOwnershipFault(path)).toBeUndefined();
    mkdirSync(path, { mode: 0o755 });
    expect(findOwnershipFault(path)).toBeUndefined();
  });

  test("that every user may write to is reported with its owner, its mode and the remedy", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "state");
    mkdirSync(path);
    chmodSync(path, 0o1777);
    expect(findOwnershipFault(path)).toEqual({
      kind: "mode",
      reason: `every user may write to it ("${path}": owner ${own}:${group}, mode 1777)`,
      remedy: `chmod 700 ${path}`,
    });
  });

  test.each([
    ["", undefined],
    ["root,agent", undefined],
    ["agent,other", "mode"],
    ["stranger", "mode"],
  ] as const)("that its group with the members %j may write to has the fault %j", async (members, kind) => {
    await using place = await tmpdir();
    const path = join(place.path, "state");
    mkdirSync(path);
    chmodSync(path, 0o770);
    expect(findOwnershipFault(path, { groups: toLists(members) })?.kind).toBe(kind);
    expect(findOwnershipFault(path, { groups: { passwd, group: "" } })?.kind).toBe("mode");
  });

  test("in a directory that others may write to has a fault, unless that has the sticky bit", async () => {
    await using place = await tmpdir();
    const parent = join(place.path, "open");
    const path = join(parent, "below", "state");
    mkdirSync(path, { recursive: true });
    chmodSync(parent, 0o757);
    expect(findOwnershipFault(path)).toMatchObject({
      kind: "parent",
      reason: `every user may replace "${join(parent, "below")}" in it ("${parent}": owner ${own}:${group}, mode 0757)`,
    });
    chmodSync(parent, 0o1757);
    expect(findOwnershipFault(path)).toBeUndefined();
  });

  test.if(own === 0)("of another user is reported to root", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "state");
    mkdirSync(path);
    chownSync(path, 4321, 4321);
    expect(findOwnershipFault(path)).toMatchObject({
      kind: "owner",
      remedy: `run the agent as user 4321, or: chown -R 0 ${path}`,
    });
  });

  test("behind a link in a directory that others may write to has a fault", async () => {
    await using place = await tmpdir();
    const open = join(place.path, "open");
    const path = join(place.path, "state");
    mkdirSync(path);
    mkdirSync(open);
    symlinkSync(path, join(open, "link"));
    expect(findOwnershipFault(join(open, "link"))).toBeUndefined();
    chmodSync(open, 0o757);
    const reason = expect.stringContaining(`every user may replace "${join(open, "link")}" in it`);
    expect(findOwnershipFault(join(open, "link"))).toMatchObject({ kind: "parent", reason });
  });

  test.if(own === 0)(
    "behind a link or in a directory of another user in a shared one has a fault",
    async () => {
      await using place = await tmpdir();
      const open = join(place.path, "open");
      mkdirSync(join(open, "directory"), { recursive: true });
      chmodSync(open, 0o1757);
      symlinkSync(place.path, join(open, "link"));
      for (const [name, what] of [
        ["link", "symbolic link"],
        ["directory", "directory"],
      ] as const) {
        const path = join(open, name, "state");
        expect(findOwnershipFault(path)).toBeUndefined();
        lchownSync(join(open, name), 4321, 4321);
        expect(findOwnershipFault(path, { option: "--storage" })).toEqual({
          kind: "owner",
          reason: `the ${what} "${join(open, name)}", through which its path leads, belongs to user 4321`,
          remedy: "remove it, or set --storage to a directory elsewhere",
        });
      }
    },
  );
});
