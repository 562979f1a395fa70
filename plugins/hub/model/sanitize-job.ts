import type { WireJob } from "./wire-job.ts";

/** Replacement of a secret; it is not base64 (protocol section 3.2). */
export const sanitized = "{SANITIZED}";

/** Replaces the secrets of a job. Accepts any JSON, since raw submissions are not validated. */
export function sanitize(wire: WireJob): WireJob {
  return {
    ...wire,
    ...replaced(wire, "env_vars", (value) => list(value, sanitizeVariable)),
    ...replaced(wire, "files", (value) => list(value, (file) => ({ ...file, content: sanitized }))),
    ...replaced(wire, "ssh_public_keys", (value) =>
      Array.isArray(value) ? value.map(() => sanitized) : value,
    ),
    ...replaced(wire, "logger", withoutToken),
    ...replaced(wire, "callbacks", withoutToken),
    ...replaced(wire, "compose", sanitizeCompose),
  };
}

const publicNames = new Set(["CI", "DISPLAY", "PAGER", "SSH_PRIVATE_KEY_PATH", "TERM"]);
const secretNames = new Set(["SEMAPHORE_OIDC_TOKEN", "SEMAPHORE_ARTIFACT_TOKEN", "SEMAPHORE_CACHE_USERNAME"]);

function sanitizeVariable(variable: WireJob): WireJob {
  const name = String(variable["name"]);
  const isPublic = publicNames.has(name) || (name.startsWith("SEMAPHORE") && !secretNames.has(name));
  return isPublic ? variable : { ...variable, value: sanitized };
}

function sanitizeCompose(value: unknown): unknown {
  if (!isObject(value)) return value;
  return {
    ...value,
    ...replaced(value, "containers", (containers) => list(containers, withoutContents)),
    ...replaced(value, "image_pull_credentials", (credentials) => list(credentials, withoutContents)),
  };
}

/** Replaces all variables and files of a container, whatever their names. */
function withoutContents(holder: WireJob): WireJob {
  return {
    ...holder,
    ...replaced(holder, "env_vars", (value) =>
      list(value, (variable) => ({ ...variable, value: sanitized })),
    ),
    ...replaced(holder, "files", (value) => list(value, (file) => ({ ...file, content: sanitized }))),
  };
}

function withoutToken(value: unknown): unknown {
  return isObject(value) ? { ...value, token: sanitized } : value;
}

function replaced(holder: WireJob, key: string, replace: (value: unknown) => unknown): WireJob {
  return Object.hasOwn(holder, key) ? { [key]: replace(holder[key]) } : {};
}

function list(value: unknown, replace: (item: WireJob) => WireJob): unknown {
  return Array.isArray(value) ? value.map((item: unknown) => (isObject(item) ? replace(item) : item)) : value;
}

function isObject(value: unknown): value is WireJob {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
