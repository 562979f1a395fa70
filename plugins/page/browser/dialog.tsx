import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Refused } from "./call.ts";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A modal dialog, which Escape closes. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} onClose={onClose} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

/** A dialog that only shows something. */
export function Note({ title, onClose, children }: DialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <div class="actions">
        <button type="button" class="primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

export interface ActionProps {
  readonly label: string;
  /** What is asked before it is done. */
  readonly question: string;
  readonly act: () => Promise<unknown>;
}

/** A button that asks before it does something. */
export function Action({ label, question, act }: ActionProps) {
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState("");
  const confirm = (): void => {
    act().then(
      () => setAsking(false),
      (fault: Refused) => setError(fault.message),
    );
  };
  return (
    <>
      <button type="button" onClick={() => setAsking(true)}>
        {label}
      </button>
      {isAsking && (
        <Dialog title={label} onClose={() => setAsking(false)}>
          <p>{question}</p>
          {error && <p role="alert">{error}</p>}
          <div class="actions">
            <button type="button" class="primary" onClick={confirm}>
              {label}
            </button>
            <button type="button" onClick={() => setAsking(false)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
