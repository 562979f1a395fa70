import { describe, expect, test } from "bun:test";
import type { JobContainer, JobRequest } from "signalman";
import { environmentVariable, jobRequest } from "signalman/testing";
import type { Container, PodSpec, SecurityContext } from "../client/objects.ts";
import { compileAllowedImages } from "./allowed-images.ts";
import { buildPod, type PodOptions } from "./build-pod.ts";
import { packSecret } from "./job-secret.ts";

const container = (overrides: Partial<JobContainer>): JobContainer => ({
  name: "main",
  image: "debian",
  command: "",
  entrypoint: "",
  user: "",
  env: [],
  files: [],
  ...overrides,
});

function build(job: Partial<JobRequest>, overrides: Partial<PodOptions> = {}) {
  const request = jobRequest(job);
  return buildPod({
    job: request,
    metadata: { name: "semaphore-job-1" },
    decorator: { pod: {}, mainContainer: {}, sidecarContainers: {}, metadata: {} },
    secret: packSecret(request),
    secretName: "semaphore-job-1-secret",
    pullSecretName: undefined,
    isAllowed: () => true,
    defaultImage: undefined,
    owner: 2,
    limits: {},
    variables: {},
    ...overrides,
  });
}

const containersOf = (...args: Parameters<typeof build>): readonly Container[] =>
  build(...args).spec.containers ?? [];

describe("images", () => {
  test("a job without containers needs a default image", () => {
    expect(() => build({})).toThrow(
      "error building pod spec: error building containers for pod spec: no containers specified in Semaphore YAML, and no default container is provided",
    );
    const [main] = containersOf({}, { defaultImage: "debian:12" });
    expect(main).toMatchObject({ name: "main", image: "debian:12" });
  });

  test("an image that is not allowed is refused, and the default image is always allowed", () => {
    const isAllowed = compileAllowedImages(["^docker.io/ours/"]);
    expect(() => build({ containers: [container({ image: "evil" })] }, { isAllowed })).toThrow(
      "error validating images: image 'evil' is not allowed",
    );
    expect(containersOf({}, { isAllowed, defaultImage: "other" })).toHaveLength(1);
  });
});

describe("containers", () => {
  const job = {
    containers: [
      container({ name: "app", image: "debian", user: "1000" }),
      container({
        name: "db",
        image: "postgres",
        entrypoint: "docker-entrypoint.sh 'a b'",
        command: 'postgres -c "x=1"',
        user: "999:998",
        env: [environmentVariable("PASSWORD", "hush $(HOME)")],
      }),
    ],
  };

  test("the first one is main, whatever its name, and runs the supervisor", () => {
    const [main] = containersOf(job);
    expect(main).toMatchObject({ name: "main", image: "debian", securityContext: { runAsUser: 1000 } });
    expect(main?.["command"]).toEqual([
      "bash",
      "-c",
      expect.stringContaining("mkfifo"),
      "signalman-supervisor",
      "2",
    ]);
  });

  test("a sidecar keeps its entrypoint, command and user", () => {
    const [, db] = containersOf(job);
    expect(db).toMatchObject({
      name: "db",
      command: ["docker-entrypoint.sh", "a b"],
      args: ["postgres", "-c", "x=1"],
      securityContext: { runAsUser: 999, runAsGroup: 998 },
    });
  });

  test("the pod contains no value of the job's variables", () => {
    const pod = build(job);
    expect(JSON.stringify(pod)).not.toContain("hush");
    expect(pod.spec.containers?.[1]?.env).toEqual([
      {
        name: "PASSWORD",
        valueFrom: { secretKeyRef: { name: "semaphore-job-1-secret", key: "container-1-variable-0" } },
      },
    ]);
  });

  test("a user that is not a number is refused with the reason", () => {
    expect(() => build({ containers: [container({ user: "postgres" })] })).toThrow(
      "container 'main': user 'postgres' is not a number",
    );
  });
});

