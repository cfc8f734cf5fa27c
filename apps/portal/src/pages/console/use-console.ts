import { ApiError, type ConsoleTicket } from "@sinter/client/portable";
import { AppError } from "@sinter/kit/errors";
import type { WireVm } from "@sinter/northbound";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { client } from "../../api/client.ts";

export type ConsoleKind = "vnc" | "serial";

export type Phase =
  /** The VM has no console while it does not run. */
  | { readonly kind: "off" }
  | { readonly kind: "opening" }
  | { readonly kind: "connected" }
  /** It broke, or the VM was moved: a new ticket is asked for by itself. */
  | { readonly kind: "retrying"; readonly error?: unknown }
  /** Over until the user asks again. */
  | {
      readonly kind: "ended";
      readonly why: "loggedOut" | "noRight" | "taken" | "refused";
      readonly error?: unknown;
    };

/** Joins a stream to what shows it; gives what parts them. */
export type Attach = (socket: WebSocket, ticket: ConsoleTicket, onReady: () => void) => () => void;

/** Codes with which the manager ends a console for good. */
const ENDS: Readonly<Record<number, "loggedOut" | "noRight" | "taken">> = {
  4401: "loggedOut",
  4403: "noRight",
  4409: "taken",
};
/** The VM has stopped, or we left. */
const CLOSE_NORMAL = 1000;
const RETRY_MS = { first: 300, max: 5000 } as const;

/**
 * Keeps a console open for as long as the VM runs. Each connection takes a ticket of its own, since a ticket is good
 * once; `attach` undefined means that what shows it is not there yet.
 */
export function useConsole(vm: WireVm | undefined, kind: ConsoleKind, attach: Attach | undefined) {
  const queries = useQueryClient();
  const [phase, setPhase] = useState<Phase>({ kind: "opening" });
  const [attempt, setAttempt] = useState(0);
  const failures = useRef(0);
  const uri = vm?.uri;
  const isOn = vm !== undefined && (vm.status === "running" || vm.status === "pause");

  useEffect(() => {
    if (uri === undefined || attach === undefined) return;
    if (!isOn) {
      failures.current = 0;
      setPhase({ kind: "off" });
      return;
    }
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let socket: WebSocket | undefined;
    let part: (() => void) | undefined;
    const retry = (error?: unknown): void => {
      if (isOver || timer !== undefined) return;
      const waitMs = Math.min(RETRY_MS.max, RETRY_MS.first * 2 ** failures.current++);
      setPhase({ kind: "retrying", ...(error === undefined ? {} : { error }) });
      timer = setTimeout(() => setAttempt((n) => n + 1), waitMs);
    };
    const closed = ({ code }: CloseEvent): void => {
      if (isOver) return;
      const why = ENDS[code];
      if (why !== undefined) return setPhase({ kind: "ended", why });
      if (code === CLOSE_NORMAL) void queries.invalidateQueries({ queryKey: ["vms"] });
      retry();
    };
    const open = async (): Promise<void> => {
      const ticket = await client.vms.openConsole({ uri }, kind);
      if (isOver) return;
      socket = new WebSocket(`wss://${location.host}${ticket.path}`, "binary");
      socket.binaryType = "arraybuffer";
      socket.addEventListener("close", closed);
      part = attach(socket, ticket, () => {
        failures.current = 0;
        if (!isOver) setPhase({ kind: "connected" });
      });
    };
    setPhase((now) => (now.kind === "retrying" ? now : { kind: "opening" }));
    open().catch((error: unknown) => {
      if (isOver) return;
      // A manager or host that is away comes back; a VM that moves has no console for a moment.
      const isPassing =
        !(error instanceof AppError) ||
        error.retryable ||
        error.kind === "conflict" ||
        (error instanceof ApiError && error.status === 401);
      if (isPassing) retry(error);
      else setPhase({ kind: "ended", why: "refused", error });
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
      part?.();
      socket?.close(CLOSE_NORMAL);
    };
  }, [uri, isOn, kind, attach, attempt, queries]);

  return {
    phase,
    /** At once, with a new ticket. */
    reconnect(): void {
      failures.current = 0;
      setAttempt((n) => n + 1);
    },
  };
}
