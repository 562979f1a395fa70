import { useEffect, useState } from "preact/hooks";

const changed = "page:path";

/** Shows another path. */
export function navigate(path: string): void {
  history.pushState(undefined, "", path);
  dispatchEvent(new Event(changed));
}

/** Follows a link without loading the page again. */
export function follow(event: MouseEvent, path: string): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  navigate(path);
}

/** Replaces query or fragment of the path, without a step back to what was before. */
export function replaceUrl(part: string): void {
  history.replaceState(undefined, "", part);
  dispatchEvent(new Event(changed));
}

export function usePath(): string {
  return useLocation(() => location.pathname);
}

export function useQuery(): URLSearchParams {
  return new URLSearchParams(useLocation(() => location.search));
}

/** The row of `#L9987`, from 0. */
export function useLinkedRow(): number | undefined {
  const line = /^#L([1-9]\d{0,11})$/.exec(useLocation(() => location.hash))?.[1];
  return line === undefined ? undefined : Number(line) - 1;
}

function useLocation(read: () => string): string {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const update = (): void => setValue(read());
    const events = [changed, "popstate", "hashchange"];
    events.forEach((name) => addEventListener(name, update));
    return () => events.forEach((name) => removeEventListener(name, update));
  }, []);
  return value;
}
