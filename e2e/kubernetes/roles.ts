import { readFile } from "node:fs/promises";
import path from "node:path";
import type { JobRequest } from "signalman";
import {
  createRecordingJobLog,
  createRecordingLogger,
  executorContext,
  jobRequest,
  tmpdir,
} from "signalman/testing";
import { parseAllDocuments } from "yaml";
import { type Client, createClient } from "../../plugins/kubernetes/client/client.ts";
import { loadConnection } from "../../plugins/kubernetes/client/connection.ts";
import type { KubernetesSettings } from "../../plugins/kubernetes/settings.ts";
import { toKubeconfig } from "../support/cluster/certificates.ts";
import { root } from "../support/fixtures.ts";
import type { Namespace } from "./namespaces.ts";
import { create, settings } from "./subjects.ts";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Returns the rules of the published role, or of both: the extended one adds to it. */
export async function publishedRole(name: "signalman-agent" | "signalman-agent-extended") {
  const text = await readFile(path.join(root, "docs", "kubernetes", "rbac.yaml"), "utf8");
  const objects = parseAllDocuments(text).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string }; rules?: Rule[] },
  );
  const rulesOf = (wanted: string) =>
    objects.find(({ kind, metadata }) => kind === "Role" && metadata.name === wanted)!.rules!;
  return [...rulesOf("signalman-agent"), ...(name === "signalman-agent" ? [] : rulesOf(name))];
}

/** Lists the rights of rules: `create pods`. */
export function toRights(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
}

/** Returns the rules without one right. */
export function without(rules: readonly Rule[], right: string): Rule[] {
  const [verb, resource = ""] = right.split(" ");
  return rules
    .map((rule) => ({
      ...rule,
      verbs: rule.resources.includes(resource) ? rule.verbs.filter((each) => each !== verb) : rule.verbs,
    }))
    .filter(({ verbs }) => verbs.length > 0);
}

/** A service account of a namespace with exactly the given rights. */
export interface Account {
  readonly name: string;
  /** Text of a kubeconfig. */
  readonly kubeconfig: string;
  /** Replaces the rights. */
  grant(rules: readonly Rule[]): Promise<void>;
}

export async function createAccount(namespace: Namespace, rules: readonly Rule[]): Promise<Account> {
  const name = `agent-${crypto.randomUUID()}`;
  const metadata = { name };
  const rbac = "rbac.authorization.k8s.io";
  const grant = (granted: readonly Rule[]) =>
    namespace.apply({ apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules: granted });
  await grant(rules);
  await namespace.apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      subjects: [{ kind: "ServiceAccount", name, namespace: namespace.name }],
      roleRef: { apiGroup: rbac, kind: "Role", name },
    },
  );
  const token = (await namespace.kubectl(["create", "token", name])).trim();
  return { name, kubeconfig: toKubeconfig({ token }), grant };
}

/** Connects as a service account of the namespace with exactly these rights. */
export async function connectWith(namespace: Namespace, rules: readonly Rule[]): Promise<Client> {
  await using directory = await tmpdir();
  const { kubeconfig } = await createAccount(namespace, rules);
  const file = path.join(directory.path, "config");
  await Bun.write(file, kubeconfig);
  return createClient(await loadConnection({ KUBECONFIG: file, KUBERNETES_NAMESPACE: namespace.name }));
}

/** Runs a job of one command as this client. `isKept`: its pod and secret stay. */
export async function runAs(
  client: Client,
  options: {
    readonly isKept?: boolean;
    readonly settings?: Partial<KubernetesSettings>;
    readonly job?: Partial<JobRequest>;
  } = {},
) {
  await using directory = await tmpdir();
  const log = createRecordingJobLog();
  const logger = createRecordingLogger();
  const executor = create(executorContext(directory.path, { log, logger, job: jobRequest(options.job) }), {
    client,
    settings: { ...settings, ...options.settings },
  });
  const code = await executor.start(new AbortController().signal);
  let output = "";
  if (code === 0) await executor.run("echo hello", (chunk) => (output += Buffer.from(chunk).toString()));
  if (!options.isKept) await executor[Symbol.asyncDispose]();
  return {
    code,
    output,
    /** Messages of the agent's log. */
    logged: logger.entries.map(({ message }) => message),
    /** Text of the job's log. */
    text: log.blocks.map((block) => block.output).join(""),
  };
}
