import { check, definePlugin, executor, toMessage } from "signalman";
import { createLazyExecutor } from "signalman/executor";
import { config } from "./config.ts";

/** Runs jobs in containers, through the API of a Docker engine. */
export default definePlugin({
  name: "docker",
  description: "runs jobs in containers of a Docker engine",
  runsIn: ["agent", "job"],
  config,
  flags: {
    files: "files",
    "fail-on-missing-files": "fail-on-missing-files",
    "docker-pull-policy": "pull-policy",
    "docker-pull-attempts": "pull-attempts",
    "docker-pull-timeout": "pull-timeout",
    "docker-platform": "platform",
    "docker-start-timeout": "start-timeout",
    "docker-service-timeout": "service-timeout",
    "docker-engine-timeout": "engine-timeout",
    "docker-mount-socket": "mount-socket",
    "expose-kvm-device": "expose-kvm",
    "docker-proxy-variables": "proxy-variables",
    "docker-read-only": "read-only",
    "docker-shm-size": "shm-size",
    "docker-ulimits": "ulimits",
    "docker-cap-add": "cap-add",
    "docker-cap-drop": "cap-drop",
    "docker-security-options": "security-options",
    "docker-image-max-age": "image-max-age",
    "docker-image-min-free-disk": "image-min-free-disk",
  },
  errors: {
    DOCKER_FAILED: {
      cause:
        "The Docker engine cannot be reached, or it refused a request: a pull, a login, a container, a file.",
      remedy:
        "`signalman doctor` tests the engine and its socket (`DOCKER_HOST`). For an image, check its name, the registry's login and `docker-platform`.",
    },
  },
  setup(ctx, options) {
    ctx.provide(check, "docker-engine", {
      run: async (context) => (await import("./checks/engine.ts")).checkEngine(context),
    });
    ctx.provide(check, "docker-socket", {
      run: async (context) => (await import("./checks/socket.ts")).checkSocket(context.config, options),
    });
    ctx.hook("agent:start", async ({ jobUsers }) => {
      if (jobUsers === undefined || !options["mount-socket"]) return;
      const { socketRemedy, socketRisk } = await import("./checks/socket.ts");
      ctx.log.warn(`${socketRisk}: ${socketRemedy}`);
    });
    if (options["image-max-age"] > 0 || options["image-min-free-disk"] > 0) {
      ctx.hook("agent:job-ended", async ({ job }) => {
        if (job.containers.length === 0) return;
        try {
          const [{ findEndpoint }, { connectEngine }, { removeOldImages }] = await Promise.all([
            import("./engine/endpoint.ts"),
            import("./engine/engine.ts"),
            import("./images/remove-old.ts"),
          ]);
          const timeoutMs = options["engine-timeout"] * 1000;
          await removeOldImages(
            await connectEngine(findEndpoint(process.env), { timeoutMs }),
            options,
            ctx.log,
          );
        } catch (error) {
          ctx.log.warn(`old images were not removed: ${toMessage(error)}`);
        }
      });
    }
    ctx.provide(executor, "dockercompose", {
      appliesUser: true,
      resumes: true,
      enforcesLimits: ["memoryBytes", "cpus", "pids"],
      create: (context) =>
        createLazyExecutor(async () => {
          const { createDockerExecutor } = await import("./docker.ts");
          return createDockerExecutor(context, options);
        }),
      hostAddress: async () => (await import("./engine/host-address.ts")).findHostAddress(process.env),
      cleanUp: async (context) => (await import("./clean-up.ts")).cleanUpContainers(context, options),
    });
  },
});
