import { useSyncExternalStore } from "react";
import { client } from "../../api/client.ts";
import { createMediaReader, type MediaActivity, parseGreeting, PICTURE_PARTS } from "./browser-media.ts";

export interface OpenMedium {
  readonly vmUrn: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly state: "connecting" | "serving" | "lost";
  readonly activity: MediaActivity;
}

const NOTHING_READ: MediaActivity = {
  reads: 0,
  bytes: 0,
  touched: Array.from({ length: PICTURE_PARTS }, () => false),
  latest: undefined,
};
/** The medium was taken out of the drive. */
const CLOSE_DETACHED = 4001;
/** Reads wait this long for a connection that comes back (docs/formats/browser-media.md). */
const RESUME_MS_MAX = 20_000;
const RETRY_MS = 1000;

/*
 * Files that guests read now. They outlive the page that opened them, so that one may go on to other pages of the
 * portal; leaving the portal breaks the CD, which the browser asks about.
 */
let media: ReadonlyMap<string, OpenMedium> = new Map();
const sockets = new Map<string, WebSocket>();
const listeners = new Set<() => void>();

function set(vmUrn: string, next: OpenMedium | undefined): void {
  const changed = new Map(media);
  if (next === undefined) changed.delete(vmUrn);
  else changed.set(vmUrn, next);
  media = changed;
  const isServing = [...media.values()].some((one) => one.state !== "lost");
  globalThis.removeEventListener("beforeunload", warn);
  if (isServing) globalThis.addEventListener("beforeunload", warn);
  for (const listener of listeners) listener();
}

function change(vmUrn: string, part: Partial<OpenMedium>): void {
  const now = media.get(vmUrn);
  if (now) set(vmUrn, { ...now, ...part });
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

export function useOpenMedium(vmUrn: string): OpenMedium | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => media.get(vmUrn),
  );
}

/** Puts `file` into the VM's drive and serves its reads from then on. Throws the manager's refusal. */
export async function openMedium(
  vm: { readonly urn: string; readonly uri: string },
  file: File,
): Promise<void> {
  const { path } = await client.vms.attachBrowserCd(vm, { name: file.name, sizeBytes: file.size });
  sockets.get(vm.urn)?.close(1000);
  set(vm.urn, {
    vmUrn: vm.urn,
    fileName: file.name,
    sizeBytes: file.size,
    state: "connecting",
    activity: NOTHING_READ,
  });
  const reader = createMediaReader(file, (activity) => change(vm.urn, { activity }));
  let lostAt: number | undefined;
  let next = path;

  const connect = (): void => {
    const socket = new WebSocket(`wss://${location.host}${next}`);
    sockets.set(vm.urn, socket);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event: MessageEvent<unknown>) => {
      if (typeof event.data !== "string") return;
      const greeting = parseGreeting(event.data);
      if (greeting === undefined) return void reader.answer(socket, event.data);
      // Each connection brings the ticket of the one after it.
      next = greeting.resume;
      lostAt = undefined;
      change(vm.urn, { state: "serving" });
    });
    socket.addEventListener("close", ({ code }) => {
      if (sockets.get(vm.urn) !== socket) return;
      if (code === CLOSE_DETACHED) return closeMedium(vm.urn);
      lostAt ??= Date.now();
      if (Date.now() - lostAt > RESUME_MS_MAX) return change(vm.urn, { state: "lost" });
      change(vm.urn, { state: "connecting" });
      setTimeout(() => {
        if (sockets.get(vm.urn) === socket) connect();
      }, RETRY_MS);
    });
  };
  connect();
}

/** Stops serving: further reads of the guest fail. */
export function closeMedium(vmUrn: string): void {
  const socket = sockets.get(vmUrn);
  sockets.delete(vmUrn);
  socket?.close(1000);
  set(vmUrn, undefined);
}
