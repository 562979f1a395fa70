import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "./keys.ts";
import { call, type Refused } from "./call.ts";
import { useMessages } from "./messages.ts";
import { Action, Dialog } from "./dialog.tsx";
import { follow, navigate, replaceUrl, useQuery } from "./navigation.ts";
import { ConnectionNotice, JobState, State, useNow } from "./parts.tsx";
import type { Agent, Job, Overview, Session } from "./types.ts";
import { toDuration, toName, type Tone, toTime, toWord } from "./words.ts";

/** Agents, queue and jobs as they stand. */
export function OverviewPage({ session }: { readonly session: Session }) {
  const [state, setState] = useState<Overview>();
  const connection = useMessages<Overview>("/api/events", { onMessage: setState });
  const canWrite = session.canAct && session.level === "write";
  const isLive = state?.jobs.some(({ state }) => state === "running" || state === "queued") ?? false;
  const now = useNow(isLive);
  useEffect(() => void (document.title = toTitle(state)), [state]);
  return (
    <main class="overview">
      <ConnectionNotice connection={connection} />
      {state && (
        <>
          <section aria-labelledby="agents">
            <h1 id="agents">{session.kind === "hub" ? "Agents" : "Slots"}</h1>
            <Agents agents={state.agents} jobs={state.jobs} canWrite={canWrite} />
          </section>
          <Jobs jobs={state.jobs} now={now} canWrite={canWrite} />
        </>
      )}
    </main>
  );
}

function toTitle(state: Overview | undefined): string {
  const running = state?.jobs.filter(({ state }) => state === "running").length ?? 0;
  return running > 0 ? `${running} running · Signalman` : "Signalman";
}

const agentTones: Readonly<Record<string, Tone>> = {
  running: "busy",
  waiting: "good",
  paused: "warn",
  left: "calm",
  failed: "bad",
};

interface AgentsProps {
  readonly agents: readonly Agent[];
  readonly jobs: readonly Job[];
  readonly canWrite: boolean;
}

function Agents({ agents, jobs, canWrite }: AgentsProps) {
  if (agents.length === 0) return <p class="quiet">No agent is registered.</p>;
  return (
    <ul class="agents">
      {agents.map((agent) => {
        const job = jobs.find(({ id }) => id === agent.jobId);
        return (
          <li key={agent.name}>
            <State tone={agentTones[agent.state] ?? "calm"} word={agent.state} />
            <strong>{agent.name}</strong>
            <span class="quiet">{[agent.host, agent.version].filter(Boolean).join(" · ")}</span>
            {agent.jobId !== undefined && <JobLink id={agent.jobId} name={job ? toName(job) : agent.jobId} />}
            {agent.reason && <span class="reason">{agent.reason}</span>}
            {canWrite && !agent.isDraining && agent.state !== "left" && (
              <Action
                label="Shut down"
                question={`Shut agent "${agent.name}" down? Its job, if it has one, is stopped.`}
                act={() => call("POST", `/api/agents/${encodeURIComponent(agent.name)}/shutdown`)}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}

function JobLink({ id, name }: { readonly id: string; readonly name: string }) {
  const path = `/jobs/${encodeURIComponent(id)}`;
  return (
    <a href={path} onClick={(event) => follow(event, path)}>
      {name}
    </a>
  );
}

interface JobsProps {
  readonly jobs: readonly Job[];
  readonly now: number;
  readonly canWrite: boolean;
}

const filters = ["project", "branch", "agent"] as const;
const results = ["queued", "running", "passed", "failed", "stopped"];

function Jobs({ jobs, now, canWrite }: JobsProps) {
  const query = useQuery();
  const [isSubmitting, setSubmitting] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useKey("/", () => input.current?.focus());
  const shown = jobs.filter((job) => isShown(job, query));
  const set = (name: string, value: string): void => {
    const next = new URLSearchParams(query);
    if (value === "") next.delete(name);
    else next.set(name, value);
    replaceUrl(next.size > 0 ? `/?${next}` : "/");
  };
  return (
    <section aria-labelledby="jobs">
      <div class="bar">
        <h1 id="jobs">Jobs</h1>
        <input
          ref={input}
          type="search"
          placeholder="Filter by name"
          aria-label="Filter by name"
          value={query.get("name") ?? ""}
          onInput={({ currentTarget }) => set("name", currentTarget.value)}
        />
        <Choice name="result" values={results} query={query} set={set} />
        {filters.map((name) => {
          const values = [...new Set(jobs.flatMap((job) => job[name] ?? []))].toSorted();
          return (
            values.length > 0 && <Choice key={name} name={name} values={values} query={query} set={set} />
          );
        })}
        <span class="gap" />
        {canWrite && (
          <button type="button" onClick={() => setSubmitting(true)}>
            Submit a job
          </button>
        )}
      </div>
      {shown.length === 0 ? (
        <p class="quiet">{jobs.length === 0 ? "There are no jobs yet." : "No job matches the filters."}</p>
      ) : (
        <JobTable jobs={shown} now={now} />
      )}
      {isSubmitting && <Submit onClose={() => setSubmitting(false)} />}
    </section>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly values: readonly string[];
  readonly query: URLSearchParams;
  readonly set: (name: string, value: string) => void;
}

function Choice({ name, values, query, set }: ChoiceProps) {
  const value = query.get(name) ?? "";
  return (
    <select
      aria-label={`Filter by ${name}`}
      value={value}
      onChange={({ currentTarget }) => set(name, currentTarget.value)}
    >
      <option value="">any {name}</option>
      {[...new Set([...values, ...(value === "" ? [] : [value])])].map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

function isShown(job: Job, query: URLSearchParams): boolean {
  const name = (query.get("name") ?? "").toLowerCase();
  const result = query.get("result") ?? "";
  return (
    (name === "" || `${job.name ?? ""} ${job.id}`.toLowerCase().includes(name)) &&
    (result === "" || toWord(job) === result) &&
    filters.every((filter) => !query.get(filter) || job[filter] === query.get(filter))
  );
}

function JobTable({ jobs, now }: { readonly jobs: readonly Job[]; readonly now: number }) {
  return (
    <table class="jobs">
      <thead>
        <tr>
          <th scope="col">Result</th>
          <th scope="col">Job</th>
          <th scope="col">Agent</th>
          <th scope="col" class="number">
            Started
          </th>
          <th scope="col" class="number">
            Duration
          </th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id}>
            <td>
              <JobState job={job} />
            </td>
            <td class="name">
              <JobLink id={job.id} name={toName(job)} />
              <span class="quiet">{[job.project, job.branch, job.executor].filter(Boolean).join(" · ")}</span>
              {job.reason && <span class="reason">{job.reason}</span>}
            </td>
            <td>{job.place === undefined ? job.agent : `place ${job.place} in the queue`}</td>
            <td class="number">{toTime(job.startedAt ?? job.createdAt ?? now, now)}</td>
            <td class="number">{toDuration(job, now)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const example = 'name: a job\ncommands:\n  - echo "I run"\n';

function Submit({ onClose }: { readonly onClose: () => void }) {
  const [error, setError] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("text");
    call<{ id: string }>("POST", "/api/jobs", String(text)).then(
      ({ id }) => navigate(`/jobs/${id}`),
      (fault: Refused) => setError(fault.message),
    );
  };
  return (
    <Dialog title="Submit a job" onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          Job file (YAML)
          <textarea name="text" rows={12} cols={60} spellcheck={false} defaultValue={example} />
        </label>
        {error && <p role="alert">{error}</p>}
        <div class="actions">
          <button class="primary">Submit</button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
