import type { Iso } from "@sinter/client/portable";
import { useSyncExternalStore } from "react";
import { Upload, type UploadView } from "./upload.ts";
import { uploadPorts } from "./upload-ports.ts";

/** Uploads of this page, by image. They go on while other pages of the portal are shown. */
const uploads = new Map<string, Upload>();
const listeners = new Set<() => void>();
let version = 0;

function tell(): void {
  version++;
  for (const listener of listeners) listener();
}

const isBusy = (upload: Upload): boolean =>
  upload.view.state === "running" || upload.view.state === "waiting";

/** The browser asks before it leaves a page from which files are being sent. */
function guard(event: BeforeUnloadEvent): void {
  if ([...uploads.values()].some(isBusy)) event.preventDefault();
}

export const uploadStore = {
  get: (id: string): Upload | undefined => uploads.get(id),
  /** Sends a file, or its rest. */
  start(iso: Iso, file: File): void {
    const upload = new Upload(iso, file, uploadPorts);
    uploads.set(iso.id, upload);
    upload.subscribe(tell);
    globalThis.addEventListener("beforeunload", guard);
    upload.resume();
    tell();
  },
  /** Resolves when nothing of it is being sent any more. */
  async forget(id: string): Promise<void> {
    const upload = uploads.get(id);
    upload?.pause();
    uploads.delete(id);
    tell();
    await upload?.settled();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** How far the upload of an image is; undefined when it is not sent from this page. */
export function useUpload(id: string): UploadView | undefined {
  useSyncExternalStore(uploadStore.subscribe, () => version);
  return uploads.get(id)?.view;
}
