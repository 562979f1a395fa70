import { useEffect, useRef, useState } from "preact/hooks";
import { useKey } from "./keys.ts";
import { call, type Refused } from "./call.ts";
import type { LogStore } from "./log-store.ts";
import type { LogViewHandle } from "./log-view.tsx";
import type { Found } from "./types.ts";

/** A search in a log. */
export interface Search {
  /** What is marked in the log. */
  readonly needle: string;
  readonly found: Found | undefined;
  readonly at: number;
  readonly row: number | undefined;
  readonly status: string;
  run(text: string): void;
  go(step: number): void;
  select(at: number): void;
}

export function useSearch(store: LogStore, id: string, show: (row: number) => void): Search {
  const [needle, setNeedle] = useState("");
  const [found, setFound] = useState<Found>();
  const [at, setAt] = useState(0);
  const [status, setStatus] = useState("");
  const latest = useRef("");
  const select = (index: number, { hits } = found ?? { hits: [] }): void => {
    const hit = hits[index];
    if (!hit) return;
    setAt(index);
    const command = store.commandOf(hit[0]);
    if (command !== undefined) store.fold(command, false);
    show(hit[0]);
  };
  const go = (step: number): void => {
    const length = found?.hits.length ?? 0;
    if (length > 0) select((at + step + length) % length);
  };
  const find = async (text: string): Promise<void> => {
    try {
      const query = `q=${encodeURIComponent(text)}`;
      const result = await call<Found>("GET", `/api/jobs/${encodeURIComponent(id)}/search?${query}`);
      if (latest.current !== text) return;
      setFound(result);
      setStatus(result.total === 0 ? "not found" : "");
      select(0, result);
    } catch (error) {
      setStatus((error as Refused).message);
    }
  };
  useKey("n", () => go(1));
  useKey("N", () => go(-1));
  return {
    needle,
    found,
    at,
    row: found?.hits[at]?.[0],
    status,
    go,
    select,
    run(text) {
      latest.current = text;
      setNeedle(text);
      setFound(undefined);
      setStatus(text === "" ? "" : "searching");
      if (text === "") return;
      void find(text);
    },
  };
}

export interface SearchBarProps {
  readonly search: Search;
  readonly id: string;
  readonly settings: { readonly hasTimes: boolean; readonly isWrapped: boolean };
  readonly toggle: (name: "hasTimes" | "isWrapped") => void;
  readonly view: { readonly current: LogViewHandle | null };
}

/** The row above the log: search, what is shown, downloads. */
export function SearchBar({ search, id, settings, toggle, view }: SearchBarProps) {
  const input = useRef<HTMLInputElement>(null);
  useKey("/", () => input.current?.select());
  const { found, at, status } = search;
  const path = `/api/jobs/${encodeURIComponent(id)}`;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = input.current?.value ?? "";
    if (text !== "" && text === search.needle) search.go(1);
    else search.run(text);
  };
  return (
    <>
      <form class="bar" role="search" onSubmit={submit}>
        <input
          ref={input}
          type="search"
          placeholder="Search the log"
          aria-label="Search the log"
          onInput={clearEmpty}
        />
        <span class="quiet" role="status">
          {found && found.total > 0 ? `${at + 1} of ${found.total}` : status}
        </span>
        <span class="gap" />
        <Toggle
          label="Follow"
          isOn={view.current?.isFollowing ?? false}
          onClick={() => view.current?.toggleFollow()}
        />
        <Toggle label="Times" isOn={settings.hasTimes} onClick={() => toggle("hasTimes")} />
        <Toggle label="Wrap" isOn={settings.isWrapped} onClick={() => toggle("isWrapped")} />
        <a href={`${path}/plain`} download>
          Text
        </a>
        <a href={`${path}/raw`} download>
          Events
        </a>
      </form>
      {found && found.total > 1 && <Hits search={search} found={found} />}
    </>
  );

  function clearEmpty(): void {
    if (input.current?.value === "") search.run("");
  }
}

function Toggle({
  label,
  isOn,
  onClick,
}: {
  readonly label: string;
  readonly isOn: boolean;
  readonly onClick: () => void;
}) {
  return (
    <button type="button" aria-pressed={isOn} onClick={onClick}>
      {label}
    </button>
  );
}

function Hits({ search, found }: { readonly search: Search; readonly found: Found }) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => list.current?.children[search.at]?.scrollIntoView({ block: "nearest" }), [search.at]);
  return (
    <ol class="hits" ref={list} aria-label="Hits">
      {found.hits.map(([row, text], index) => (
        <li key={row} class={index === search.at ? "current" : ""}>
          <button type="button" onClick={() => search.select(index)}>
            <span class="number">{row + 1}</span>
            <span>{text}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
