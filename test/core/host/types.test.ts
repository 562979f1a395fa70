import { expect, test } from "bun:test";
import {
  type ErrorCode,
  definePlugin,
  defineService,
  executor,
  type JobRequest,
  type LogBackendFactory,
  logBackend,
  v,
} from "../../../src/index.ts";
import { dummyExecutor } from "../../../src/testing/index.ts";

/** This code is type-checked and not run: the contract rejects each line that is marked as an error. */
function misuses(other: JobRequest) {
  definePlugin({
    name: "events",
    setup(ctx) {
      ctx.hook("job:start", (event) => {
        // @ts-expect-error the identity of an event does not change
        event.job = other;
        // @ts-expect-error nor does the job's request
        event.job.name = "other";
        // @ts-expect-error there is no session yet to run a command in
        event.run("make");
      });
      ctx.hook("job:prepare", async ({ run }) => {
        const code: number = await run("make", { alias: "Making" });
        return void code;
      });
      // @ts-expect-error no such hook
      ctx.hook("job:strat", () => {});
      // @ts-expect-error a hook answers nothing
      ctx.hook("agent:start", () => "done");
      // @ts-expect-error no such reason
      ctx.stop("bored");
    },
  });

  definePlugin({
    name: "services",
    setup(ctx) {
      ctx.provide(executor, "dummy", dummyExecutor);
      // @ts-expect-error an executor is no log backend
      ctx.provide(logBackend, "dummy", dummyExecutor);
      // @ts-expect-error nor is an empty object an executor
      ctx.provide(executor, "dummy", {});
      // @ts-expect-error a service has the type that its token carries
      const backend: LogBackendFactory = ctx.use(executor, "dummy");
      return void backend;
    },
  });

  // @ts-expect-error a factory is a method of the service
  defineService<{ make(): object }>("acme/maker", { factories: { mak: [] } });

  const config = v.object({ channel: v.string(), quiet: v.optional(v.boolean(), false) });
  definePlugin({
    name: "flags",
    config,
    flags: { "notify-channel": "channel" },
    setup(_, options) {
      const quiet: boolean = options.quiet;
      // @ts-expect-error no such option
      return void [quiet, options.loud];
    },
  });
  definePlugin({
    name: "flags",
    config,
    // @ts-expect-error "chanel" is no key of the config
    flags: { "notify-channel": "chanel" },
    setup() {},
  });
  const codes: ErrorCode[] = ["PLUGIN_FAILED", "HEALTH_PORT_TAKEN"];
  // @ts-expect-error a code is in upper case
  codes.push("health-port-taken");
  // @ts-expect-error a plugin has a name
  definePlugin({ setup() {} });
  // @ts-expect-error and sets something up
  definePlugin({ name: "idle" });
}

test("the contract's types are checked by tsc", () => {
  expect(misuses).toBeFunction();
});
