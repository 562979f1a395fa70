import { useEffect, useState } from "preact/hooks";
import type { Connection } from "./messages.ts";
import type { Job } from "./types.ts";
import { signs, type Tone, toTime, toTone, toWord } from "./words.ts";

/** A state: sign, colour and word. */
export function State({ tone, word }: { readonly tone: Tone; readonly word: string }) {
  return (
    <span class={`state ${tone}`}>
      <span class="sign" aria-hidden="true">
        {signs[tone]}
      </span>
      {word}
    </span>
  );
}

export function JobState({ job }: { readonly job: Job }) {
  return <State tone={toTone(job)} word={toWord(job)} />;
}

/** The time, which changes each second while `isLive`. */
export function useNow(isLive: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isLive) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isLive]);
  return now;
}

/** Reports what the page itself does not know at present. */
export function ConnectionNotice({ connection }: { readonly connection: Connection }) {
  if (connection.state !== "lost") return null;
  return (
    <p class="lost" role="status">
      No connection since {toTime(connection.since)}: the server does not answer. What is shown may be old;
      the page goes on by itself.
    </p>
  );
}
