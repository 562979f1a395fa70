import { expect, test } from "bun:test";
import { parseMounts } from "../../../src/os/file-trust/mountinfo.ts";

const isReadOnly = parseMounts(`\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /etc/config ro,relatime - tmpfs tmpfs rw
31 22 0:41 / /media/a\\040disc rw,relatime shared:3 master:1 - iso9660 /dev/sr0 ro
32 30 0:42 / /etc/config/scratch rw - tmpfs tmpfs rw
33 22 0:43 / /twice ro - tmpfs tmpfs rw
34 33 0:44 / /twice rw - tmpfs tmpfs rw
`);

test.each([
  ["/", false],
  ["/etc", false],
  ["/etc/config", true],
  ["/etc/config/..data/agent.yml", true],
  ["/etc/configuration", false],
  ["/etc/config/scratch/file", false],
  ["/media/a disc/file", true],
  ["/twice/file", false],
])("the path %s is on a read-only mount: %p", (path, expected) => {
  expect(isReadOnly(path)).toBe(expected);
});

test("without a list of mounts nothing is read-only", () => {
  expect(parseMounts("")("/etc/config")).toBeFalse();
});
