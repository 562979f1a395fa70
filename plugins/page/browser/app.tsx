import { useCallback, useEffect, useState } from "preact/hooks";
import { call, type Refused } from "./call.ts";
import { Help } from "./help.tsx";
import { JobPage } from "./job-page.tsx";
import { useKey } from "./keys.ts";
import { follow, usePath } from "./navigation.ts";
import { OverviewPage } from "./overview-page.tsx";
import { SignIn } from "./sign-in.tsx";
import type { Session } from "./types.ts";

/** The page: the overview, or the job of the path. */
export function App() {
  const { session, error, refresh } = useSession();
  const path = usePath();
  const [isHelped, setHelped] = useState(false);
  const [isSigningIn, setSigningIn] = useState(false);
  useKey("?", () => setHelped((is) => !is));
  if (!session) return <main class="notice">{error && <p role="alert">{error}</p>}</main>;
  const job = /^\/jobs\/([\w-]+)$/.exec(path)?.[1];
  const mustSignIn = session.level === "none" || isSigningIn;
  return (
    <>
      <header class="top">
        <a class="brand" href="/" onClick={(event) => follow(event, "/")}>
          Signalman
        </a>
        <span class="place">{session.kind}</span>
        <span class="gap" />
        {session.canAct && session.level !== "write" && !mustSignIn && (
          <button type="button" onClick={() => setSigningIn(true)}>
            Sign in
          </button>
        )}
        {session.isClosed && session.level !== "none" && (
          <button type="button" onClick={() => void call("DELETE", "/api/session").then(refresh)}>
            Sign out
          </button>
        )}
        <button type="button" aria-label="Keyboard shortcuts" onClick={() => setHelped(true)}>
          ?
        </button>
      </header>
      {mustSignIn ? (
        <SignIn
          canCancel={session.level !== "none"}
          onDone={() => {
            setSigningIn(false);
            refresh();
          }}
        />
      ) : job === undefined ? (
        <OverviewPage session={session} />
      ) : (
        <JobPage key={job} id={job} session={session} />
      )}
      {isHelped && <Help onClose={() => setHelped(false)} />}
    </>
  );
}

function useSession() {
  const [session, setSession] = useState<Session>();
  const [error, setError] = useState("");
  const refresh = useCallback(() => {
    call<Session>("GET", "/api/session").then(setSession, (fault: Refused) => setError(fault.message));
  }, []);
  useEffect(refresh, []);
  return { session, error, refresh };
}
