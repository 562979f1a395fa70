import { useState } from "preact/hooks";
import { call, type Refused } from "./call.ts";

/** Asks for a token. */
export function SignIn({ canCancel, onDone }: { readonly canCancel: boolean; readonly onDone: () => void }) {
  const [error, setError] = useState("");
  const enter = (event: SubmitEvent): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get("token");
    call("POST", "/api/session", String(token)).then(onDone, (fault: Refused) => setError(fault.message));
  };
  return (
    <main class="notice">
      <form onSubmit={enter}>
        <h1>Sign in</h1>
        <label>
          Token
          <input name="token" type="password" autocomplete="current-password" required autofocus />
        </label>
        <p class="quiet">The value of page-token, or of page-read-token to look only.</p>
        {error && <p role="alert">{error}</p>}
        <div class="actions">
          <button class="primary">Sign in</button>
          {canCancel && (
            <button type="button" onClick={onDone}>
              Cancel
            </button>
          )}
        </div>
      </form>
    </main>
  );
}
