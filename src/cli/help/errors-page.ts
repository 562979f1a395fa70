import type { PluginEntry } from "../../core/contracts/host.ts";
import { errorCodes, type ErrorExplanation } from "../../core/error-codes.ts";
import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";
import { formatSection, formatText, type Layout } from "./layout.ts";

/** Renders the error codes of the program and of the plugins, or one of them. Throws `USAGE_INVALID`. */
export function renderErrors(
  plugins: readonly PluginEntry[],
  code: string | undefined,
  layout: Layout,
): string[] {
  const owners: { readonly title: string; readonly codes: Readonly<Record<string, ErrorExplanation>> }[] = [
    { title: "Errors of signalman:", codes: errorCodes },
    ...plugins.map(({ plugin: { name, errors = {} } }) => ({
      title: `Errors of plugin ${name}:`,
      codes: errors,
    })),
  ];
  if (code !== undefined) {
    return renderError(
      new Map(owners.toReversed().flatMap(({ codes }) => Object.entries(codes))),
      code.toUpperCase(),
      layout,
    );
  }
  return [
    "signalman help errors <CODE> shows what to do.",
    ...owners.flatMap(({ title, codes }) => {
      const entries = Object.entries(codes).map(([left, { cause }]) => ({ left, right: [cause] }));
      return formatSection(title, entries, layout, 26);
    }),
  ];
}

function renderError(codes: ReadonlyMap<string, ErrorExplanation>, code: string, layout: Layout): string[] {
  const found = codes.get(code);
  if (found === undefined) {
    throw new AgentError("USAGE_INVALID", `unknown error code "${code}"${toHint(code, codes.keys())}`);
  }
  return [
    layout.paint("1", code),
    "",
    ...formatText(`Cause: ${found.cause}`, layout),
    "",
    ...formatText(`To do: ${found.remedy}`, layout),
  ];
}
