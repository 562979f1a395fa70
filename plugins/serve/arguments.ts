import { AgentError } from "signalman";
import { defaultLimits, type Limits } from "./http/server.ts";

/** The command's own flags (protocol section 8.3), and the limits of its server. */
export const serveArguments = {
  "auth-token-secret": {
    type: "string",
    description: "secret that signs the tokens of clients (JWT, HMAC); required",
    valueHint: "secret",
  },
  host: { type: "string", description: "address to listen on", valueHint: "host", default: "0.0.0.0" },
  port: {
    type: "string",
    description: "port to listen on (0 to 65535); 0 selects a free port",
    valueHint: "number",
    default: "8000",
  },
  "tls-cert-path": {
    type: "string",
    description: "TLS certificate with its chain (PEM)",
    valueHint: "path",
    default: "server.crt",
  },
  "tls-key-path": {
    type: "string",
    description: "key of the TLS certificate (PEM)",
    valueHint: "path",
    default: "server.key",
  },
  "callback-retry-attempts": {
    type: "string",
    description: "maximum number of attempts of each callback, a second apart",
    valueHint: "number",
    default: "300",
  },
  "body-limit": {
    type: "string",
    description: "maximum size of a job request in bytes",
    valueHint: "bytes",
    default: String(defaultLimits.bodyBytes),
  },
  "header-limit": {
    type: "string",
    description: "maximum size of a request's header in bytes",
    valueHint: "bytes",
    default: String(defaultLimits.headerBytes),
  },
  "connection-limit": {
    type: "string",
    description: "maximum number of connections; the oldest one without a request is closed for a new one",
    valueHint: "number",
    default: String(defaultLimits.connections),
  },
} as const;

export type ServeValues = {
  readonly [K in keyof typeof serveArguments]?: string | undefined;
};

export interface ServeSettings {
  readonly secret: string;
  readonly host: string;
  readonly port: number;
  readonly attempts: number;
  readonly limits: Limits;
}

/** Converts the flags. Throws `CONFIG_INVALID` without a secret, `USAGE_INVALID` for other faults. */
export function toSettings(values: ServeValues): ServeSettings {
  const secret = values["auth-token-secret"] ?? "";
  if (secret === "") throw new AgentError("CONFIG_INVALID", "Auth token is empty (--auth-token-secret)");
  return {
    secret,
    host: values.host ?? "",
    port: toNumber(values, "port", { max: 65_535 }),
    attempts: toNumber(values, "callback-retry-attempts", { min: 1 }),
    limits: {
      ...defaultLimits,
      bodyBytes: toNumber(values, "body-limit", { min: 1024, max: 1024 ** 3 }),
      headerBytes: toNumber(values, "header-limit", { min: 1024, max: 1024 ** 2 }),
      connections: toNumber(values, "connection-limit", { min: 1, max: 100_000 }),
    },
  };
}

function toNumber(
  values: ServeValues,
  name: keyof ServeValues,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number },
): number {
  const text = values[name] ?? "";
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new AgentError("USAGE_INVALID", `"--${name}" takes a whole number ${range}, not "${text}"`);
}
