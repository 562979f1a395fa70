/** Whether a host, as in a URL or in a `Host` header without its port, always means this machine. */
export function isLoopbackName(host: string): boolean {
  return /^(127(\.\d+){3}|::1|\[::1\]|localhost)$/i.test(host);
}
