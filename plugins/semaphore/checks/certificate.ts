import { isIP } from "node:net";
import { checkServerIdentity, connect, type PeerCertificate } from "node:tls";
import type { Finding } from "signalman";

const soonMs = 14 * 24 * 3600 * 1000;

/** Shakes hands, looks at the certificate, and says nothing to the other side. */
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
    // What is wrong with it is to be said, so that it must be seen first.
    rejectUnauthorized: false,
    ...(options.ca && { ca: [...options.ca] }),
  });
  socket.once("secureConnect", () => {
    const fault = socket.authorizationError;
    resolve([judge(url.host, host, socket.getPeerCertificate(), fault ? String(fault) : undefined)]);
  });
  socket.once("error", (error: NodeJS.ErrnoException) => resolve([toUnreachable(url, error)]));
  socket.once("close", () => resolve([toUnreachable(url, new Error("the connection was closed"))]));
  const abort = () => resolve([toUnreachable(url, new Error("no answer came in time"))]);
  options.signal.addEventListener("abort", abort, { once: true });
  try {
    return await promise;
  } finally {
    options.signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

/** No connection, or none that speaks TLS. */
export function toUnreachable(url: URL, error: Error & { readonly code?: string }): Finding {
  const isRefused = error.code === "ECONNREFUSED" || error.code === "ConnectionRefused";
  return {
    level: "error",
    title: `"${url.host}" ${isRefused ? "refuses the connection" : "cannot be reached"}`,
    ...(!isRefused && { detail: error.message }),
    remedy: isRefused
      ? "check the endpoint's host and port, and whether the control plane runs"
      : "check the endpoint, this machine's network and firewall; outgoing HTTPS to the endpoint is all that an agent needs",
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
    const detail = `it is valid from ${toDay(from)} to ${toDay(to)}, and this machine has ${toDay(now)}`;
    return {
      level: "error",
      title,
      detail,
      remedy: "correct this machine's clock, or renew the certificate",
    };
  }
  const mismatch = checkServerIdentity(host, certificate);
  if (mismatch !== undefined) {
    const remedy = "give the endpoint by a name that the certificate has";
    return { level: "error", title: `${of} is for another host`, detail: mismatch.message, remedy };
  }
  if (untrusted !== undefined) {
    const remedy =
      "give --ca-file the certificate (PEM) of the authority that issued it; is a proxy in between?";
    return { level: "error", title: `${of} is not trusted`, detail: untrusted, remedy };
  }
  const until = `it is valid until ${toDay(to)}`;
  return to - now < soonMs
    ? { level: "warning", title: `${of} expires soon: ${until}`, remedy: "renew it" }
    : { level: "ok", title: `${of} is trusted; ${until}` };
}

function toDay(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}
