import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { toUnitSettings } from "../../src/os/systemd/unit-settings.ts";

const shutdownSeconds = 23 * 60;

test.each(["linux/signalman.service", "install.sh"])(
  "the unit in %s has the settings under which jobs survive a restart of the agent",
  async (file) => {
    const text = await readFile(path.join(import.meta.dir, file), "utf8");
    for (const { name, isRight } of toUnitSettings({ shutdownSeconds })) {
      const value = new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];
      expect({ name, isRight: value !== undefined && isRight(value) }).toEqual({ name, isRight: true });
    }
    for (const line of [
      "Type=notify",
      "WatchdogSec=2min",
      "DelegateSubgroup=agent",
      "StateDirectoryMode=0700",
      "TasksMax=infinity",
    ])
      expect(text).toContain(`\n${line}\n`);
  },
);
