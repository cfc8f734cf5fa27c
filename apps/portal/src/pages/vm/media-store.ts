import { useSyncExternalStore } from "react";
import { client } from "../../api/client.ts";
import { createMediaReader, type MediaActivity, PICTURE_PARTS } from "./browser-media.ts";

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
  const answer = await client.vms.attachBrowserCd(vm, { name: file.name, sizeBytes: file.size });
  const base = { vmUrn: vm.urn, fileName: file.name, sizeBytes: file.size };
  set(vm.urn, { ...base, state: "connecting", activity: NOTHING_READ });
  const reader = createMediaReader(file, (activity) => {
    const now = media.get(vm.urn);
    if (now) set(vm.urn, { ...now, activity });
  });
  const socket = new WebSocket(`wss://${location.host}${answer.path}`);
  sockets.get(vm.urn)?.close();
  sockets.set(vm.urn, socket);
  socket.binaryType = "arraybuffer";
  const isOurs = (): boolean => sockets.get(vm.urn) === socket;
  const to = (state: OpenMedium["state"]): void => {
    const now = media.get(vm.urn);
    if (now && isOurs()) set(vm.urn, { ...now, state });
  };
  socket.addEventListener("open", () => to("serving"));
  socket.addEventListener("close", () => to("lost"));
  socket.addEventListener("message", (event: MessageEvent<unknown>) => {
    if (typeof event.data === "string") void reader.answer(socket, event.data);
  });
}

/** Stops serving: further reads of the guest fail. */
export function closeMedium(vmUrn: string): void {
  sockets.get(vmUrn)?.close(1000);
  sockets.delete(vmUrn);
  set(vmUrn, undefined);
}
