type Variables = Readonly<Record<string, string | undefined>>;

/** Finds settings of the runtime in the environment with which an agent must not run. */
export function findEnvironmentFaults(env: Variables): string[] {
  if (env[verification] !== "0") return [];
  return [
    `"${verification}=0" in the environment turns off the verification of certificates, so that any server would receive the agent's tokens: remove it; "ca-file" names certificates to trust`,
  ];
}

/** The runtime reads "0" only. */
const verification = "NODE_TLS_REJECT_UNAUTHORIZED";
