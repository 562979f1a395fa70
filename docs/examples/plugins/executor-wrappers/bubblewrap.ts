import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { definePlugin, executorWrapper, v } from "signalman";
import { findStateDirectory } from "signalman/host";

/** Runs jobs of the shell where this host is read-only, with a temporary directory of their own. */
export default definePlugin({
  name: "bubblewrap",
  description: "runs jobs of the shell where this host is read-only",
  runsIn: ["job"],
  config: v.strictObject({
    hide: v.optional(v.pipe(v.array(v.string()), v.description("Further directories to hide")), []),
  }),
  setup(ctx, { hide }) {
    ctx.provide(executorWrapper, "bubblewrap", {
      executors: ["shell"],
      commandPrefix({ hostPaths, environment, options }) {
        const read = hostPaths.filter(({ isWritten }) => !isWritten).map(({ path }) => path);
        const written = hostPaths.filter(({ isWritten }) => isWritten).map(({ path }) => path);
        // The shell uses the home of the environment where the job has none of its own.
        const { HOME } = environment;
        if (HOME && !options.home && !options.user) written.unshift(HOME);
        // The services that listen in /run do what root or the user of the agent asks them to do.
        const hidden = new Set([tmpdir(), "/tmp", "/run"]);
        // By default it is in the home, and has the logs and requests of all jobs.
        const state = findStateDirectory({ directory: undefined, env: environment });
        const hiddenInHome = [state, ...hide].filter((path) => isDirectory(path));
        return [
          // Root could mount the host writable again, and change settings of the kernel even without capabilities.
          ..."bwrap --cap-drop ALL --ro-bind / / --dev /dev --proc /proc --ro-bind /proc/sys /proc/sys".split(
            " ",
          ),
          ...[...hidden].flatMap((path) => ["--tmpfs", path]),
          "--ro-bind-try",
          resolver,
          resolver,
          ...written.flatMap((path) => ["--bind", path, path]),
          ...hiddenInHome.flatMap((path) => ["--tmpfs", path]),
          ...read.flatMap((path) => ["--ro-bind", path, path]),
          "--",
        ];
      },
    });
  },
});

/** A possible target of the link /etc/resolv.conf. */
const resolver = "/run/systemd/resolve";

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
