import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Course } from "./course.tsx";
import { useKey } from "./keys.ts";
import { call, Refused } from "./call.ts";
import { useMessages } from "./messages.ts";
import { Action } from "./dialog.tsx";
import { Facts } from "./facts.tsx";
import { LogStore } from "./log-store.ts";
import { LogView, type LogViewHandle } from "./log-view.tsx";
import { follow, navigate, replaceUrl, useLinkedRow } from "./navigation.ts";
import { ConnectionNotice, JobState, useNow } from "./parts.tsx";
import { SearchBar, useSearch } from "./search.tsx";
import { TimeLine } from "./time-line.tsx";
import type { Job, JobMessage, Session } from "./types.ts";
import { toDuration, toName, toWord } from "./words.ts";

/** A job: its log, what it did when, and its facts. */
export function JobPage({ id, session }: { readonly id: string; readonly session: Session }) {
  const { store, connection, error } = useLog(id, session.hasTimelines);
  const view = useRef<LogViewHandle>(null);
  const linked = useLinkedRow();
  const search = useSearch(store, id, (row) => view.current?.show(row));
  const [settings, setSettings] = useState({ hasTimes: false, isWrapped: true });
  const toggle = (name: keyof typeof settings): void => setSettings((is) => ({ ...is, [name]: !is[name] }));
  const now = useNow(store.isLive);
  const { job, firstFailure } = store;
  useEffect(() => {
    document.title = job ? `${toWord(job)} · ${toName(job)}` : "Signalman";
  }, [job]);
  const showFailure = (): void => {
    if (firstFailure === undefined) return;
    store.fold(firstFailure, false);
    view.current?.showEnd(store.lastRowOf(firstFailure));
  };
  const showCommand = (command: number): void => {
    store.fold(command, false);
    view.current?.show(store.commands[command]!.row, "top");
  };
  useKey("e", showFailure);
  useKey("t", () => toggle("hasTimes"));
  useKey("w", () => toggle("isWrapped"));
  useKey("o", () => store.foldAll(!store.commands.some((_, command) => store.isFolded(command))));
  useOpening(store, { linked, view, showFailure });

  if (error !== "") return <Missing error={error} />;
  return (
    <main class="job">
      <ConnectionNotice connection={connection} />
      {job && <Heading job={job} store={store} now={now} session={session} showFailure={showFailure} />}
      <div class="columns">
        <div class="log-column">
          <SearchBar search={search} id={id} settings={settings} toggle={toggle} view={view} />
          <LogView
            ref={view}
            store={store}
            needle={search.needle}
            current={search.row ?? linked}
            hasTimes={settings.hasTimes}
            isWrapped={settings.isWrapped}
            onRow={(row) => replaceUrl(`${location.pathname}#L${row + 1}`)}
          />
          <Course store={store} job={job} now={now} session={session} onCommand={showCommand} />
        </div>
        <aside>
          <TimeLine store={store} now={now} onCommand={showCommand} />
          {job && <Facts job={job} now={now} timeline={store.timeline.timeline} />}
        </aside>
      </div>
    </main>
  );
}

function Missing({ error }: { readonly error: string }) {
  return (
    <main class="notice">
      <p role="alert">{error}</p>
      <p>
        <a href="/" onClick={(event) => follow(event, "/")}>
          All jobs
        </a>
      </p>
    </main>
  );
}

/** Loads the log at each connection, and applies what follows. */
function useLog(id: string, hasTimeline: boolean) {
  const store = useMemo(() => new LogStore(id), [id]);
  const [, update] = useReducer((count: number) => count + 1, 0);
  const [error, setError] = useState("");
  useEffect(() => store.subscribe(() => update(undefined)), [store]);
  const connection = useMessages<JobMessage>(`/api/jobs/${id}/events`, {
    onOpen() {
      // What a job used is shown when it is known; without it the page is still useful.
      const loads = [store.load(), hasTimeline && store.timeline.load().catch(() => {})];
      Promise.all(loads).then(
        () => update(undefined),
        (fault: unknown) => {
          if (fault instanceof Refused && fault.status === 404) setError(fault.message);
        },
      );
    },
    onMessage: (message) => store.isLoaded && store.apply(message),
  });
  return { store, connection, error };
}

interface OpeningOptions {
  readonly linked: number | undefined;
  readonly view: { readonly current: LogViewHandle | null };
  readonly showFailure: () => void;
}

/** Shows, once, the linked row, or the first failure, or the end of a log that grows. */
function useOpening(store: LogStore, { linked, view, showFailure }: OpeningOptions): void {
  const shown = useRef(false);
  useEffect(() => {
    if (!store.isLoaded || shown.current) return;
    shown.current = true;
    const command = linked === undefined ? undefined : store.commandOf(linked);
    if (command !== undefined) store.fold(command, false);
    if (linked !== undefined) view.current?.show(linked);
    else if (store.firstFailure !== undefined) showFailure();
    else if (store.isLive) view.current?.follow();
  });
}

interface HeadingProps {
  readonly job: Job;
  readonly store: LogStore;
  readonly now: number;
  readonly session: Session;
  readonly showFailure: () => void;
}

function Heading({ job, store, now, session, showFailure }: HeadingProps) {
  const { firstFailure } = store;
  // What a stop ends has an exit code as well.
  const isStopped = job.result === "stopped";
  const failed = firstFailure === undefined || isStopped ? undefined : store.commands[firstFailure];
  const canWrite = session.canAct && session.level === "write";
  const path = `/api/jobs/${encodeURIComponent(job.id)}`;
  return (
    <div class="heading">
      <JobState job={job} />
      <h1>{toName(job)}</h1>
      <span class="duration">{toDuration(job, now)}</span>
      {failed && (
        <button type="button" class="failure" onClick={showFailure}>
          exit code {failed.exitCode} from <code>{failed.directive}</code>
        </button>
      )}
      {!failed && job.reason && <span class="reason">{job.reason}</span>}
      <span class="gap" />
      {canWrite && store.isLive && (
        <Action
          label="Stop"
          question={`Stop job "${toName(job)}"? Its processes are ended.`}
          act={() => call("POST", `${path}/stop`)}
        />
      )}
      {canWrite && !store.isLive && (
        <Action
          label="Retry"
          question={`Queue job "${toName(job)}" again?`}
          act={async () => navigate(`/jobs/${(await call<{ id: string }>("POST", `${path}/retry`)).id}`)}
        />
      )}
    </div>
  );
}
