/** A place on the axis. */
export interface Place {
  /** Share of the axis. */
  readonly share: number;
  /** Number of the bar that was chosen: it may be too narrow for its place. */
  readonly bar?: number | undefined;
}

export interface CursorProps {
  readonly place: Place | undefined;
  readonly setPlace: (place: Place | undefined) => void;
  /** Goes to the next bar, or to the one before. */
  readonly onStep: (step: 1 | -1) => void;
  readonly text: string;
  readonly onShow: () => void;
}

const keySteps: Readonly<Record<string, number>> = {
  ArrowLeft: -0.01,
  ArrowRight: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

const barSteps: Readonly<Record<string, 1 | -1>> = { ArrowUp: 1, ArrowDown: -1 };

/** Reads the figures of a time, by pointer or keyboard. */
export function Cursor({ place, setPlace, onStep, text, onShow }: CursorProps) {
  const share = place?.share ?? 0;
  const move = ({ currentTarget, clientX }: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    const { left, width } = currentTarget.getBoundingClientRect();
    setPlace({ share: clamp((clientX - left) / width) });
  };
  return (
    <div
      class="cursor"
      role="slider"
      tabIndex={0}
      aria-label="Time"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      aria-valuetext={
        text || "Left and right read the figures of a time, up and down go from step to step, Enter shows one"
      }
      onPointerMove={move}
      onPointerDown={move}
      onPointerLeave={() => setPlace(undefined)}
      onBlur={() => setPlace(undefined)}
      onClick={onShow}
      onKeyDown={(event) => {
        const [step, barStep] = [keySteps[event.key], barSteps[event.key]];
        if (event.key === "Enter") onShow();
        if (step === undefined && barStep === undefined) return;
        event.preventDefault();
        if (barStep !== undefined) onStep(barStep);
        else setPlace({ share: clamp(share + step!) });
      }}
    >
      {place && <span class="cursor-line" style={{ left: `${share * 100}%` }} />}
    </div>
  );
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
