import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import { AppError, type Clock } from "@sinter/kit";
import type { WebSocket } from "ws";
import type { VmService } from "../compute/index.ts";
import type { Fleet } from "../fleet/index.ts";
import { allows } from "../http/server.ts";
import type { Actor } from "../identity/index.ts";
import { consoleErrors } from "./console.errors.ts";
import { CLOSE, type ConsoleSessions, type SessionFacts } from "./console-sessions.ts";
import { type ConsoleKind, TICKET_MS, TicketBook } from "./ticket-book.ts";

export interface IssuedTicket {
  readonly ticket: string;
  readonly password: string;
  readonly expiresInS: number;
}

export type ConsoleService = ReturnType<typeof createConsoleService>;

/**
 * Consoles of VMs: by a ticket that is good once, for one user, one VM and some seconds; then as long as that user
 * stays logged in and may operate, the VM runs, and its host is reached.
 *
 * | at the same time                              | what makes it safe                                                |
 * |-----------------------------------------------|-------------------------------------------------------------------|
 * | two connections with one ticket               | it is taken out of the book before anything is waited for          |
 * | redeeming, and logging out or losing the right | the login session is asked again at redeeming, then each minute   |
 * | redeeming, and the VM stops or is moved       | where it runs is read at redeeming; an agent without it refuses    |
 * | the client goes while the line is opened      | its cleanup closes the line                                        |
 */
export function createConsoleService(parts: {
  readonly vms: Pick<VmService, "findConsole" | "openConsole" | "openScreen">;
  readonly fleet: Fleet;
  readonly sessions: ConsoleSessions;
  readonly authenticate: (token: string, isBackground?: boolean) => Promise<Actor | undefined>;
  readonly clock: Clock;
}) {
  const { vms, fleet, sessions } = parts;
  const tickets = new TicketBook(parts.clock);

  /** The VM's side has ended: because of the VM, or on the way to it? */
  async function whyEnded(vmId: number) {
    try {
      const { hostId, vmUuid } = await vms.findConsole(vmId);
      const { power } = await fleet.agent(hostId).getVm({ vmUuid });
      return power === "running" || power === "paused" ? CLOSE.lost : CLOSE.stopped;
    } catch (error) {
      const isGone = error instanceof AppError && (error.kind === "notFound" || error.kind === "conflict");
      return isGone ? CLOSE.stopped : CLOSE.lost;
    }
  }

  async function openPlace(
    facts: SessionFacts,
    onGone: (cleanup: () => void) => void,
    open: () => Promise<Duplex>,
  ): Promise<(client: WebSocket) => void> {
    const place = sessions.take(facts);
    onGone(() => place.leave());
    try {
      const line = await open();
      line.on("error", () => line.destroy());
      onGone(() => line.destroy());
      return (client) => place.connect(client, line, () => whyEnded(facts.vmId));
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  return {
    /** Throws VM_NOT_FOUND, VNC_UNAVAILABLE when the VM does not run. */
    async issue(order: {
      actor: Actor;
      token: string;
      vmId: number;
      kind: ConsoleKind;
    }): Promise<IssuedTicket> {
      const { actor, token, vmId, kind } = order;
      await vms.findConsole(vmId);
      const password = kind === "vnc" ? newPassword() : "";
      const { userId, userName } = actor;
      const ticket = tickets.issue({ kind, vmId, userId, userName, token, password });
      return { ticket, password, expiresInS: TICKET_MS / 1000 };
    },

    /**
     * Redeems a ticket and opens what it is for. `actor` is who the connection's own credentials name, if any. Throws
     * CONSOLE_TICKET_INVALID, CONSOLE_TICKET_OF_ANOTHER, NO_PERMISSION, CONSOLES_TOO_MANY, VNC_UNAVAILABLE, and what
     * the agent throws.
     */
    async redeem(
      ticket: string,
      by: { actor: Actor; clientAddress: string; onGone: (cleanup: () => void) => void },
    ): Promise<(client: WebSocket) => void> {
      const grant = tickets.redeem(ticket);
      if (!grant) throw consoleErrors.ticketInvalid();
      const { kind, vmId, userId, userName, token, password } = grant;
      if (by.actor.userId !== "" && by.actor.userId !== userId) throw consoleErrors.ticketOfAnother();
      const now = await parts.authenticate(token, true);
      if (!now) throw consoleErrors.ticketInvalid();
      if (!allows(now.access, "operate")) throw consoleErrors.noPermission();
      const facts = { kind, vmId, userName, token, clientAddress: by.clientAddress };
      return await openPlace(facts, by.onGone, () =>
        kind === "vnc" ? vms.openScreen(vmId, password) : vms.openConsole(vmId),
      );
    },

    /** The serial line for somebody whose credentials came with the connection. */
    openLine: (
      vmId: number,
      by: { actor: Actor; token: string; clientAddress: string; onGone: (cleanup: () => void) => void },
    ): Promise<(client: WebSocket) => void> => {
      const { actor, token, clientAddress } = by;
      const facts = { kind: "serial", vmId, userName: actor.userName, token, clientAddress } as const;
      return openPlace(facts, by.onGone, () => vms.openConsole(vmId));
    },
  };
}

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** As much as VNC authentication looks at: 46 random bits, for one connection within seconds. */
function newPassword(): string {
  return Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}
