import { describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { type Home, openHome } from "./signalman.ts";

const good = {
  KillMode: "process",
  RestartKillSignal: "12",
  Delegate: "yes",
  OOMPolicy: "continue",
  TimeoutStopUSec: "infinity",
  StateDirectory: "signalman",
};

describe("the unit of an installed agent", () => {
  test("that kills running jobs is detected, with the missing settings", async () => {
    await using home = await openSystem({ ...good, KillMode: "control-group", TimeoutStopUSec: "1min 30s" });
    const { code, stdout } = await doctor(home);
    expect(code).toBe(0);
    expect(stdout).toContain('warning  unit "semaphore-agent.service" can interrupt or lose jobs');
    expect(stdout).toContain("KillMode (now control-group): a restart of the service ends its running job");
    expect(stdout).toMatch(/KillMode=process, TimeoutStopSec=\d+min$/m);
    expect(stdout).not.toContain("OOMPolicy");
  });

  test("that keeps jobs running is accepted, even if systemd does not know all settings", async () => {
    const { OOMPolicy: _, ...old } = good;
    await using home = await openSystem(old);
    expect((await doctor(home)).stdout).toContain(
      'unit "semaphore-agent.service" lets jobs survive a restart',
    );
  });
});

/** A machine whose systemd has one unit. */
async function openSystem(settings: Readonly<Record<string, string>>): Promise<Home> {
  const shown = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const home = await openHome({
    "signalman.config.yaml": "plugins: { shell: false, semaphore: false }\n",
    "bin/systemctl": `#!/bin/sh
cat <<END
Id=signalman.service
LoadState=not-found
KillMode=control-group

Id=semaphore-agent.service
LoadState=loaded
${shown.join("\n")}
END
`,
  });
  await chmod(join(home.path, "bin/systemctl"), 0o755);
  return home;
}

function doctor(home: Home) {
  return home.runWith(
    { PATH: `${join(home.path, "bin")}:${process.env["PATH"]}` },
    "doctor",
    "--config-file",
    "signalman.config.yaml",
  );
}