describe("the decorator", () => {
  const decorator = {
    pod: {
      nodeSelector: { disk: "ssd" },
      containers: [{ name: "other" }],
      restartPolicy: "Always",
      volumes: [{ name: "cache", emptyDir: {} }],
      imagePullSecrets: [{ name: "ours" }],
      hostAliases: [{ ip: "10.0.0.1", hostnames: ["mirror"] }],
    },
    mainContainer: {
      env: [{ name: "A", value: "1" }],
      volumeMounts: [{ name: "cache", mountPath: "/cache" }],
    },
    sidecarContainers: { securityContext: { privileged: true } },
    metadata: {},
  };

  test("adds to the pod and overrides no field of the job", () => {
    const pod = build(
      { containers: [container({}), container({ name: "db", user: "5" })] },
      { decorator, pullSecretName: "pull" },
    );
    expect(pod.spec).toMatchObject({
      restartPolicy: "Never",
      nodeSelector: { disk: "ssd" },
      imagePullSecrets: [{ name: "ours" }, { name: "pull" }],
      hostAliases: [
        { ip: "10.0.0.1", hostnames: ["mirror"] },
        { ip: "127.0.0.1", hostnames: ["db"] },
      ],
      volumes: [{ name: "cache" }, { name: "environment" }, { name: "signalman" }],
    });
    const [main, db] = pod.spec.containers ?? [];
    expect(main?.env).toEqual([{ name: "A", value: "1" }]);
    expect(main?.volumeMounts).toMatchObject([{ mountPath: "/cache" }, { mountPath: "/tmp/injected" }, {}]);
    expect(db?.securityContext).toEqual({ privileged: true, runAsUser: 5 });
  });

  test("adds labels and annotations, and replaces none of the job's labels", () => {
    const metadata = {
      labels: { team: "a", "signalman/job": "other", "signalman/pod": "other" },
      annotations: { "karpenter.sh/do-not-disrupt": "false", note: "x" },
    };
    const { metadata: built } = build(
      {},
      {
        defaultImage: "d",
        decorator: { ...decorator, metadata },
        metadata: { name: "semaphore-job-1", labels: { "signalman/job": "1" } },
      },
    );
    expect(built.labels).toEqual({ team: "a", "signalman/job": "1", "signalman/pod": "semaphore-job-1" });
    expect(built.annotations).toEqual({
      "karpenter.sh/do-not-disrupt": "false",
      "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
      note: "x",
    });
  });

  test("takes precedence over the user of a container", () => {
    const users = (pod: PodSpec, main: SecurityContext) =>
      containersOf(
        { containers: [container({ user: "0:0" })] },
        { decorator: { ...decorator, pod, mainContainer: { securityContext: main } } },
      )[0]?.securityContext;
    expect(users({}, { runAsUser: 1000 })).toEqual({ runAsUser: 1000 });
    expect(users({}, { runAsGroup: 1000 })).toEqual({ runAsGroup: 1000 });
    expect(users({ securityContext: { runAsUser: 1000 } }, {})).toEqual({});
    expect(users({}, { runAsNonRoot: true })).toEqual({ runAsNonRoot: true, runAsUser: 0, runAsGroup: 0 });
  });

  test("is required for a pod to get the token of a service account", () => {
    const automount = (pod: PodSpec) =>
      build({}, { defaultImage: "d", decorator: { ...decorator, pod } }).spec.automountServiceAccountToken;
    expect(automount({})).toBe(false);
    expect(automount({ automountServiceAccountToken: true })).toBe(true);
    expect(automount({ serviceAccountName: "deployer" })).toBeUndefined();
    expect(automount({ serviceAccountName: "deployer", automountServiceAccountToken: false })).toBe(false);
  });

  test("takes precedence over limits of the job", () => {
    const main = (resources: object) =>
      containersOf(
        {},
        {
          defaultImage: "d",
          limits: { cpu: "2", memory: "100" },
          decorator: { ...decorator, mainContainer: { resources } },
        },
      )[0];
    expect(main({})?.["resources"]).toEqual({ limits: { cpu: "2", memory: "100" } });
    expect(main({ limits: { cpu: "1" }, requests: { cpu: "1" } })?.["resources"]).toEqual({
      limits: { cpu: "1", memory: "100" },
      requests: { cpu: "1" },
    });
  });
});
