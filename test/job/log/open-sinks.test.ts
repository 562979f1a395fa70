import { expect, test } from "bun:test";
import type { SpoolReader } from "../../../src/core/contracts/spool.ts";
import { definePlugin } from "../../../src/core/contracts/plugin.ts";
import { logSink } from "../../../src/core/contracts/services.ts";
import { createHost } from "../../../src/core/host/host.ts";
import { openSinks } from "../../../src/job/log/open-sinks.ts";
import { createJobSpool, jobEvents, jobRequest, silentLogger, toEvents } from "../../../src/testing/index.ts";

test("a log sink knows the job's slot, and its further readers begin at the first event and outlive it", async () => {
  await using spool = await createJobSpool(jobEvents(["one"]).slice(0, 2));
  const further: SpoolReader[] = [];
  const slots: number[] = [];
  const plugin = definePlugin({
    name: "page",
    setup(ctx) {
      ctx.provide(logSink, "page", {
        open: ({ spool: own, slot, openReader }) => ({
          async run() {
            slots.push(slot);
            await own.next({ maxEvents: 1 });
            further.push(openReader(), openReader());
          },
        }),
      });
    },
  });
  const plugins = [{ plugin, config: {}, origin: { kind: "built-in" } as const }];
  const host = await createHost({ plugins, roles: ["agent"], logger: silentLogger });
  const openReader = () => spool.reader();
  const sinks = openSinks({ host, job: jobRequest(), logger: silentLogger, slot: 3, openReader });
  await sinks.finish();
  expect(slots).toEqual([3]);
  spool.append(...jobEvents(["one"]).slice(2));
  spool.close();
  for (const reader of further) {
    const batch = await reader.next();
    expect(toEvents(batch!.lines)).toEqual(jobEvents(["one"]));
    expect(await reader.next()).toBeUndefined();
    reader[Symbol.dispose]();
  }
});
