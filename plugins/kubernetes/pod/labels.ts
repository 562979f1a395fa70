/** Labels of all objects of a job, in addition to the configured ones. */
export const agentLabel = "signalman/agent";
export const jobLabel = "signalman/job";

/**
 * Parses `name=value` pairs. Throws with the string of the protocol (section 8.2), or with the API server's
 * rule.
 */
export function parseLabels(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const parts = pair.split("=");
      const [name = "", value = ""] = parts;
      if (parts.length !== 2)
        throw new Error(`Error parsing --kubernetes-labels: ${pair} is not a valid label`);
      if (!isLabelName(name))
        throw new Error(`"kubernetes-labels": "${name}" is not a label name: ${nameRule}`);
      if (!isLabelValue(value))
        throw new Error(`"kubernetes-labels": "${value}" is not a label value: ${valueRule}`);
      return [name, value];
    }),
  );
}

/** Converts an id to a valid label value. Different ids may give the same value. */
export function toLabelValue(text: string): string {
  return text
    .replaceAll(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63)
    .replace(/[^A-Za-z0-9]+$/, "");
}

const valueRule = "use at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends";
const nameRule = `${valueRule}; a prefix before '/' must be a DNS name`;

function isLabelValue(value: string): boolean {
  return value === "" || (value.length <= 63 && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(value));
}

function isLabelName(name: string): boolean {
  const slash = name.indexOf("/");
  const [prefix, rest] = slash < 0 ? [undefined, name] : [name.slice(0, slash), name.slice(slash + 1)];
  const isPrefix =
    prefix === undefined ||
    (prefix.length <= 253 &&
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(prefix));
  return isPrefix && rest !== "" && isLabelValue(rest);
}
