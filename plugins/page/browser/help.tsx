import { Note } from "./dialog.tsx";

const keys = [
  ["/", "search in the log; filter in the overview"],
  ["n, N", "next hit, previous hit"],
  ["g, G", "beginning and end of the log"],
  ["e", "first failure"],
  ["f", "follow the log"],
  ["t", "time stamps"],
  ["w", "wrap long lines"],
  ["o", "open or fold all commands"],
  ["?", "this list"],
] as const;

export function Help({ onClose }: { readonly onClose: () => void }) {
  return (
    <Note title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Note>
  );
}
