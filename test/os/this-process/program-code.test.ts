import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { findCode, releaseProgramCode } from "../../../src/os/this-process/program-code.ts";

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

/** Kilobytes of this program's code that are mapped. */
function mappedCode(): number {
  const mappings = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  const own = mappings.find((text) => findCode(text.split("\n", 1)[0]!, process.execPath).length > 0) ?? "";
  return Number(/^Rss: +(\d+) kB$/m.exec(own)?.[1]);
}

test.if(process.platform === "linux")(
  "a program that has given its code back goes on, and maps what it uses again",
  () => {
    const before = mappedCode();
    releaseProgramCode();
    const after = mappedCode();
    expect(before).toBeGreaterThan(0);
    expect(after).toBeLessThan(before);
    expect(JSON.parse('{"a":[1,2]}')).toEqual({ a: [1, 2] });
  },
);
