import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { renderManualPages } from "../../scripts/manual/pages.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { run } from "../support/cluster/command.ts";
import { needCommand } from "../support/engine/packages.ts";

const isInstallable = process.getuid?.() === 0 && Bun.which("apt-get") !== null;
const isMissing = Bun.which("mandoc") === null && !isInstallable;
const skipped = isMissing ? " (skipped: the package mandoc is not installed)" : "";
const pages = await renderManualPages(1_780_000_000);

test.skipIf(isMissing)(
  `manual pages pass mandoc -T lint${skipped}`,
  async () => {
    await needCommand("mandoc", "mandoc");
    await using place = await tmpdir();
    const files: string[] = [];
    for (const [name, text] of pages) {
      files.push(path.join(place.path, name));
      await writeFile(files.at(-1)!, text);
    }
    const lint = Bun.spawn(["mandoc", "-T", "lint", ...files], { stdout: "pipe", stderr: "pipe" });
    const output = (await lint.stdout.text()) + (await lint.stderr.text());
    // It looks for other pages among the installed ones; the next test looks here.
    const found = output
      .split("\n")
      .filter((line) => !/^$|referenced manual not found: Xr signalman/.test(line));
    expect(found).toEqual([]);
    const text = await run(["mandoc", "-T", "ascii", path.join(place.path, "signalman-start.1")]);
    expect(text.split(/.[\b]/).join("")).toContain("--config-file file");
  },
  600_000,
);

test("each page that another one refers to exists, and each command and option has its place", async () => {
  const names = new Set(pages.keys());
  const referred = [...pages.values()].flatMap((text) =>
    [...text.matchAll(/^\.(?:It )?Xr (\S+) (\d)/gm)].map(
      ([, name, section]) => `${name!.replaceAll("\\", "")}.${section}`,
    ),
  );
  expect(referred.filter((name) => !names.has(name))).toEqual([]);
  expect([...names]).toEqual(
    expect.arrayContaining(["signalman.1", "signalman-config-check.1", "signalman-hub-submit.1"]),
  );
  expect(pages.get("signalman.yaml.5")).toContain('.It Ic "log\\-level"\n');
});
