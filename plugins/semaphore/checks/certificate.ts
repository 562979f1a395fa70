import { isIP } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate } from "node:tls";
import { type Finding, onAbort } from "signalman";

const soonMs = 14 * 24 * 3600 * 1000;

/** Checks the certificate in a TLS handshake, without sending a request. */
export async function checkCertificate(
  url: URL,
  options: { readonly ca: readonly string[] | undefined; readonly signal: AbortSignal },
): Promise<Finding[]> {
  const host = url.hostname.replaceAll(/[[\]]/g, "");
  const { promise, resolve } = Promise.withResolvers<Finding[]>();
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(isIP(host) === 0 && { servername: host }),
    // Accept any certificate here; its faults are reported below.
    rejectUnauthorized: false,
    ...(options.ca && { ca: [...options.ca] }),
  });
  let hasConnected = false;
  const fail = (error: NodeJS.ErrnoException) =>
    resolve([hasConnected ? toFailedHandshake(url, error) : toUnreachable(url, error)]);
  socket.once("connect", () => {
    hasConnected = true;
  });
  socket.once("secureConnect", () => {
    const fault = socket.authorizationError;
    resolve([judge(url.host, host, socket.getPeerCertificate(), fault ? String(fault) : undefined)]);
  });
  socket.once("error", fail);
  socket.once("close", () => fail(new Error("the connection was closed")));
  const abort = () => fail(new Error("no answer within the time-out"));
  using _listener = onAbort(options.signal, abort);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** Reports a failed connection or TLS handshake. */
export function toUnreachable(url: URL, error: Error & { readonly code?: string }): Finding {
  const isRefused = error.code === "ECONNREFUSED" || error.code === "ConnectionRefused";
  return {
    level: "error",
    title: `"${url.host}" ${isRefused ? "refuses connections" : "is unreachable"}`,
    ...(!isRefused && { detail: error.message }),
    remedy: isRefused
      ? "check the endpoint's host and port, and that the control plane is running"
      : "check the endpoint, and this machine's network and firewall: an agent needs outgoing HTTPS to the endpoint",
  };
}

function toFailedHandshake(url: URL, error: Error): Finding {
  return {
    level: "error",
    title: `"${url.host}" accepts connections, but not TLS`,
    detail: error.message,
    remedy:
      "check the endpoint's port; a control plane without TLS, such as `signalman hub`, needs no-https (--no-https)",
  };
}

function judge(
  shown: string,
  host: string,
  certificate: PeerCertificate,
  untrusted: string | undefined,
): Finding {
  const of = `the certificate of "${shown}"`;
  const [from, to] = [Date.parse(certificate.valid_from), Date.parse(certificate.valid_to)];
  const now = Date.now();
  if (now > to || now < from) {
    const title = now > to ? `${of} has expired` : `${of} is not valid yet`;
    const detail = `valid from ${toDay(from)} to ${toDay(to)}; this machine's date is ${toDay(now)}`;
    return {
      level: "error",
      title,
      detail,
      remedy: "correct this machine's clock, or renew the certificate",
    };
  }
  const mismatch = checkServerIdentity(host, certificate);
  if (mismatch !== undefined) {
    const remedy = "use an endpoint that the certificate names";
    return { level: "error", title: `${of} is for another host`, detail: mismatch.message, remedy };
  }
  if (untrusted !== undefined) {
    const remedy =
      "set --ca-file to the certificate (PEM) of the issuing authority, which may belong to a proxy";
    return { level: "error", title: `${of} is not trusted`, detail: untrusted, remedy };
  }
  const until = `valid until ${toDay(to)}`;
  return to - now < soonMs
    ? { level: "warning", title: `${of} expires soon: ${until}`, remedy: "renew the certificate" }
    : { level: "ok", title: `${of} is trusted; ${until}` };
}

function toDay(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}
