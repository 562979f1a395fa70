import { expect, test } from "bun:test";
import { findCode, releaseProgramCode } from "../../src/os/program-code.ts";

const maps = `00200000-01800000 r--p 00000000 fe:00 42  /usr/bin/agent
01840000-06641000 r-xp 01838000 fe:00 42                         /usr/bin/agent
06642000-06656000 r--p 06641000 fe:00 42                         /usr/bin/agent
06657000-08000000 rw-p 0665e000 fe:00 42                         /usr/bin/agent
7f0000000000-7f0000001000 rwxp 00000000 00:00 0
7f0000002000-7f0000003000 r-xp 00000000 fe:00 7                  /usr/lib/libc.so.6
7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0                  [vdso]
`;

test("only executable pages of the program's own file are given back", () => {
  expect(findCode(maps, "/usr/bin/agent")).toEqual([{ start: 0x01840000, end: 0x06641000 }]);
  expect(
    findCode(maps.replaceAll("/usr/bin/agent", "/usr/bin/agent (deleted)"), "/usr/bin/agent"),
  ).toHaveLength(1);
  expect(findCode(maps, "/usr/bin/other")).toEqual([]);
});

test("a program that has given its code back goes on", () => {
  const before = process.memoryUsage().rss;
  releaseProgramCode();
  const after = process.memoryUsage().rss;
  if (process.platform === "linux") expect(after).toBeLessThan(before - 5e6);
  expect(JSON.parse('{"a":[1,2]}')).toEqual({ a: [1, 2] });
});
