import { tmpdir } from "node:os";
import { definePlugin, executorWrapper } from "signalman";

/** Runs jobs of the shell where this host is read-only, with a temporary directory of their own. */
export default definePlugin({
  name: "bubblewrap",
  description: "runs jobs of the shell where this host is read-only",
  runsIn: ["job"],
  setup(ctx) {
    ctx.provide(executorWrapper, "bubblewrap", {
      executors: ["shell"],
      commandPrefix({ hostPaths, environment, options }) {
        const visible = [...hostPaths];
        // The shell uses the home of the environment where the job has none of its own.
        const { HOME } = environment;
        if (HOME && !options.home && !options.user) visible.unshift({ path: HOME, isWritten: true });
        const hidden = new Set([tmpdir(), "/tmp"]);
        return [
          ..."bwrap --ro-bind / / --dev /dev --proc /proc".split(" "),
          ...[...hidden].flatMap((path) => ["--tmpfs", path]),
          ...visible.flatMap(({ path, isWritten }) => [isWritten ? "--bind" : "--ro-bind", path, path]),
          "--",
        ];
      },
    });
  },
});
