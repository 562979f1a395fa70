import * as v from "valibot";

/** Checks a job's events one by one. */
export interface EventGrammar {
  /** Checks one line. Returns `undefined` when it is valid. */
  check(
    line: string,
  ): { readonly rule: "event-invalid" | "event-order"; readonly detail: string } | undefined;
  readonly isFinished: boolean;
}

export function createEventGrammar(): EventGrammar {
  let open: string | undefined;
  let isStarted = false;
  let isFinished = false;

  const findDisorder = (event: Event): string | undefined => {
    if (isFinished) return `${event.event} after job_finished`;
    if (!isStarted && event.event !== "job_started") return `${event.event} before job_started`;
    switch (event.event) {
      case "job_started":
        return isStarted ? "a second job_started" : undefined;
      case "cmd_started":
        return open === undefined ? undefined : `cmd_started while ${show(open)} is open`;
      case "cmd_output":
        return open === undefined ? "cmd_output outside of a command" : undefined;
      case "cmd_finished":
        if (open === undefined) return "cmd_finished without cmd_started";
        return open === event.directive
          ? undefined
          : `cmd_finished of ${show(event.directive)} while ${show(open)} is open`;
      case "job_finished":
        return open === undefined ? undefined : `job_finished while ${show(open)} is open`;
    }
  };
  const advance = (event: Event): void => {
    if (event.event === "job_started") isStarted = true;
    if (event.event === "cmd_started") open = event.directive;
    if (event.event === "cmd_finished") open = undefined;
    if (event.event === "job_finished") isFinished = true;
  };

  return {
    get isFinished() {
      return isFinished;
    },
    check(line) {
      const result = v.safeParse(schema, parse(line));
      if (!result.success) {
        const [{ path, message }] = result.issues;
        const key = path?.map(({ key }) => String(key)).join(".") ?? "the line";
        return { rule: "event-invalid", detail: `${key}: ${message} in ${show(line)}` };
      }
      const disorder = findDisorder(result.output);
      advance(result.output);
      return disorder === undefined ? undefined : { rule: "event-order", detail: disorder };
    },
  };
}

type Event = v.InferOutput<typeof schema>;

const seconds = v.pipe(v.number(), v.integer());
const schema = v.variant("event", [
  v.strictObject({ event: v.literal("job_started"), timestamp: seconds }),
  v.strictObject({ event: v.literal("cmd_started"), timestamp: seconds, directive: v.string() }),
  v.strictObject({ event: v.literal("cmd_output"), timestamp: seconds, output: v.string() }),
  v.strictObject({
    event: v.literal("cmd_finished"),
    timestamp: seconds,
    directive: v.string(),
    exit_code: v.pipe(v.number(), v.integer()),
    started_at: seconds,
    finished_at: seconds,
  }),
  v.strictObject({
    event: v.literal("job_finished"),
    timestamp: seconds,
    result: v.picklist(["passed", "failed", "stopped"]),
  }),
]);

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return line;
  }
}

/** Quotes a text: shortened, with control characters escaped. */
function show(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
