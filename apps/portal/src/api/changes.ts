import type { QueryClient } from "@tanstack/react-query";
import { client } from "./client.ts";
import { connectionStore } from "./connection-store.ts";
import { createRefresher } from "./refresher.ts";

/** One kind of object that has changed: these, or (null) so many that all should be looked at. */
interface Change {
  readonly kind: string;
  readonly urns: readonly string[] | null;
}

/**
 * Keeps what is shown true: the manager's event stream says what has changed, and queries of that kind are read again.
 * Query keys begin with the kind: `["vms", …]`. After a gap in the stream everything is read again, since events of
 * the gap are lost.
 */
export function followChanges(queries: QueryClient): () => void {
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hadGap = false;
  const refresher = createRefresher(queries);
  const open = (): void => {
    source = new EventSource("/sinter/v1/changes");
    source.addEventListener("open", () => {
      connectionStore.back();
      if (hadGap) void queries.invalidateQueries();
      hadGap = false;
    });
    source.addEventListener("change", (event: MessageEvent<string>) => {
      const change = JSON.parse(event.data) as Change;
      refresher.refresh(change.kind);
    });
    source.addEventListener("error", () => {
      hadGap = true;
      // What comes of a call tells whether the manager or only the session is gone: the client's fetch notes it.
      client.api.get("/sinter/v1/session").catch(() => {});
      // The browser tries again by itself unless the answer was no stream: a login that has run out, or a restart.
      if (source?.readyState !== EventSource.CLOSED) return;
      source.close();
      retry = setTimeout(open, 2000);
    });
  };
  open();
  return () => {
    clearTimeout(retry);
    source?.close();
    refresher.stop();
  };
}
