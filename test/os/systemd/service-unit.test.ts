import { expect, test } from "bun:test";
import { findServiceUnit, toAdvice } from "../../../src/os/systemd/service-unit.ts";

const env = { INVOCATION_ID: "x" };
const cgroups =
  "12:pids:/system.slice/semaphore-agent.service\n0::/system.slice/semaphore-agent.service/sub\n";

test("a unit that kills running jobs is detected, with a remedy", async () => {
  const asked: string[] = [];
  const run = async (command: readonly string[]) => {
    asked.push(command.join(" "));
    return "control-group\n";
  };
  const unit = await findServiceUnit({ env, cgroups, run });
  expect(unit).toEqual({ name: "semaphore-agent.service", killMode: "control-group" });
  expect(asked).toEqual(["systemctl show --property=KillMode --value semaphore-agent.service"]);
  expect(toAdvice(unit!)).toContain("KillMode=process");
  expect(toAdvice({ name: "a.service", killMode: "process" })).toBeUndefined();
});

test("without systemd no program is started, and a systemd that does not answer is no error", async () => {
  const run = async () => undefined;
  const never = async () => Promise.reject(new Error("asked"));
  expect(await findServiceUnit({ env: {}, cgroups, run: never })).toBeUndefined();
  expect(
    await findServiceUnit({ env, cgroups: "0::/user.slice/session-1.scope\n", run: never }),
  ).toBeUndefined();
  expect(await findServiceUnit({ env, cgroups, run })).toBeUndefined();
});
